//! One pass over one group: fold, decide, write, call the sinks, and note what they answered in the
//! same write as the next decision.
//!
//! A group in which nothing changes costs one read. One that changes without a word costs a read and
//! a write. A notification costs one write before it and one after: claimed, sent, confirmed.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use runtime::{Backoff, Invocation, equal_jitter};
use store::{Document, DocumentKey};
use tokio::time::Instant;

use crate::AlertFanout;
use crate::act::Written;
use crate::alert::Alert;
use crate::decide::{Decision, Outcome, Send, Tally, World, decide, settle};
use crate::error::Error;
use crate::group::Group;
use crate::route::Place;

/// How often a group is written anew because another was quicker. Each time another came through, so
/// it ends; in a storm over many instances it takes a few turns.
const CONTENTION_MAX: u32 = 20;

/// How long to step aside when others keep being quicker: about as long as a write takes at first,
/// and the more of them there are the longer, so that at last they come one after the other.
const STEP_ASIDE: Backoff =
    Backoff { first: Duration::from_millis(20), factor: 2, cap: Duration::from_secs(1) };

/// The most rounds of calls in one pass. Each round has news that came in during the one before; a
/// storm must not keep one pass busy for ever, and the next look goes on.
const ROUNDS_MAX: u32 = 20;

/// Time that is kept for the write after the calls of the sinks.
const KEPT_FOR_WRITES: Duration = Duration::from_secs(5);

/// What a pass is about.
#[derive(Debug)]
pub(crate) struct Work<'a> {
    /// The group.
    pub(crate) place: Place<'a>,
    /// The alerts that came in for it; none for a look.
    pub(crate) alerts: Vec<Alert>,
    /// Fingerprints of alerts of which it was seen that they are over, and since when.
    pub(crate) ended: Vec<(String, Timestamp)>,
    /// Sinks that are to be tried again although they refused, by their names in the ledger.
    pub(crate) again: BTreeSet<String>,
    /// What was read of it before.
    pub(crate) known: Option<Document<Group>>,
    /// Who passes: the name that claims bear.
    pub(crate) by: String,
}

impl AlertFanout {
    /// Takes in what came for a group, and tells what there is to tell.
    ///
    /// # Errors
    /// When the group could not be read or written. Once it is written, what came in is safe, and
    /// a sink that fails is no error.
    pub(crate) async fn pass(
        &self,
        work: &Work<'_>,
        invocation: &Invocation,
    ) -> Result<Tally, Error> {
        let key = self.observer.group_key(&work.place.key);
        let now = invocation.clock.now();
        let silences = self.observer.silences(&self.alerting, now).await?;
        let stop = stop(invocation);
        let mut document = work.known.clone();
        let mut answers: Vec<(Send, Outcome)> = Vec::new();
        let mut tally: Option<Tally> = None;
        let (mut contended, mut rounds) = (0, 0);
        loop {
            let now = invocation.clock.now();
            let inhibitors = self.observer.inhibitors(&self.alerting, now).await?;
            let world = World {
                alerting: &self.alerting,
                route: work.place.route,
                silences: &silences,
                inhibitors: &inhibitors,
                by: &work.by,
            };
            let before = document.as_ref().map(|document| &document.value);
            let mut group = before.map_or_else(|| Group::new(&work.place), Group::clone);
            for (send, outcome) in &answers {
                settle(&mut group, send, outcome, &work.by, now);
            }
            let is_taken_in = tally.is_some();
            let incoming = if is_taken_in { &[][..] } else { &work.alerts };
            if !is_taken_in {
                for (id, at) in &work.ended {
                    group.end(id, *at, self.alerting.flapping);
                }
                for sink in &work.again {
                    group.try_again(sink);
                }
            }
            let is_look = !is_taken_in && incoming.is_empty();
            let mut decision = self.decide(group, incoming, is_look, &world, now).await?;
            if rounds >= ROUNDS_MAX {
                decision.leave_the_calls(now);
            }
            let is_unchanged = before.is_some_and(|before| decision.changes_nothing(before, now));
            if !is_unchanged || !answers.is_empty() {
                self.hands.forget_sources(&decision.sources, now).await?;
                for burial in &decision.burials {
                    self.hands.bury(burial).await?;
                }
                let version = document.as_ref().map(|document| document.version);
                match self.hands.write(&key, &decision, version, now).await? {
                    Written::Done(version) => {
                        document = Some(Document { value: decision.group.clone(), version });
                        self.after_the_write(&work.place.key, &decision, now).await?;
                    }
                    Written::Changed(current) => {
                        contended += 1;
                        if contended > CONTENTION_MAX {
                            let group = work.place.key.clone();
                            return Err(Error::Contended { group, attempts: contended });
                        }
                        document = current.map(|current| *current);
                        if contended > 1 {
                            document = self.step_aside(&key, contended, invocation).await?;
                        }
                        continue;
                    }
                }
            }
            let tally = *tally.get_or_insert(decision.tally);
            if decision.sends.is_empty() {
                return Ok(tally);
            }
            rounds += 1;
            let watch = self.watch_over(&work.place.key, decision.watch_at, now);
            let calls = join_all(
                decision.sends.iter().map(|send| self.hands.deliver(send, stop, &invocation.clock)),
            );
            let (outcomes, ()) = futures::join!(calls, watch);
            answers = decision.sends.into_iter().zip(outcomes).collect();
        }
    }

