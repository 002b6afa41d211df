//! All that is read: groups, silences, the sources of inhibitions, and CloudWatch's alarms.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_cloudwatch::types::{AlarmType, StateValue};
use aws_smithy_types::DateTime;
use domain::catalogue::alerting::Alerting;
use jiff::Timestamp;
use runtime::call;
use serde::de::DeserializeOwned;
use store::{Document, DocumentKey, Documents, Due};

use crate::error::Error;
use crate::group::{self, Group};
use crate::inhibit::{self, Inhibitor};
use crate::overflow::{self, Counts, Overflow};
use crate::silence::{self, Silence};
use crate::time::since;

/// How long silences are believed without asking again. Who makes one can wait for so long, and a
/// batch of alerts needs no read for it.
const SILENCES_ARE_FRESH: Duration = Duration::from_secs(15);

/// How long the sources of inhibitions are: shorter, for what they hold back comes right after them.
const INHIBITORS_ARE_FRESH: Duration = Duration::from_secs(5);

/// The most silences or sources that are read; more of them mean that somebody made them in a loop.
const LISTED_MAX: usize = 1_000;

/// The alarms of one call (API reference, `DescribeAlarms`).
const ALARMS_PER_CALL: usize = 100;

/// What a CloudWatch alarm says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmSays {
    /// It is as it should be, since then.
    Ok(Timestamp),
    /// It is not, or nobody knows.
    Otherwise,
    /// There is no such alarm.
    Gone,
}

/// Reads from the table and from CloudWatch.
#[derive(Debug)]
pub struct Observer {
    documents: Documents,
    cloudwatch: aws_sdk_cloudwatch::Client,
    partition: String,
    silences: Mutex<Kept<Silence>>,
    inhibitors: Mutex<Kept<Inhibitor>>,
}

/// What was read, and when.
type Kept<T> = Option<(Timestamp, Arc<Vec<T>>)>;

impl Observer {
    /// An observer of this partition of the table.
    pub fn new(
        documents: Documents,
        cloudwatch: aws_sdk_cloudwatch::Client,
        partition: String,
    ) -> Self {
        let (silences, inhibitors) = (Mutex::new(None), Mutex::new(None));
        Self { documents, cloudwatch, partition, silences, inhibitors }
    }

    /// The key of the document of the group with this key.
    pub fn group_key(&self, key: &str) -> DocumentKey {
        self.group_document(&Group::id_of(key))
    }

    /// The key of what an instance counts of a full group.
    pub fn overflow_key(&self, group: &Group, instance: &str) -> DocumentKey {
        DocumentKey::new(overflow::KIND, overflow::partition(&self.partition, group), instance)
    }

