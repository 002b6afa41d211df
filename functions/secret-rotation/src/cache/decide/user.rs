//! A user of ElastiCache's role-based access control: it has two passwords for the time of the
//! rollout, then one.
//!
//! `ModifyUser` replaces all passwords at once, so the pending and the current one are set together:
//! there is no moment at which a task is locked out.

use super::{
    EarlierRollout, Knowledge, Known, Next, Readiness, Step, Who, Write, busy, fail, test,
};
use crate::cache::door::Endpoint;
use crate::refusal::FailureKind;

/// A user as ElastiCache describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// `UserId`
    pub id: String,
    /// `UserName`: what a client logs in as.
    pub name: String,
    /// `ARN`
    pub arn: String,
    /// Whether it can be worked with.
    pub readiness: Readiness,
    /// `Authentication.Type` is `password`; neither IAM nor no password at all.
    pub has_passwords: bool,
    /// `Authentication.PasswordCount`
    pub passwords: u32,
    /// A cache that the user may log in at; absent while its groups belong to none.
    pub endpoint: Option<Endpoint>,
}

/// What to do next about `user`, which the secret calls `name`.
pub fn decide_user(
    step: Step,
    name: &str,
    user: Option<&User>,
    knowledge: Knowledge,
    earlier: EarlierRollout,
) -> Next {
    let Some(user) = user else {
        return match step {
            Step::Retire => Next::Done("the user is gone, and its passwords with it"),
            Step::Set | Step::Test => fail(
                FailureKind::Configuration,
                "there is no such user",
                "correct `user_arn` in the secret",
            ),
        };
    };
    if let Some(refusal) = unfit(name, user) {
        return refusal;
    }
    match step {
        Step::Set => set(user, knowledge, earlier),
        Step::Test if user.endpoint.is_none() => {
            Next::Done("no cache has this user yet, so there is none to ask")
        }
        Step::Test => test(&user.readiness, knowledge),
        Step::Retire => retire(user, knowledge),
    }
}

fn unfit(name: &str, user: &User) -> Option<Next> {
    let fault = |reason: String, remedy| Some(fail(FailureKind::Configuration, reason, remedy));
    if user.name != name {
        return fault(
            format!("the user {} is called {}, in the secret {name}", user.id, user.name),
            "correct `username` or `user_arn` in the secret",
        );
    }
    if let Readiness::Lost(status) = &user.readiness {
        return fault(
            format!("the user {} is {status}", user.id),
            "make the user anew, or end the secret's rotation",
        );
    }
    if !user.has_passwords {
        return fault(
            format!("the user {} has no password: it logs in with IAM or without", user.id),
            "give it a password, or end the secret's rotation",
        );
    }
    None
}

fn set(user: &User, knowledge: Knowledge, earlier: EarlierRollout) -> Next {
    if let Readiness::Changing(status) = &user.readiness {
        return Next::Wait(format!("the user {} is {status}", user.id));
    }
    match (knowledge.pending, &user.endpoint) {
        (Known::Absent, _) => {
            return fail(
                FailureKind::Configuration,
                "the pending version holds no password",
                "rotate the secret once more",
            );
        }
        (Known::Untried, Some(_)) => return Next::Probe(Who::Pending),
        (Known::Opens, _) => return Next::Done("the cache accepts the pending password"),
        (_, Some(_)) if knowledge.written => {
            return Next::Wait("the cache does not accept the pending password yet".to_owned());
        }
        (_, None) if knowledge.written => return Next::Done("the user has the pending password"),
        _ => {}
    }
    if earlier == EarlierRollout::Unfinished {
        return busy();
    }
    if knowledge.current == Known::Absent {
        return fail(
            FailureKind::Configuration,
            "the secret has no current password",
            "put the user's password into the secret",
        );
    }
    Next::Write(Write::AddPending)
}

fn retire(user: &User, knowledge: Knowledge) -> Next {
    if let Readiness::Changing(status) = &user.readiness {
        return Next::Wait(format!("the user {} is {status}", user.id));
    }
    if user.passwords <= 1 {
        return Next::Done("the user has one password");
    }
    if knowledge.written {
        return Next::Wait("the user still has two passwords".to_owned());
    }
    match (knowledge.current, &user.endpoint) {
        (Known::Untried, Some(_)) => Next::Probe(Who::Current),
        (Known::Opens, _) | (Known::Untried, None) => Next::Write(Write::OnlyCurrent),
        (Known::Refused | Known::Absent, _) => fail(
            FailureKind::Authentication,
            "the cache refuses the current password, so the earlier one is left to the user",
            "rotate the secret once more: that gives the user a password that the secret knows",
        ),
    }
}
