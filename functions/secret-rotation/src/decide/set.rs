//! `setSecret` for a database user: which door to try next, and over which to set the password.
//!
//! Two things are never given up for convenience. A value is thrown away only when it is proven
//! that the database does not hold it: were it held, the secret would be the only place that knows
//! it. And whoever has the other user made must show first that the current password opens the
//! database, or a secret that names somebody else's user would be a way to take it over.

use super::{Action, Next, Seen, Situation, Who};
use crate::kind::Strategy;
use crate::refusal::{FailureKind, Refusal};

pub(super) fn decide(strategy: Strategy, situation: &Situation) -> Next {
    if let Seen::Unusable(why) = &situation.pending {
        return unusable(situation, why);
    }
    if let Some(words) = &situation.value_refused {
        return refused_by_rule(situation, words);
    }
    match strategy {
        Strategy::SingleUser => single(situation),
        Strategy::SingleUserByMaster => by_master(situation),
        Strategy::AlternatingUsers => alternating(situation),
    }
}

/// A pending value that opens nothing, whatever the database says: it is replaced once the current
/// one is seen to be the database's.
fn unusable(situation: &Situation, why: &str) -> Next {
    let refusal = Refusal::new(
        FailureKind::Configuration,
        format!("the pending version cannot be used: {why}"),
        "nothing: another value is made",
    );
    match &situation.current {
        Seen::Untried => Next::Probe(Who::Current),
        Seen::Opens => Next::Do(Action::TakeOff(refusal)),
        Seen::Barred(barred) => Next::Fail(barred.clone()),
        Seen::Refused(_) | Seen::Absent | Seen::Unusable(_) => Next::Fail(Refusal {
            remedy: "write a version of the secret whose password opens the database, take \
                     AWSPENDING off the other, and rotate again"
                .to_owned(),
            ..refusal
        }),
    }
}

/// A pending value that the server would not have. It is replaced once the server is seen to know
/// another password.
fn refused_by_rule(situation: &Situation, words: &str) -> Next {
    let refusal = Refusal::new(
        FailureKind::Policy,
        words,
        "make passwords that the server's rules allow (PASSWORD_LENGTH, EXCLUDE_…)",
    );
    match &situation.pending {
        Seen::Untried => return Next::Probe(Who::Pending),
        Seen::Opens => return Next::Done("the server has the pending password already"),
        Seen::Refused(_) => {}
        Seen::Barred(_) | Seen::Absent | Seen::Unusable(_) => return Next::Fail(refusal),
    }
    match (&situation.current, &situation.previous) {
        (Seen::Untried, _) => Next::Probe(Who::Current),
        (Seen::Opens, _) | (_, Seen::Opens) => Next::Do(Action::TakeOff(refusal)),
        _ => Next::Fail(refusal),
    }
}

/// The user changes its own password, over whichever connection opens.
fn single(situation: &Situation) -> Next {
    for who in [Who::Pending, Who::Current, Who::Previous] {
        match situation.seen(who) {
            Seen::Untried => return Next::Probe(who),
            Seen::Opens if who == Who::Pending => return already_set(),
            Seen::Opens => return Next::Do(Action::SetOver(who)),
            Seen::Barred(refusal) => return Next::Fail(refusal.clone()),
            Seen::Refused(_) | Seen::Absent | Seen::Unusable(_) => {}
        }
    }
    match &situation.master {
        Seen::Absent => Next::Fail(Refusal::new(
            FailureKind::Authentication,
            format!(
                "neither the pending nor the current nor the previous version opens the database: \
                 {}",
                words(&situation.current)
            ),
            "set the user's password to the one in the current version by hand, or give the \
             secret the key \"masterarn\" so that the master can; then rotate again",
        )),
        _ => over_master(situation),
    }
}

/// The master sets the user's password, and makes the user where it is missing.
fn by_master(situation: &Situation) -> Next {
    match &situation.pending {
        Seen::Untried => Next::Probe(Who::Pending),
        Seen::Opens => already_set(),
        // The password is right and a right is missing: the master mends that.
        Seen::Barred(refusal) if refusal.kind == FailureKind::Permission => over_master(situation),
        Seen::Barred(refusal) => Next::Fail(refusal.clone()),
        Seen::Refused(_) | Seen::Absent | Seen::Unusable(_) => match &situation.current {
            Seen::Untried if situation.asks_user => Next::Probe(Who::Current),
            // Without the right to connect it cannot be asked, nor lose anything that works.
            Seen::Barred(refusal) if refusal.kind != FailureKind::Permission => {
                Next::Fail(refusal.clone())
            }
            _ => over_master(situation),
        },
    }
}

fn over_master(situation: &Situation) -> Next {
    match &situation.master {
        Seen::Untried => Next::Probe(Who::Master),
        Seen::Opens => Next::Do(Action::SetOver(Who::Master)),
        Seen::Barred(refusal) => Next::Fail(refusal.clone()),
        without => Next::Fail(no_master(without)),
    }
}

/// The master makes the other user: whether it already has the pending password does not matter,
/// for its grants are mended too.
fn alternating(situation: &Situation) -> Next {
    match &situation.current {
        Seen::Untried => return Next::Probe(Who::Current),
        Seen::Barred(refusal) => return Next::Fail(refusal.clone()),
        Seen::Opens => {}
        Seen::Refused(_) | Seen::Absent | Seen::Unusable(_) => {
            return unless_set(
                situation,
                Refusal::new(
                    FailureKind::Authentication,
                    format!(
                        "the current version does not open the database, and only its user may \
                         have another one made: {}",
                        words(&situation.current)
                    ),
                    "set the user's password to the one in the current version by hand, and \
                     rotate again",
                ),
            );
        }
    }
    match &situation.master {
        Seen::Untried => Next::Probe(Who::Master),
        Seen::Opens => Next::Do(Action::EnsureAlternate),
        Seen::Barred(refusal) => Next::Fail(refusal.clone()),
        without => unless_set(situation, no_master(without)),
    }
}

/// Where the usual way is closed, it may have been walked before: then the pending version opens.
fn unless_set(situation: &Situation, refusal: Refusal) -> Next {
    match &situation.pending {
        Seen::Untried => Next::Probe(Who::Pending),
        Seen::Opens => already_set(),
        Seen::Barred(_) | Seen::Refused(_) | Seen::Absent | Seen::Unusable(_) => {
            Next::Fail(refusal)
        }
    }
}

fn already_set() -> Next {
    Next::Done("the pending version opens the database already")
}

fn no_master(seen: &Seen) -> Refusal {
    match seen {
        Seen::Absent => Refusal::new(
            FailureKind::Configuration,
            "the secret's strategy needs the master, and the secret names no \"masterarn\"",
            "add the key with the ARN of the master's secret, and rotate again",
        ),
        Seen::Unusable(why) => Refusal::new(
            FailureKind::Configuration,
            format!("the master's secret cannot be used: {why}"),
            "mend the master's secret, and rotate again",
        ),
        _ => Refusal::new(
            FailureKind::Authentication,
            format!("the master's secret does not open the database: {}", words(seen)),
            "set the master's password to the one in its secret (ModifyDBInstance), and rotate \
             again",
        ),
    }
}

fn words(seen: &Seen) -> &str {
    match seen {
        Seen::Refused(words) | Seen::Unusable(words) => words,
        Seen::Barred(refusal) => &refusal.reason,
        Seen::Absent => "it has no value",
        Seen::Untried | Seen::Opens => "it was not tried",
    }
}
