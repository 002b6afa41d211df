//! What a sink was told of a group: claimed, sent, confirmed.
//!
//! Before a sink is called, the call is claimed in the group's document; afterwards it is confirmed
//! there, with what the sink gave back. A function that dies in between leaves a claim that runs
//! out, and then the sink is told again, by the same key, of which it makes one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::notification::Receipt;

/// What one sink was told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Whether it was told that the group was opened, in this episode. It is never told of an end
    /// before.
    #[serde(default)]
    pub opened: bool,
    /// The newest generation that it took, 0 before the first.
    #[serde(default)]
    pub confirmed: u64,
    /// The newest generation that it did not take, whether or not trying again may help.
    #[serde(default)]
    pub failed: u64,
    /// The newest generation that it refused for good; trying again would change nothing.
    #[serde(default)]
    pub refused: u64,
    /// What it gave back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
    /// Who is telling it just now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// How often it failed since it last took anything.
    #[serde(default)]
    pub failures: u32,
    /// Before when it is not tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// Why it failed last, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The newest generation that was put with the dead letters for it.
    #[serde(default)]
    pub buried: u64,
}

/// A call of a sink that is on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Who makes it.
    pub by: String,
    /// What it tells.
    pub generation: u64,
    /// When it is taken to have died.
    pub until: Timestamp,
}

impl Delivery {
    /// The newest generation that needs no further call.
    pub fn done(&self) -> u64 {
        self.confirmed.max(self.refused)
    }

    /// Whether somebody is telling it at this time.
    pub fn is_claimed(&self, now: Timestamp) -> bool {
        self.claim.as_ref().is_some_and(|claim| now < claim.until)
    }

    /// Whether this generation has to find another way: the sink did not take it, or is left alone
    /// because it failed before.
    pub fn is_failing(&self, generation: u64, now: Timestamp) -> bool {
        let is_left_alone = self.failures > 0 && self.retry_at.is_some_and(|retry| now < retry);
        self.confirmed < generation && (self.failed >= generation || is_left_alone)
    }

    /// Begins an episode with this generation. A sink that heard of the end of the last one gets a
    /// message of its own for the next. One that did not still shows it as firing, so it goes on with
    /// that. A call that is on its way keeps its claim: an end must not overtake the next beginning.
    pub(crate) fn begin_episode(&mut self, opened_by: u64) {
        let heard_the_end = self.confirmed.saturating_add(1) >= opened_by;
        if heard_the_end {
            self.close();
        }
    }

    /// Forgets what went wrong since the sink last took anything.
    pub(crate) fn try_again(&mut self) {
        let confirmed = self.confirmed;
        for generation in [&mut self.refused, &mut self.failed, &mut self.buried] {
            *generation = confirmed.min(*generation);
        }
        self.failures = 0;
        self.retry_at = None;
    }

    /// Notes that the sink knows of nothing that fires.
    pub(crate) fn close(&mut self) {
        self.opened = false;
        self.receipt = None;
    }
}
