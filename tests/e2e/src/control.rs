//! The local cloud's control API: what was called, and what is to go wrong.

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::cloud::About;

/// One AWS call as the cloud saw it.
#[derive(Debug, Clone, Deserialize)]
pub struct Call {
    /// The service: `sqs`.
    pub service: String,
    /// The operation by AWS's name: `SendMessage`.
    pub operation: String,
    /// The role or user that called.
    pub caller: String,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The step of a rotation in which it was made: `createSecret`; `None` outside of one.
    #[serde(default)]
    pub step: Option<String>,
}

/// A failure on demand; see the local cloud's README for what each field means.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Fault {
    /// `throttle`, `error500`, `latency`, `drop`, `kill` or `fail_resource`.
    pub kind: &'static str,
    /// Only calls by this caller.
    pub caller: String,
    /// Only calls whose path or body holds this text.
    pub about: String,
    /// `before` or `after` the call takes effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<&'static str>,
    /// The share of calls that are hit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// At most so many are hit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// So many are let pass first.
    pub skip: u32,
    /// For `fail_resource`: the stack.
    pub stack: String,
    /// For `fail_resource`: the resource's logical id.
    pub logical_id: String,
    /// For `fail_resource`: the reason that CloudFormation gives.
    pub reason: String,
}

/// A fault as the cloud holds it.
#[derive(Debug, Clone, Deserialize)]
pub struct Armed {
    /// How many calls it has hit.
    pub applied: u32,
}

/// The control API of a cloud.
#[derive(Debug, Clone)]
pub struct Control {
    base: String,
    agent: ureq::Agent,
}

impl Control {
    /// The control API of this cloud.
    pub fn new(about: &About) -> Self {
        let base = format!("{}/_localcloud", about.endpoint);
        Self { base, agent: ureq::Agent::new_with_defaults() }
    }

    /// The calls so far by callers whose name holds `caller`.
    ///
    /// # Errors
    /// When the cloud does not answer.
    pub fn calls(&self, caller: &str) -> Result<Vec<Call>> {
        let url = format!("{}/calls", self.base);
        let mut answer = self.agent.get(&url).query("caller", caller).call()?;
        Ok(answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_json()?)
    }

    /// Forgets all calls so far.
    ///
    /// # Errors
    /// When the cloud does not answer.
    pub fn forget_calls(&self) -> Result<()> {
        self.agent.delete(format!("{}/calls", self.base)).call()?;
        Ok(())
    }

    /// Has these things go wrong, and no others.
    ///
    /// # Errors
    /// When the cloud does not understand them; all mistakes are in its log.
    pub fn break_with(&self, faults: &[Fault]) -> Result<()> {
        let rules = serde_json::json!({ "rules": faults });
        self.agent.put(format!("{}/faults", self.base)).send_json(rules)?;
        Ok(())
    }

    /// The faults, in the order in which they were given, with what became of them.
    ///
    /// # Errors
    /// When the cloud does not answer.
    pub fn faults(&self) -> Result<Vec<Armed>> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Answer {
            List(Vec<Armed>),
            Document { rules: Vec<Armed> },
        }
        let mut answer = self.agent.get(format!("{}/faults", self.base)).call()?;
        Ok(match answer.body_mut().read_json()? {
            Answer::List(rules) | Answer::Document { rules } => rules,
        })
    }

    /// Has a rule or schedule of this name fire now.
    ///
    /// # Errors
    /// When there is none.
    pub fn fire(&self, schedule: &str) -> Result<()> {
        let wanted = serde_json::json!({ "schedule": schedule });
        self.agent.post(format!("{}/fire", self.base)).send_json(wanted)?;
        Ok(())
    }

    /// Changes settings of the running cloud.
    ///
    /// # Errors
    /// When the cloud does not know them.
    pub fn set(&self, settings: &serde_json::Value) -> Result<()> {
        self.agent.put(format!("{}/settings", self.base)).send_json(settings)?;
        Ok(())
    }
}

/// The longest answer that is read: a hundred thousand calls.
const ANSWER_BYTES_MAX: u64 = 32 * 1024 * 1024;
