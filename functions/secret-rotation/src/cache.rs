//! What a cache asks for: the auth token of a replication group, and the password of an RBAC user.
//!
//! Why it is a room of its own: a cache's values are changed through ElastiCache and not at the
//! server, each change takes minutes in which nothing else can be changed, and both the old and
//! the new value are accepted until the rollout is over. AWS's template covers users only and never
//! logs in with what it set; tokens it does not cover at all.
//!
//! ```text
//! observe (ElastiCache) ──► decide (a table) ──► try a value at the cache's door ──┐
//!            ▲                    │                                                │
//!            └──── wait ◄─────────┴──► write (ROTATE, SET, ModifyUser) ────────────┘
//! ```

mod act;
mod decide;
mod door;
mod limits;
mod observe;
mod step;
mod trust;

pub use act::Written;
pub use decide::{
    EarlierRollout, Group, Knowledge, Known, Next, Readiness, Step, User, Who, Write, decide_token,
    decide_user,
};
pub use door::{Answer, Door, DoorError, DoorErrorKind, Endpoint};
pub use limits::{EXCLUDED_PUNCTUATION, VALUE_LENGTH_MAX, VALUE_LENGTH_MIN, check_value};
pub use observe::Owner;
pub use step::{Cache, Outcome, Subject, Values};
pub use trust::CacheTrust;
