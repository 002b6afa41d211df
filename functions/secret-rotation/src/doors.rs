//! The connections of one step: which were opened, what they cost, and that they are closed.
//!
//! Why it exists: what a step costs is connections, and time in the database. Both are counted
//! here, in the one place where connections are made, so that the metrics cannot miss one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use database::{Connection, Opens, Target, Trust, opens};

use crate::decide::{Seen, Who};
use crate::refusal::Refusal;

/// How long opening one connection may take: network, TLS and login together. A server in the same
/// network answers in milliseconds; one that swallows packets must leave time to say so.
pub(crate) const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// The doors to a tenant's database.
#[derive(Debug)]
pub(crate) struct Doors<'a> {
    trust: &'a Trust,
    open: BTreeMap<Who, Connection>,
    /// How many connections were tried.
    pub(crate) tried: u32,
    /// How long the database was waited for.
    pub(crate) waited: Duration,
}

impl<'a> Doors<'a> {
    pub(crate) const fn new(trust: &'a Trust) -> Self {
        Self { trust, open: BTreeMap::new(), tried: 0, waited: Duration::ZERO }
    }

    /// Tries a login, and keeps the connection if it opens.
    pub(crate) async fn try_door(&mut self, who: Who, target: &Target) -> Seen {
        self.tried = self.tried.saturating_add(1);
        let began = Instant::now();
        let answer = opens(target, self.trust, CONNECT_WITHIN).await;
        self.waited = self.waited.saturating_add(began.elapsed());
        match answer {
            Ok(Opens::Yes(connection)) => {
                self.open.insert(who, *connection);
                Seen::Opens
            }
            Ok(Opens::Refused(error)) => Seen::Refused(error.to_string()),
            Err(error) => Seen::Barred(Refusal::from(&error)),
        }
    }

    /// The connection that was opened for one of them.
    pub(crate) fn connection(&mut self, who: Who) -> Option<&mut Connection> {
        self.open.get_mut(&who)
    }

    /// Notes time that was spent in the database.
    pub(crate) fn spent(&mut self, since: Instant) {
        self.waited = self.waited.saturating_add(since.elapsed());
    }

    /// Says goodbye on all of them.
    pub(crate) async fn close(&mut self) {
        for connection in std::mem::take(&mut self.open).into_values() {
            connection.close().await;
        }
    }
}
