//! What is told to whom, and when: `decide` and `settle` over time, without any IO.

mod fixtures;
mod folding;
mod holding;
mod ledger;
mod properties;
mod timing;
