//! Two users of a real server that take turns. The master is as on RDS: no superuser on PostgreSQL,
//! without SUPER and FILE on MariaDB.
#![expect(clippy::unwrap_used, reason = "helpers of tests may end them")]

mod mariadb;
mod pair;
mod postgres;
