//! What Caretaker publishes, and the AWS events it reads.
