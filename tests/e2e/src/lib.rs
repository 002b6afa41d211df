//! The whole suite on the local cloud.
