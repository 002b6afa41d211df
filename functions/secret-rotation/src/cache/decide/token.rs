//! The auth token of a replication group: `ROTATE` adds the new one, `SET` takes the old one away.
//!
//! ElastiCache accepts two tokens at most (user guide, "Modifying the AUTH token on an existing
//! cluster"), so a third must never be added while tasks still hold the first.

use super::{
    EarlierRollout, Knowledge, Known, Next, Readiness, Step, Who, Write, busy, fail, test,
};
use crate::cache::door::Endpoint;
use crate::refusal::FailureKind;

/// A replication group as ElastiCache describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// `ReplicationGroupId`
    pub id: String,
    /// `ARN`
    pub arn: String,
    /// Whether it can be worked with.
    pub readiness: Readiness,
    /// `AuthTokenEnabled`: without it the cache is open to any value, and an answer says nothing.
    pub asks_for_token: bool,
    /// `TransitEncryptionEnabled`
    pub speaks_tls: bool,
    /// Where it listens; absent while it is being made.
    pub endpoint: Option<Endpoint>,
}

/// What to do next about the token of `group`.
pub fn decide_token(
    step: Step,
    group: Option<&Group>,
    knowledge: Knowledge,
    earlier: EarlierRollout,
) -> Next {
    let Some(group) = group else {
        return match step {
            Step::Retire => Next::Done("the replication group is gone, and its tokens with it"),
            Step::Set | Step::Test => fail(
                FailureKind::Configuration,
                "there is no such replication group",
                "correct `replicationGroupId` in the secret, or take it out for the tenant's own",
            ),
        };
    };
    if let Some(refusal) = unfit(group) {
        return refusal;
    }
    match step {
        Step::Set => set(group, knowledge, earlier),
        Step::Test => test(&group.readiness, knowledge),
        Step::Retire => retire(group, knowledge),
    }
}

fn unfit(group: &Group) -> Option<Next> {
    let fault = |reason: String, remedy| Some(fail(FailureKind::Configuration, reason, remedy));
    if let Readiness::Lost(status) = &group.readiness {
        return fault(
            format!("the replication group {} is {status}", group.id),
            "bring the replication group back, or end the secret's rotation",
        );
    }
    if !group.speaks_tls {
        return fault(
            format!("the replication group {} has no encryption in transit", group.id),
            "enable it: there are no tokens without it, and nothing is sent in the clear",
        );
    }
    if !group.asks_for_token {
        return fault(
            format!("the replication group {} asks for no token", group.id),
            "give it a token, or end the secret's rotation",
        );
    }
    None
}

fn set(group: &Group, knowledge: Knowledge, earlier: EarlierRollout) -> Next {
    if let Readiness::Changing(status) = &group.readiness {
        return Next::Wait(format!("the replication group {} is {status}", group.id));
    }
    match knowledge.pending {
        Known::Untried => return Next::Probe(Who::Pending),
        Known::Opens => return Next::Done("the cache accepts the pending token"),
        Known::Absent => {
            return fail(
                FailureKind::Configuration,
                "the pending version holds no token",
                "rotate the secret once more",
            );
        }
        Known::Refused => {}
    }
    if knowledge.written {
        return Next::Wait("the cache does not accept the pending token yet".to_owned());
    }
    if earlier == EarlierRollout::Unfinished {
        return busy();
    }
    // Two tokens are accepted already if the previous one is: it must make room.
    match (knowledge.previous, knowledge.current) {
        (Known::Untried, _) => Next::Probe(Who::Previous),
        (Known::Opens, Known::Untried) => Next::Probe(Who::Current),
        (Known::Opens, Known::Opens) if knowledge.made_room => {
            Next::Wait("the cache still accepts the token before the current one".to_owned())
        }
        (Known::Opens, Known::Opens) => Next::Write(Write::OnlyCurrent),
        // If the current token does not open the cache, adding the pending one is the repair.
        _ => Next::Write(Write::AddPending),
    }
}

fn retire(group: &Group, knowledge: Knowledge) -> Next {
    if let Readiness::Changing(status) = &group.readiness {
        return Next::Wait(format!("the replication group {} is {status}", group.id));
    }
    match knowledge.previous {
        Known::Absent => return Next::Done("the secret knows of no earlier token"),
        Known::Untried => return Next::Probe(Who::Previous),
        Known::Refused => return Next::Done("the cache refuses the earlier token"),
        Known::Opens => {}
    }
    if knowledge.written {
        return Next::Wait("the cache still accepts the earlier token".to_owned());
    }
    match knowledge.current {
        Known::Untried => Next::Probe(Who::Current),
        Known::Opens => Next::Write(Write::OnlyCurrent),
        Known::Refused | Known::Absent => fail(
            FailureKind::Authentication,
            "the cache refuses the current token, so the earlier one is left to it",
            "rotate the secret once more: that gives the cache a token that the secret knows",
        ),
    }
}
