//! Users of a tenant beside the application's own: they get what somebody gave them, and no more.

use crate::database::Server;
use crate::scenario::{FIRST, SECRET, Scenario};
use crate::whole::{mariadb, postgres};

/// A user that only reads.
const READER: &str = "reporting";

/// A secret of the reader's, whose password the master sets.
async fn reading(server: Server) -> Scenario {
    // The right to connect is PostgreSQL's own; elsewhere whoever may nothing opens no database.
    let needs = if server.engine() == "postgres" { "CONNECT" } else { "SELECT" };
    needing(server, &[needs]).await
}

/// The same, of a reader that must have these privileges.
async fn needing(server: Server, privileges: &[&str]) -> Scenario {
    let scenario = Scenario::new(server, "single-user-by-master").await;
    let scenario = scenario.knowing(READER, privileges);
    scenario.rewrite(SECRET, |value| value["username"] = READER.into());
    scenario
}

#[tokio::test]
async fn another_user_that_is_missing_is_made_without_any_right_and_nobody_loses_one() {
    let mut scenario = reading(postgres()).await;
    scenario.server.sql("GRANT CONNECT ON DATABASE mate_demo TO PUBLIC");
    scenario.rotate(SECRET).await;
    scenario.assert_whole(SECRET).await;
    scenario.assert_nothing_leaked();
    for (question, answer) in [
        ("SELECT has_schema_privilege('reporting', 'public', 'CREATE')", "f"),
        ("SELECT has_database_privilege('reporting', 'mate_demo', 'CREATE')", "f"),
        ("SELECT count(*) FROM pg_auth_members WHERE member = 'reporting'::regrole", "0"),
        ("SELECT count(*) FROM pg_roles WHERE rolname = 'reporting_owner'", "0"),
        ("SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = 'reporting'", "f"),
        // Had the reader been mended like the application, everybody else would be out.
        ("SELECT has_database_privilege('public', 'mate_demo', 'CONNECT')", "t"),
    ] {
        assert_eq!(scenario.server.sql(question).trim(), answer, "{question}");
    }
}

#[tokio::test]
async fn another_user_that_is_missing_and_may_not_connect_is_told_as_permission() {
    let mut scenario = reading(postgres()).await;
    let (words, detail) = scenario.fails_in("testSecret").await;
    assert_eq!(detail["kind"], "permission", "{words}");
    // Granting what is missing is all there is to do.
    scenario.server.sql("GRANT CONNECT ON DATABASE mate_demo TO reporting");
    scenario.steps(SECRET, "token-0001").await.unwrap().unwrap();
    scenario.assert_whole(SECRET).await;
}

#[tokio::test]
async fn another_account_of_mariadb_that_is_missing_is_made_without_any_right() {
    let mut scenario = reading(mariadb()).await;
    scenario.fails_in("testSecret").await;
    let grants = scenario.server.sql("SHOW GRANTS FOR reporting@'%'");
    assert_eq!(grants.lines().count(), 1, "{grants}");
    assert!(grants.contains("GRANT USAGE ON *.*") && grants.contains("REQUIRE SSL"), "{grants}");
    scenario.assert_nothing_leaked();
}

#[tokio::test]
async fn another_user_that_lacks_a_right_is_told_before_its_password_is_changed() {
    for (server, make, grant) in [
        (
            postgres(),
            format!(
                "CREATE ROLE reporting LOGIN PASSWORD '{FIRST}';
                 GRANT CONNECT ON DATABASE mate_demo TO reporting"
            ),
            "GRANT CREATE ON SCHEMA public TO reporting",
        ),
        (
            mariadb(),
            format!(
                "CREATE USER reporting IDENTIFIED BY '{FIRST}' REQUIRE SSL;
                 GRANT SELECT ON mate_demo.* TO reporting"
            ),
            "GRANT CREATE ON mate_demo.* TO reporting",
        ),
    ] {
        let scenario = &mut needing(server, &["CREATE"]).await;
        scenario.server.sql(&make);
        let (words, detail) = scenario.fails_in("setSecret").await;
        assert_eq!(detail["kind"], "permission", "{words}");
        assert!(words.contains("CREATE on schema"), "{words}");
        assert!(scenario.opens(SECRET, "AWSCURRENT").await, "what worked goes on working");

        scenario.server.sql(grant);
        scenario.steps(SECRET, "token-0001").await.unwrap().unwrap();
        scenario.assert_whole(SECRET).await;
    }
}

#[tokio::test]
async fn another_user_keeps_the_rights_that_somebody_gave_it() {
    let mut scenario = reading(postgres()).await;
    scenario.server.sql(
        "CREATE ROLE reporting LOGIN PASSWORD 'x'; CREATE TABLE books (id int);
         GRANT CONNECT ON DATABASE mate_demo TO reporting; GRANT SELECT ON books TO reporting",
    );
    scenario.rotate(SECRET).await;
    scenario.run_as_application(SECRET, "SELECT * FROM books");
    let create = "SELECT has_schema_privilege('reporting', 'public', 'CREATE')";
    assert_eq!(scenario.server.sql(create).trim(), "f");
}
