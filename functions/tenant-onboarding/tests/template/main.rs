//! What the two CloudFormation templates of a tenant promise, for every product that ships and
//! every tier.

// By `cfg(test)` clippy knows that these helpers may panic too, not only the tests that call them.
#[cfg(test)]
mod alarms;
#[cfg(test)]
mod app;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod data;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod security;
#[cfg(test)]
mod whole;
