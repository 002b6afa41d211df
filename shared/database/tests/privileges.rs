//! What a login lacks is said in words, by real servers.
#![expect(clippy::unwrap_used, reason = "helpers of tests may end them")]

use database::testing::{MariadbServer, PostgresServer};
use database::{Privilege, Target, Trust, check_privileges, connect};
use std::time::Duration;

const BUDGET: Duration = Duration::from_secs(30);

async fn missing(login: &Target, trust: &Trust) -> Vec<String> {
    let mut connection = connect(login, trust, BUDGET).await.unwrap();
    let missing = check_privileges(&mut connection, &Privilege::ALL).await.unwrap();
    connection.close().await;
    missing
}

#[tokio::test]
async fn what_a_postgres_user_lacks_is_said_in_words() {
    let server = PostgresServer::start();
    server.sql(
        "CREATE ROLE app LOGIN PASSWORD 'app'; \
         REVOKE ALL ON DATABASE mate_demo FROM PUBLIC; GRANT CONNECT ON DATABASE mate_demo TO app; \
         REVOKE ALL ON SCHEMA public FROM PUBLIC; \
         CREATE TABLE a (id int); CREATE TABLE b (id int); CREATE TABLE \"C%'d\" (id int); \
         CREATE TABLE d (id int); CREATE TABLE mine (id int); CREATE VIEW seen AS SELECT 1; \
         ALTER TABLE mine OWNER TO app; GRANT SELECT ON ALL TABLES IN SCHEMA public TO app; \
         GRANT INSERT ON a, b, d TO app; CREATE ROLE updaters; GRANT updaters TO app; \
         GRANT UPDATE ON a, b, \"C%'d\" TO updaters; GRANT UPDATE ON d TO PUBLIC",
    );
    let (app, trust) = (server.login("app", "app"), server.trust());
    assert_eq!(
        missing(&app, &trust).await,
        [
            r#"TEMPORARY on database "mate_demo""#,
            r#"CREATE on schema "public""#,
            r#"USAGE on schema "public""#,
            r#"INSERT on table "C%'d""#,
            r#"DELETE on the tables "C%'d", "a", "b" and 1 more"#,
        ]
    );
    server.sql(
        "GRANT ALL ON DATABASE mate_demo TO app; GRANT ALL ON SCHEMA public TO app; \
         GRANT ALL ON ALL TABLES IN SCHEMA public TO app",
    );
    assert_eq!(missing(&app, &trust).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_a_mariadb_account_lacks_is_said_in_words() {
    let server = MariadbServer::start();
    server.sql(
        r"CREATE USER app@'%' IDENTIFIED BY 'app'; GRANT INSERT ON *.* TO app@'%';
          GRANT SELECT, CREATE TEMPORARY TABLES ON `mate\_demo`.* TO app@'%';
          CREATE ROLE writers; GRANT UPDATE ON `mate_demo`.* TO writers; GRANT writers TO app@'%';
          SET DEFAULT ROLE writers FOR app@'%'; GRANT DELETE ON `mateXdemo`.* TO app@'%'",
    );
    let (app, trust) = (server.login("app", "app"), server.trust());
    assert_eq!(
        missing(&app, &trust).await,
        [r#"CREATE on schema "mate_demo""#, r#"DELETE on schema "mate_demo""#]
    );
    server.sql(r"GRANT ALL PRIVILEGES ON `mate\_demo`.* TO app@'%'");
    assert_eq!(missing(&app, &trust).await, Vec::<String>::new());
}