    /// How many alerts of a full group were counted in this episode, but for those that the
    /// invocation `but_by` brought.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn overflow(
        &self,
        group: &Group,
        but_by: Option<&str>,
        now: Timestamp,
    ) -> Result<Counts, Error> {
        let partition = overflow::partition(&self.partition, group);
        let (mut sum, mut after) = (Counts::new(), None);
        loop {
            let page =
                self.documents.list::<Overflow>(overflow::KIND, &partition, after, now).await?;
            for listed in page.items {
                overflow::add(&mut sum, listed.document.value.without(but_by));
            }
            after = page.next;
            if after.is_none() {
                return Ok(sum);
            }
        }
    }

    fn group_document(&self, id: &str) -> DocumentKey {
        DocumentKey::new(group::KIND, self.partition.clone(), id)
    }

    /// The groups with these keys that are recorded, in one read for up to a hundred.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn groups(
        &self,
        keys: &[DocumentKey],
        now: Timestamp,
    ) -> Result<HashMap<DocumentKey, Document<Group>>, Error> {
        match keys {
            [] => Ok(HashMap::new()),
            [key] => {
                let found = self.documents.read(key, now).await?;
                Ok(found.map(|document| (key.clone(), document)).into_iter().collect())
            }
            many => Ok(self.documents.read_many(many, now).await?),
        }
    }

    /// The groups that are to be looked at until then, the longest waiting first.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn due(&self, until: Timestamp) -> Result<Vec<Due>, Error> {
        Ok(self.documents.due(group::KIND, &self.partition, until).await?)
    }

    /// The groups with these ids of documents.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn by_ids(
        &self,
        ids: impl Iterator<Item = &str>,
        now: Timestamp,
    ) -> Result<Vec<Group>, Error> {
        let keys: Vec<DocumentKey> = ids.map(|id| self.group_document(id)).collect();
        Ok(self.groups(&keys, now).await?.into_values().map(|document| document.value).collect())
    }

    /// All silences: the catalogue's and those in the table.
    ///
    /// # Errors
    /// When the table cannot be read and nothing was read before.
    pub async fn silences(
        &self,
        alerting: &Alerting,
        now: Timestamp,
    ) -> Result<Arc<Vec<Silence>>, Error> {
        let kept = |all: Vec<Silence>| {
            alerting.silences.iter().map(Silence::from).chain(all).collect::<Vec<_>>()
        };
        self.kept(&self.silences, silence::KIND, SILENCES_ARE_FRESH, now, kept).await
    }

    /// All alerts that fire and are the source of an inhibition.
    ///
    /// # Errors
    /// When the table cannot be read and nothing was read before.
    pub async fn inhibitors(
        &self,
        alerting: &Alerting,
        now: Timestamp,
    ) -> Result<Arc<Vec<Inhibitor>>, Error> {
        if alerting.inhibit_rules.is_empty() {
            return Ok(Arc::default());
        }
        self.kept(&self.inhibitors, inhibit::KIND, INHIBITORS_ARE_FRESH, now, |all| all).await
    }

    /// Forgets the silences, after one was made.
    pub fn forget_silences(&self) {
        *self.silences.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Forgets the sources of inhibitions, after one has changed.
    pub fn forget_inhibitors(&self) {
        *self.inhibitors.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn kept<T: DeserializeOwned>(
        &self,
        slot: &Mutex<Kept<T>>,
        kind: &'static str,
        fresh: Duration,
        now: Timestamp,
        all: impl FnOnce(Vec<T>) -> Vec<T>,
    ) -> Result<Arc<Vec<T>>, Error> {
        let kept = slot.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((read_at, kept)) = &kept
            && since(*read_at, now) < fresh
        {
            return Ok(Arc::clone(kept));
        }
        match (self.list(kind, now).await, kept) {
            (Ok(read), _) => {
                let read = Arc::new(all(read));
                let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
                *slot = Some((now, Arc::clone(&read)));
                Ok(read)
            }
            // What was known a moment ago is better than an alert that waits.
            (Err(error), Some((_, kept))) => {
                tracing::warn!(error = %error, "what was read of {kind} before is used again");
                Ok(kept)
            }
            (Err(error), None) => Err(error),
        }
    }

    async fn list<T: DeserializeOwned>(
        &self,
        kind: &'static str,
        now: Timestamp,
    ) -> Result<Vec<T>, Error> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self.documents.list::<T>(kind, &self.partition, after, now).await?;
            all.extend(page.items.into_iter().map(|listed| listed.document.value));
            after = page.next;
            if after.is_none() || all.len() >= LISTED_MAX {
                return Ok(all);
            }
        }
    }

    /// What these CloudWatch alarms say, of both kinds.
    ///
    /// # Errors
    /// When CloudWatch refuses or does not answer.
    pub async fn alarms(&self, names: &[String]) -> Result<BTreeMap<String, AlarmSays>, Error> {
        let mut all: BTreeMap<String, AlarmSays> =
            names.iter().map(|name| (name.clone(), AlarmSays::Gone)).collect();
        for names in names.chunks(ALARMS_PER_CALL) {
            let answer = self
                .cloudwatch
                .describe_alarms()
                .set_alarm_names(Some(names.to_vec()))
                .alarm_types(AlarmType::MetricAlarm)
                .alarm_types(AlarmType::CompositeAlarm)
                .send()
                .await
                .map_err(|error| call("ask CloudWatch whether alarms still fire", &error))?;
            let metric = answer.metric_alarms().iter().map(|alarm| {
                (alarm.alarm_name(), alarm.state_value(), alarm.state_updated_timestamp())
            });
            let composite = answer.composite_alarms().iter().map(|alarm| {
                (alarm.alarm_name(), alarm.state_value(), alarm.state_updated_timestamp())
            });
            for (name, state, updated_at) in metric.chain(composite) {
                let Some(says) = name.and_then(|name| all.get_mut(name)) else { continue };
                *says = match (state, updated_at.and_then(instant)) {
                    (Some(StateValue::Ok), Some(at)) => AlarmSays::Ok(at),
                    _ => AlarmSays::Otherwise,
                };
            }
        }
        Ok(all)
    }
}

fn instant(at: &DateTime) -> Option<Timestamp> {
    Timestamp::from_nanosecond(at.as_nanos()).ok()
}
