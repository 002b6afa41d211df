//! All that is written and sent: groups, sources of inhibitions, nudges, dead letters; and the calls
//! of sinks, which are in `deliver`.

mod deliver;

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use runtime::{Invocation, Queue};
use serde_json::json;
use store::{Create, Document, DocumentKey, Documents, Replace, WriteOptions};

use crate::decide::{Burial, Decision, FORGOTTEN, SourceChange};
use crate::error::Error;
use crate::event::{Look, nudge};
use crate::group::Group;
use crate::inhibit::{self, Inhibitor};
use crate::overflow::{Counts, Overflow};
use crate::silence::{self, Silence};
use crate::sinks::Sinks;
use crate::time::{after, since};

pub use deliver::Patience;

/// How long a source of inhibitions is believed to fire without being heard of again. Reminders make
/// it known anew; one that is forgotten holds nothing back.
const INHIBITOR_LIVES: Duration = Duration::from_hours(24 * 7);

/// How many alerts a dead letter names.
const BURIED_ALERTS_MAX: usize = 20;

/// Of how many full groups an instance keeps its count in memory; of what is beyond, it reads its own
/// document first. Each has some 200 bytes.
const COUNTED_MAX: usize = 1_000;

/// How often a silence is written that others change at the same time.
const SILENCE_ATTEMPTS_MAX: u32 = 3;

/// Writes to the table, the queues and the sinks.
#[derive(Debug)]
pub struct Hands {
    /// The table.
    pub documents: Documents,
    /// The partition of this deployment's documents.
    pub partition: String,
    /// The function's own queue, and where alerts go that nobody took.
    pub queue: Queue,
    /// All sinks.
    pub sinks: Sinks,
    /// How long a call of a sink is tried.
    pub patience: Patience,
    /// This instance's name, under which it counts the alerts of full groups.
    pub instance: String,
    /// What it has counted, as it stands in the table.
    pub counted: tokio::sync::Mutex<HashMap<DocumentKey, Document<Overflow>>>,
    /// The sinks that took nothing in this instance a moment ago.
    pub troubled: Mutex<HashMap<String, Timestamp>>,
}

/// What came of writing a group.
#[derive(Debug)]
#[must_use = "another may have changed the group"]
pub enum Written {
    /// It is written, with this version.
    Done(u64),
    /// Another was quicker: this is the group now.
    Changed(Option<Box<Document<Group>>>),
}

impl Hands {
    /// Writes a group as it was decided, on the version that the decision rests on.
    ///
    /// # Errors
    /// When the table refuses or does not answer.
    pub async fn write(
        &self,
        key: &DocumentKey,
        decision: &Decision,
        version: Option<u64>,
        now: Timestamp,
    ) -> Result<Written, Error> {
        let options = WriteOptions {
            expires_at: Some(decision.expires_at),
            due_at: decision.due_at,
            write_id: None,
        };
        let group = &decision.group;
        if let Some(version) = version {
            let put = self.documents.replace(key, group, version, &options, now).await?;
            return Ok(match put {
                Replace::Replaced(version) => Written::Done(version),
                Replace::Changed(current) => Written::Changed(current.map(Box::new)),
            });
        }
        let put = self.documents.create(key, group, &options, now).await?;
        Ok(match put {
            Create::Created(version) => Written::Done(version),
            Create::Exists(current) => Written::Changed(Some(Box::new(current))),
        })
    }

    /// Notes how many alerts of a full group an invocation brought, in the document of this
    /// instance. The same again changes nothing.
    ///
    /// # Errors
    /// When the table refuses or does not answer.
    pub async fn count(
        &self,
        key: &DocumentKey,
        brought: &Counts,
        by: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let options =
            WriteOptions { expires_at: Some(after(now, FORGOTTEN)), ..Default::default() };
        let mut counted = self.counted.lock().await;
        if counted.len() >= COUNTED_MAX {
            counted.clear();
        }
        // Until it is written again, nobody knows whether it was.
        let found = match counted.remove(key) {
            Some(known) => Some(known),
            None => self.documents.read::<Overflow>(key, now).await?,
        };
        let (mut overflow, version) =
            found.map_or_else(Default::default, |found| (found.value, Some(found.version)));
        overflow.count(brought, by);
        let written = match version {
            None => match self.documents.create(key, &overflow, &options, now).await? {
                Create::Created(version) => Some(version),
                Create::Exists(_) => None,
            },
            Some(version) => {
                match self.documents.replace(key, &overflow, version, &options, now).await? {
                    Replace::Replaced(version) => Some(version),
                    Replace::Changed(_) => None,
                }
            }
        };
        // Nobody else has this document; it is read anew when the message comes again.
        let contended = || Error::Contended { group: format!("the count {}", key.id), attempts: 1 };
        let version = written.ok_or_else(contended)?;
        counted.insert(key.clone(), Document { value: overflow, version });
        Ok(())
    }

