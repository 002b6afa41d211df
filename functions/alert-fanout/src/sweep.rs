//! Every five minutes: look at all groups that are due, and ask CloudWatch whether what fires still
//! fires.
//!
//! An alarm without an OK action, or whose message was lost, would fire for ever; CloudWatch knows
//! better. A look that was lost on the queue is made good here, too.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use runtime::Invocation;

use crate::AlertFanout;
use crate::alert::State;
use crate::error::Error;
use crate::group::Group;
use crate::observe::AlarmSays;
use crate::pass::Work;
use crate::route::Place;
use crate::time::since;

/// How long an alert is left alone before CloudWatch is asked about it: its own message is quicker.
const ASKED_AFTER: Duration = Duration::from_mins(2);

impl AlertFanout {
    /// Looks after all that is open.
    ///
    /// # Errors
    /// When something could not be read or queued; the next sweep does it again.
    pub(crate) async fn sweep(&self, invocation: &Invocation) -> Result<(), Error> {
        let now = invocation.clock.now();
        // An open group always has a next look, so all of them are in this index.
        let open = self.observer.due(Timestamp::MAX).await?;
        let ids = open.iter().map(|due| due.id.as_str());
        let groups = self.observer.by_ids(ids, now).await?;
        let is_due: BTreeSet<&str> =
            open.iter().filter(|due| due.due_at <= now).map(|due| due.id.as_str()).collect();
        let over = self.seen_to_be_over(&groups, invocation).await;
        let due: Vec<String> = groups
            .iter()
            .filter(|group| is_due.contains(Group::id_of(&group.key).as_str()))
            .filter(|group| !over.contains_key(&group.key))
            .map(|group| group.key.clone())
            .collect();
        self.hands.nudge_all(&due, invocation).await?;
        let ended = over.len();
        for (key, ended) in over {
            let Some(group) = groups.iter().find(|group| group.key == key) else { continue };
            let work = Work { ended, ..self.look_at(group, invocation) };
            self.pass(&work, invocation).await?;
        }
        tracing::info!(
            open = open.len(),
            due = due.len(),
            ended,
            "swept: {} groups are open, {} are due, {ended} have alarms that are over",
            open.len(),
            due.len()
        );
        Ok(())
    }

    /// A look at a group that is recorded.
    pub(crate) fn look_at<'a>(&'a self, group: &Group, invocation: &Invocation) -> Work<'a> {
        let root = &self.alerting.route;
        // A route that the catalogue no longer has leaves its groups to the root.
        let route = crate::route::find(root, &group.route).unwrap_or(root);
        Work {
            place: Place { route, labels: group.labels.clone(), key: group.key.clone() },
            alerts: Vec::new(),
            ended: Vec::new(),
            again: BTreeSet::new(),
            known: None,
            by: invocation.request_id.clone(),
        }
    }

    /// The alerts that fire here and do not fire for CloudWatch, by group. What CloudWatch does not
    /// answer is left for the next sweep.
    async fn seen_to_be_over(
        &self,
        groups: &[Group],
        invocation: &Invocation,
    ) -> BTreeMap<String, Vec<(String, Timestamp)>> {
        let now = invocation.clock.now();
        let asked: Vec<(&Group, &String, &String, Timestamp)> = groups
            .iter()
            .flat_map(|group| group.entries.iter().map(move |(id, entry)| (group, id, entry)))
            .filter(|(_, _, entry)| {
                entry.state == State::Firing && since(entry.happened_at, now) >= ASKED_AFTER
            })
            .filter(|(group, id, _)| self.is_from_here(group, id))
            .filter_map(|(group, id, entry)| {
                Some((group, id, entry.alarm.as_ref()?, entry.happened_at))
            })
            .collect();
        if asked.is_empty() {
            return BTreeMap::new();
        }
        let names: BTreeSet<String> = asked.iter().map(|(_, _, name, _)| (*name).clone()).collect();
        let names: Vec<String> = names.into_iter().collect();
        let says = match self.observer.alarms(&names).await {
            Ok(says) => says,
            Err(error) => {
                tracing::warn!(error = %error, "alarms were not asked whether they still fire");
                return BTreeMap::new();
            }
        };
        let mut over: BTreeMap<String, Vec<(String, Timestamp)>> = BTreeMap::new();
        for (group, id, name, fired_at) in asked {
            let ended_at = match says.get(name) {
                Some(AlarmSays::Ok(at)) if *at >= fired_at => *at,
                Some(AlarmSays::Gone) => now,
                _ => continue,
            };
            tracing::info!(alarm = name, "{name} is over, and nobody said so");
            over.entry(group.key.clone()).or_default().push((id.clone(), ended_at));
        }
        over
    }

    /// Whether the alert is of an alarm in this region, as far as that is known: of another region's
    /// alarms CloudWatch knows nothing here.
    fn is_from_here(&self, group: &Group, id: &str) -> bool {
        let region = group.whole(id).and_then(|alert| alert.labels.get("region"));
        region.is_none_or(|region| *region == self.wiring.region)
    }
}
