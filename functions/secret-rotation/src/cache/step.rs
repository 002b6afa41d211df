//! One step for a cache's secret: observe, decide and act, until it is done, cannot be done, or
//! time is up.

use std::time::Duration;

use aws_sdk_elasticache::Client;
use secrecy::SecretString;
use tokio::time::{Instant, sleep};

use super::act::{Written, write_token, write_user};
use super::decide::{
    EarlierRollout, Group, Knowledge, Known, Next, Step, User, Who, Write, decide_token,
    decide_user,
};
use super::door::{Answer, Door, Endpoint};
use super::observe::{self, Owner};
use super::trust::CacheTrust;
use crate::error::Error;
use crate::refusal::{FailureKind, Refusal};

/// How long a connection may take. A cache is in the same network; what has not answered by then is
/// behind a security group that does not let it.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// How often ElastiCache is asked whether it has finished. A change of a token takes a minute or
/// more, and the calls are few.
const POLL_EVERY: Duration = Duration::from_secs(2);

/// Whose value is rotated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The token of a replication group.
    Token {
        /// `ReplicationGroupId`
        group_id: String,
    },
    /// The password of an RBAC user.
    User {
        /// The user's ARN.
        arn: String,
        /// Its name at the login.
        name: String,
    },
}

impl Subject {
    /// The name to log in with; a token has none.
    fn login(&self) -> Option<&str> {
        match self {
            Self::Token { .. } => None,
            Self::User { name, .. } => Some(name),
        }
    }
}

/// A secret's values: tokens or passwords. None of them is ever shown.
#[derive(Debug, Clone, Default)]
pub struct Values {
    /// Of `AWSPENDING`.
    pub pending: Option<SecretString>,
    /// Of `AWSCURRENT`.
    pub current: Option<SecretString>,
    /// Of `AWSPREVIOUS`.
    pub previous: Option<SecretString>,
}

impl Values {
    fn of(&self, who: Who) -> Option<&SecretString> {
        match who {
            Who::Pending => self.pending.as_ref(),
            Who::Current => self.current.as_ref(),
            Who::Previous => self.previous.as_ref(),
        }
    }

    fn knowledge(&self) -> Knowledge {
        let known = |value: &Option<SecretString>| {
            if value.is_some() { Known::Untried } else { Known::Absent }
        };
        Knowledge {
            pending: known(&self.pending),
            current: known(&self.current),
            previous: known(&self.previous),
            ..Knowledge::default()
        }
    }
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is done; why, in words.
    Done(&'static str),
    /// Time was up before ElastiCache had finished: the step is to be done again later.
    Waiting(String),
}

impl Outcome {
    /// For Secrets Manager, which knows only done and failed: waiting is a failure that passes.
    ///
    /// # Errors
    /// A passing refusal that says what was waited for.
    pub fn done(self) -> Result<&'static str, Error> {
        match self {
            Self::Done(why) => Ok(why),
            Self::Waiting(why) => Err(Refusal::new(
                FailureKind::Limit,
                format!("ElastiCache has not finished in time: {why}"),
                "nothing: Secrets Manager tries the step again, and goes on from here",
            )
            .passing()
            .into()),
        }
    }
}

/// What ElastiCache says of the subject: of the one or of the other.
#[derive(Default)]
struct Seen {
    group: Option<Group>,
    user: Option<User>,
}

impl Seen {
    fn endpoint(&self) -> Option<&Endpoint> {
        let users = self.user.as_ref().and_then(|user| user.endpoint.as_ref());
        users.or_else(|| self.group.as_ref()?.endpoint.as_ref())
    }
}

/// Caches, as far as a rotation has to do with them.
#[derive(Debug, Clone)]
pub struct Cache {
    elasticache: Client,
    trust: CacheTrust,
    poll_every: Duration,
}

impl Cache {
    /// Caches behind this ElastiCache, whose certificates must be signed by this authority.
    pub fn new(elasticache: Client, trust: CacheTrust) -> Self {
        Self { elasticache, trust, poll_every: POLL_EVERY }
    }

    /// Asks ElastiCache this often whether it has finished; for tests, whose stand-in is quick.
    #[must_use]
    pub fn polling_every(mut self, pause: Duration) -> Self {
        self.poll_every = pause;
        self
    }

