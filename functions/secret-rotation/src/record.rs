//! The rotation's document: read, begun, changed, always under its version.

use jiff::{SignedDuration, Timestamp};
use store::{Create, Document, DocumentKey, Replace, WriteOptions};

use crate::SecretRotation;
use crate::case::Case;
use crate::decide::{Method, Position};
use crate::document::{self, Rotation, STUCK_AFTER, State, Subject};
use crate::error::Error;
use crate::event::Step;
use crate::kind::Strategy;
use crate::refusal::Refusal;
use crate::rollout::{holds_back, is_retiring, watched_again_at};

/// How often a change is tried anew when somebody else was quicker: a step, a look and a sweep may
/// meet, and more than three do not.
const CHANGES_MAX: u32 = 5;

/// Whether a step that is heard of may begin a rotation's document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begins {
    /// It is a step of a rotation that goes on: it takes the place of the one before.
    Anew,
    /// Its version is current already: only where nothing is recorded, for else a later rotation
    /// may have begun.
    WhereNothingIs,
    /// It is a test, perhaps only of a schedule, on a version that is removed afterwards.
    Never,
}

impl Begins {
    /// Whether this step may, of a version that stands there.
    pub(crate) const fn by(step: Step, position: Position) -> Self {
        match (step, position) {
            (Step::Test, _) => Self::Never,
            (_, Position::Current) => Self::WhereNothingIs,
            _ => Self::Anew,
        }
    }
}

impl Rotation {
    /// When a sweep has to look at it, if ever.
    pub fn due_at(&self, now: Timestamp) -> Option<Timestamp> {
        if self.untold {
            return Some(now);
        }
        match self.state {
            State::Rotating => {
                let stuck = SignedDuration::try_from(STUCK_AFTER).unwrap_or(SignedDuration::ZERO);
                self.step_at.checked_add(stuck).ok()
            }
            State::RollingOut => Some(self.retire_at.map_or(now, |at| at.max(now))),
            State::Replacing => Some(now),
            State::Failed => watched_again_at(self, now),
            State::Settled => None,
        }
    }
}

impl SecretRotation {
    pub(crate) fn document_key(&self, secret: &str) -> DocumentKey {
        let partition = document::partition(&self.wiring.product, &self.wiring.environment);
        DocumentKey::new(document::KIND, partition, secret)
    }

    /// What is recorded of a secret's last rotation.
    pub(crate) async fn rotation_of(
        &self,
        secret: &str,
        now: Timestamp,
    ) -> Result<Option<Document<Rotation>>, Error> {
        Ok(self.documents.read(&self.document_key(secret), now).await?)
    }

    /// Changes what is recorded of a secret's rotation, and answers with it as it then stands;
    /// `None` where nothing is recorded, or `change` did not want to change anything.
    pub(crate) async fn change(
        &self,
        secret: &str,
        now: Timestamp,
        change: impl Fn(&mut Rotation) -> bool,
    ) -> Result<Option<Rotation>, Error> {
        let key = self.document_key(secret);
        let mut found: Option<Document<Rotation>> = self.documents.read(&key, now).await?;
        for _ in 0..CHANGES_MAX {
            let Some(Document { mut value, version }) = found else { return Ok(None) };
            if !change(&mut value) {
                return Ok(None);
            }
            let options = options(&value, now);
            match self.documents.replace(&key, &value, version, &options, now).await? {
                Replace::Replaced(_) => return Ok(Some(value)),
                Replace::Changed(other) => found = other,
            }
        }
        Err(busy(secret))
    }

    /// Notes that a step of this version was heard of, and answers with what is recorded of it;
    /// `None` where nothing is, and nothing was to begin.
    ///
    /// # Errors
    /// When the rotation before this one still needs what this one would take away.
    pub(crate) async fn note_step(
        &self,
        case: &Case,
        token: &str,
        begins: Begins,
        now: Timestamp,
    ) -> Result<Option<Rotation>, Error> {
        let key = self.document_key(&case.secret.arn);
        let mut found: Option<Document<Rotation>> = self.documents.read(&key, now).await?;
        for _ in 0..CHANGES_MAX {
            let before = found.as_ref().map(|document| &document.value);
            let wanted = match (before, begins) {
                (Some(same), _) if same.token == token => again(same, now),
                (_, Begins::Never) | (Some(_), Begins::WhereNothingIs) => return Ok(None),
                (before, _) => begun(case, token, before, now)?,
            };
            let options = options(&wanted, now);
            found = match found {
                None => match self.documents.create(&key, &wanted, &options, now).await? {
                    Create::Created(_) => return Ok(Some(wanted)),
                    Create::Exists(other) => Some(other),
                },
                Some(Document { version, .. }) => {
                    match self.documents.replace(&key, &wanted, version, &options, now).await? {
                        Replace::Replaced(_) => return Ok(Some(wanted)),
                        Replace::Changed(other) => other,
                    }
                }
            };
        }
        Err(busy(&case.secret.arn))
    }
}

/// The same rotation, heard of again.
fn again(rotation: &Rotation, now: Timestamp) -> Rotation {
    let mut rotation = Rotation { step_at: now, ..rotation.clone() };
    if rotation.finished_at.is_none() {
        // Somebody has it taken up again that was given up: it has its whole time once more.
        if rotation.state == State::Failed {
            rotation.started_at = now;
        }
        rotation.state = State::Rotating;
    }
    rotation
}

/// A rotation that begins.
fn begun(
    case: &Case,
    token: &str,
    before: Option<&Rotation>,
    now: Timestamp,
) -> Result<Rotation, Refusal> {
    if let Some(refusal) = before.and_then(|before| is_retiring(before, now)) {
        return Err(refusal);
    }
    // A third value would push out one that tasks still have: a cache knows two at most, and users
    // that take turns are two. Where a rollout has failed somebody was told, and a leaked password
    // must not wait until the service is mended; a cache could not even take another token.
    let waits =
        |before: &Rotation| case.method == Method::Cache || before.state == State::RollingOut;
    if let Some(refusal) = before.filter(|before| waits(before)).and_then(holds_back) {
        return Err(refusal);
    }
    let strategy = case.kind.strategy();
    let alternates = case.method == Method::Database(Strategy::AlternatingUsers);
    let may_retain = case.engine() == Some(database::Engine::Mysql) && !alternates;
    let replaced = before.filter(|before| before.state == State::Replacing);
    Ok(Rotation {
        secret_arn: case.secret.arn.clone(),
        secret_name: case.secret.name.clone(),
        tenant: case.tenant.tenant.id.clone(),
        // What cannot be rotated never comes as far as this.
        subject: Subject::of(&case.kind).unwrap_or(Subject::Generated),
        strategy,
        token: token.to_owned(),
        state: State::Rotating,
        started_at: now,
        step_at: now,
        finished_at: None,
        previous_username: if alternates { case.username(&case.current) } else { None },
        retains_old_password: may_retain,
        attempts: replaced.map_or(0, |before| before.attempts),
        last_failure: None,
        announced: false,
        tenant_services: None,
        services: std::collections::BTreeMap::new(),
        rollout_at: None,
        retire_at: None,
        retiring_until: None,
        unsteady: Vec::new(),
        untold: false,
    })
}

fn options(rotation: &Rotation, now: Timestamp) -> WriteOptions {
    WriteOptions { due_at: rotation.due_at(now), ..WriteOptions::default() }
}

fn busy(secret: &str) -> Error {
    Error::Busy(format!("what is recorded of {secret} is being changed by others"))
}
