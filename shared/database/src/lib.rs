//! A tenant's database over verified TLS: connecting, and the roles in it.