    /// Does a step for `subject`. It ends within `budget` and one call more; a budget of zero never
    /// waits.
    ///
    /// # Errors
    /// When it cannot be done, or ElastiCache or the cache did not answer.
    pub async fn step(
        &self,
        step: Step,
        subject: &Subject,
        values: &Values,
        earlier: EarlierRollout,
        budget: Duration,
    ) -> Result<Outcome, Error> {
        let until = Instant::now() + budget;
        let mut knowledge = values.knowledge();
        let mut seen = self.observe(subject).await?;
        let mut door = None;
        loop {
            let why = match decide(step, subject, &seen, knowledge, earlier) {
                Next::Done(why) => return Ok(Outcome::Done(why)),
                Next::Fail(refusal) => return Err(refusal.into()),
                Next::Probe(who) => {
                    let known = self.probe(who, subject, values, &seen, &mut door).await?;
                    knowledge.learn(who, known);
                    continue;
                }
                Next::Write(write) => match self.write(write, subject, values).await? {
                    Written::Taken => {
                        note(&mut knowledge, step, write);
                        "ElastiCache changes it".to_owned()
                    }
                    Written::NotNow => "ElastiCache changes it for somebody else".to_owned(),
                },
                Next::Wait(why) => why,
            };
            if Instant::now() + self.poll_every > until {
                return Ok(Outcome::Waiting(why));
            }
            sleep(self.poll_every).await;
            // Whatever was known of the values may have changed meanwhile.
            door = None;
            knowledge = knowledge.forgotten();
            seen = self.observe(subject).await?;
        }
    }

    /// Whose the replication group or the user is; `None` where there is none.
    ///
    /// # Errors
    /// When ElastiCache does not answer.
    pub async fn owner(&self, subject: &Subject) -> Result<Option<Owner>, Error> {
        let seen = self.observe(subject).await?;
        let arn = seen.group.map(|group| group.arn).or(seen.user.map(|user| user.arn));
        match arn {
            Some(arn) => observe::owner(&self.elasticache, &arn).await.map(Some),
            None => Ok(None),
        }
    }

    async fn observe(&self, subject: &Subject) -> Result<Seen, Error> {
        let mut seen = Seen::default();
        match subject {
            Subject::Token { group_id } => {
                seen.group = observe::group(&self.elasticache, group_id).await?;
            }
            Subject::User { arn, .. } => {
                seen.user = observe::user(&self.elasticache, arn).await?;
            }
        }
        Ok(seen)
    }

    async fn probe(
        &self,
        who: Who,
        subject: &Subject,
        values: &Values,
        seen: &Seen,
        door: &mut Option<Door>,
    ) -> Result<Known, Error> {
        let Some(value) = values.of(who) else { return Ok(Known::Absent) };
        let Some(endpoint) = seen.endpoint() else {
            return Err(Refusal::new(
                FailureKind::Network,
                "ElastiCache names no endpoint of the cache",
                "wait until it is available",
            )
            .passing()
            .into());
        };
        let open = match door {
            Some(open) => open,
            None => door.insert(Door::reach(endpoint, &self.trust, CONNECT_WITHIN).await?),
        };
        Ok(match open.try_value(subject.login(), value).await? {
            Answer::Opens => Known::Opens,
            Answer::Refused => Known::Refused,
        })
    }

    async fn write(
        &self,
        write: Write,
        subject: &Subject,
        values: &Values,
    ) -> Result<Written, Error> {
        match subject {
            Subject::Token { group_id } => {
                write_token(&self.elasticache, group_id, write, values).await
            }
            Subject::User { arn, .. } => write_user(&self.elasticache, arn, write, values).await,
        }
    }
}

fn decide(
    step: Step,
    subject: &Subject,
    seen: &Seen,
    knowledge: Knowledge,
    earlier: EarlierRollout,
) -> Next {
    match subject {
        Subject::Token { .. } => decide_token(step, seen.group.as_ref(), knowledge, earlier),
        Subject::User { name, .. } => {
            decide_user(step, name, seen.user.as_ref(), knowledge, earlier)
        }
    }
}

fn note(knowledge: &mut Knowledge, step: Step, write: Write) {
    match (step, write) {
        (Step::Set, Write::OnlyCurrent) => knowledge.made_room = true,
        _ => knowledge.written = true,
    }
}
