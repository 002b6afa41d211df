//! A Lambda's shell: start-up, clients, logs, metrics, batches, deadline, re-queueing.
