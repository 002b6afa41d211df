//! Every situation a tenant can be in, and what is decided: the table of the function's README.

mod fixtures;
mod properties;
mod table;
