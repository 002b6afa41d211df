//! What comes in: real-shaped events of every source, and everything that is none.

mod corpus;
mod fixtures;
mod meaning;
mod properties;