    /// Notes the sources of inhibitions that are over. Before the group is written: a source that
    /// was left behind would hold others back, one that is gone too soon would not.
    ///
    /// # Errors
    /// When the table refuses or does not answer.
    pub async fn forget_sources(
        &self,
        changes: &[SourceChange],
        now: Timestamp,
    ) -> Result<(), Error> {
        for change in changes {
            let SourceChange::Over(id) = change else { continue };
            let key = self.source_key(id);
            let found = self.documents.read::<Inhibitor>(&key, now).await?;
            if let Some(found) = found {
                // If another changed it meanwhile, it fires again.
                let _left = self.documents.delete::<Inhibitor>(&key, found.version, now).await?;
            }
        }
        Ok(())
    }

    /// Notes the sources of inhibitions that fire. After the group is written.
    ///
    /// # Errors
    /// When the table refuses or does not answer.
    pub async fn note_sources(
        &self,
        changes: &[SourceChange],
        now: Timestamp,
    ) -> Result<(), Error> {
        for change in changes {
            let SourceChange::Fires(source) = change else { continue };
            let options = WriteOptions {
                expires_at: Some(after(now, INHIBITOR_LIVES)),
                ..Default::default()
            };
            // What is there already says the same.
            let _there =
                self.documents.create(&self.source_key(&source.id), source, &options, now).await?;
        }
        Ok(())
    }

    fn source_key(&self, id: &str) -> DocumentKey {
        DocumentKey::new(inhibit::KIND, self.partition.clone(), id)
    }

    /// Keeps a silence until its end, in place of one of the same matchers and author.
    ///
    /// # Errors
    /// When the table refuses or does not answer, or others keep changing the same silence.
    pub async fn silence(&self, silence: &Silence, now: Timestamp) -> Result<(), Error> {
        let key = DocumentKey::new(silence::KIND, self.partition.clone(), silence.id());
        let options = WriteOptions { expires_at: Some(silence.ends_at), ..Default::default() };
        let mut found = match self.documents.create(&key, silence, &options, now).await? {
            Create::Created(_) => return Ok(()),
            Create::Exists(found) => Some(found),
        };
        for _ in 0..SILENCE_ATTEMPTS_MAX {
            let version = found.map_or(0, |found| found.version);
            match self.documents.replace(&key, silence, version, &options, now).await? {
                Replace::Replaced(_) => return Ok(()),
                Replace::Changed(current) => found = current,
            }
        }
        let group = format!("the silence {}", silence.id());
        Err(Error::Contended { group, attempts: SILENCE_ATTEMPTS_MAX })
    }

    /// Has the queue bring a look at the group at this time. That it cannot be done costs nothing but
    /// time: the sweep looks at what is due.
    pub async fn nudge(&self, group: &str, at: Timestamp, now: Timestamp) {
        // The whole delay: a look that comes too soon finds nothing to do.
        let sent = self.queue.send_after(nudge(&Look::at(group)), since(now, at), None).await;
        if let Err(error) = sent {
            let error = error.to_string();
            tracing::warn!(error, "no look at {group} could be queued; the sweep comes later");
        }
    }

    /// Has the queue bring looks at all these groups now.
    ///
    /// # Errors
    /// When the queue does not take them; the next sweep finds the same groups.
    pub async fn nudge_all(&self, groups: &[String], invocation: &Invocation) -> Result<(), Error> {
        let looks: Vec<String> = groups.iter().map(|group| nudge(&Look::at(group))).collect();
        Ok(self.queue.requeue_all(&looks, Duration::ZERO, invocation).await?)
    }

    /// Puts what nobody took with the dead letters, with the reason. The message is a look at its
    /// group, so that sending it again makes the function tell what is still to be told.
    ///
    /// # Errors
    /// When the queue does not take it.
    pub async fn bury(&self, burial: &Burial) -> Result<(), Error> {
        let Burial { target, notification, reason } = burial;
        let alerts: Vec<_> = notification
            .alerts
            .iter()
            .take(BURIED_ALERTS_MAX)
            .map(|alert| {
                json!({
                    "title": alert.title, "state": alert.state, "severity": alert.severity,
                    "happened_at": alert.happened_at, "dedup_key": alert.dedup_key,
                })
            })
            .collect();
        let body = json!({
            "caretaker": "look",
            "group": notification.group_key,
            "not_told_to": target,
            "reason": reason,
            "generation": notification.generation,
            "occasion": notification.occasion,
            "severity": notification.severity,
            "firing": notification.firing,
            "alerts": alerts,
        });
        let words = format!("{target}: {reason}");
        self.queue.bury("an alert", &body.to_string(), &words).await?;
        tracing::error!(
            error_type = "NotTold",
            error = words,
            "nobody took the alerts of {}: {words}",
            notification.group_key
        );
        Ok(())
    }
}
