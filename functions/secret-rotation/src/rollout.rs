//! What comes after a rotation: services are relaunched with the new value, and then the old value
//! is taken away.
//!
//! Why it exists: a container keeps the value that it was started with. A rotation that ends when
//! Secrets Manager says so leaves every running task with a value that is about to end; one that
//! never takes the old value away leaves it working for whoever has copied it.
//!
//! ```text
//! rotated ──► redeploy ──► every task is new ──► retire the old value ──► settled
//!                 │
//!                 └──► failed: told, nothing is taken away, watched until somebody mends it
//! ```

mod decide;
mod look;
mod observe;
mod pass;
mod retire;
mod service;
mod tell;

pub use decide::{
    Action, Decision, MENDED_WITHIN, Retirement, STEADY_WITHIN, decide, holds_back, is_rolling_out,
    watched_again_at,
};
pub use observe::observe;
pub use retire::is_retiring;
pub use service::{CLOCKS_APART, Deployment, DeploymentState, Observed, Progress, Service, Task};