    /// Decides; where the group is full, with what all instances have counted of it.
    async fn decide(
        &self,
        mut group: Group,
        incoming: &[Alert],
        is_look: bool,
        world: &World<'_>,
        now: Timestamp,
    ) -> Result<Decision, Error> {
        let is_full = !group.untracked.is_empty();
        let mut decision = decide(group.clone(), incoming, world, now);
        if is_full && (is_look || decision.group.generation > group.generation) {
            // What this invocation brings is counted by the decision.
            let but_by = (!incoming.is_empty()).then_some(world.by);
            group.count_at_least(&self.observer.overflow(&group, but_by, now).await?);
            decision = decide(group.clone(), incoming, world, now);
        }
        if !decision.counted.is_empty() {
            let key = self.observer.overflow_key(&group, &self.hands.instance);
            self.hands.count(&key, &decision.counted, world.by, now).await?;
        }
        Ok(decision)
    }

    /// Lets the others go first, and reads what they made of the group: what was read before the
    /// pause would most likely have changed again.
    async fn step_aside(
        &self,
        key: &DocumentKey,
        contended: u32,
        invocation: &Invocation,
    ) -> Result<Option<Document<Group>>, Error> {
        let pause = STEP_ASIDE.delay(contended);
        tokio::time::sleep(equal_jitter(pause, &mut fastrand::Rng::new())).await;
        let now = invocation.clock.now();
        let found = self.observer.groups(std::slice::from_ref(key), now).await?;
        Ok(found.into_values().next())
    }

    /// Has the queue bring a look when the claims run out. Should this invocation die, the next one is
    /// there within a minute, and not when the messages come again or the sweep comes by.
    async fn watch_over(&self, key: &str, at: Option<Timestamp>, now: Timestamp) {
        if let Some(at) = at {
            self.hands.nudge(key, at, now).await;
        }
    }

    async fn after_the_write(
        &self,
        key: &str,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<(), Error> {
        if !decision.sources.is_empty() {
            self.hands.note_sources(&decision.sources, now).await?;
            self.observer.forget_inhibitors();
        }
        if let Some(at) = decision.nudge_at {
            self.hands.nudge(key, at, now).await;
        }
        Ok(())
    }
}

/// When the last call of a sink must have ended.
fn stop(invocation: &Invocation) -> Instant {
    let left = invocation.deadline.remaining_for_work_in_hand(invocation.clock.now());
    Instant::now() + left.saturating_sub(KEPT_FOR_WRITES)
}
