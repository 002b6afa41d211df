//! Why this exists: that no name can become SQL is shown with hundreds of names, on the servers
//! that do the quoting.

use super::{Connection, Dialect};
use crate::connect;
use crate::testing::{MariadbServer, PostgresServer};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sqlx::{AssertSqlSafe, Column, Executor, Row};
use std::time::Duration;

const BUDGET: Duration = Duration::from_secs(30);

/// Letters that mean something to some parser on the way, and a few that mean nothing.
fn nasty() -> impl Strategy<Value = String> {
    let letter = prop_oneof![
        4 => proptest::sample::select("'\"`\\%$;-#/*?{}()@. \n\tIL%sE".chars().collect::<Vec<_>>()),
        2 => proptest::char::any().prop_filter("no NUL", |letter| *letter != '\0'),
        1 => proptest::char::range('a', 'z'),
    ];
    // At most 14 letters of up to four bytes stay below the 63 bytes of a PostgreSQL name.
    proptest::collection::vec(letter, 1..15).prop_map(|letters| letters.into_iter().collect())
}

/// Runs a statement in which the server quoted a name and a text, and answers with both as they
/// came back.
async fn round_trip(connection: &mut Connection, name: &str, text: &str) -> (String, String) {
    let template = "SELECT %L AS %I";
    match connection.dialect() {
        Dialect::Postgres(mut server) => {
            let statement = server.quote("quote", template, &[text, name]).await.unwrap();
            let row = server.connection.fetch_one(AssertSqlSafe(statement)).await.unwrap();
            (row.column(0).name().to_owned(), row.get(0))
        }
        Dialect::Mysql(mut server) => {
            let statement = server.quote("quote", template, &[text, name]).await.unwrap();
            let row = server.connection.fetch_one(AssertSqlSafe(statement)).await.unwrap();
            (row.column(0).name().to_owned(), row.get(0))
        }
    }
}

/// The strategy is drawn from by hand, because one connection serves all cases.
async fn every_name_comes_back(mut connection: Connection) {
    let mut runner = TestRunner::deterministic();
    for _ in 0..500 {
        let (name, text) = (nasty(), nasty()).new_tree(&mut runner).unwrap().current();
        // What MySQL cannot have in a name is refused beforehand, and a name cannot begin or end
        // with a space there.
        let name = format!(".{}.", name.replace(|letter| letter > '\u{ffff}', "-"));
        let answer = round_trip(&mut connection, &name, &text).await;
        assert_eq!(answer, (name, text));
    }
}

#[tokio::test]
async fn no_name_is_anything_but_a_name_on_postgres() {
    let server = PostgresServer::start();
    let connection = connect(&server.master(), &server.trust(), BUDGET).await.unwrap();
    every_name_comes_back(connection).await;
}

#[tokio::test]
async fn no_name_is_anything_but_a_name_on_mariadb() {
    let server = MariadbServer::start();
    let connection = connect(&server.master(), &server.trust(), BUDGET).await.unwrap();
    every_name_comes_back(connection).await;
}
