//! The table of all steps but `setSecret` of a database user, row by row.

use secret_rotation::decide::{Method, Position, Seen};
use secret_rotation::event::Step;
use secret_rotation::kind::Strategy;
use secret_rotation::refusal::FailureKind;

use crate::fixtures::{barred, refused, rows, step, unusable};

const USER: Method = Method::Database(Strategy::AlternatingUsers);

#[test]
fn where_the_version_stands_goes_before_everything() {
    for of in Step::ALL {
        for method in [USER, Method::Cache, Method::Nobody] {
            let given = step(of, method);
            let at_the_end = if of == Step::Finish { "announce" } else { "done" };
            rows(&[
                ("rotation off", given.clone().at(Position::RotationOff), "fail configuration"),
                ("unknown token", given.clone().at(Position::Unknown), "fail configuration"),
                ("label is gone", given.clone().at(Position::Neither), "fail configuration"),
                ("current already", given.at(Position::Current), at_the_end),
            ]);
        }
    }
}

#[test]
fn create_secret() {
    let create = || step(Step::Create, USER);
    rows(&[
        ("no value yet", create().pending(Seen::Absent), "make"),
        ("it has its value", create(), "done"),
        ("its value cannot be used", create().pending(unusable()), "done"),
        (
            "nothing to make it from",
            create().current(Seen::Absent).pending(Seen::Absent),
            "fail configuration",
        ),
    ]);
}

#[test]
fn set_secret_of_what_is_no_database_user() {
    rows(&[
        ("a cache", step(Step::Set, Method::Cache), "set cache"),
        (
            "a cache without a pending value",
            step(Step::Set, Method::Cache).pending(Seen::Absent),
            "fail configuration",
        ),
        ("nobody has to be told", step(Step::Set, Method::Nobody), "done"),
    ]);
}

#[test]
fn test_secret() {
    let test = || step(Step::Test, USER);
    rows(&[
        ("a key", step(Step::Test, Method::Nobody), "done"),
        ("a cache", step(Step::Test, Method::Cache), "test cache"),
        (
            "a cache without a pending value",
            step(Step::Test, Method::Cache).pending(Seen::Absent),
            "test cache",
        ),
        ("not tried", test(), "probe pending"),
        ("it opens", test().pending(Seen::Opens), "check pending"),
        ("it does not open", test().pending(refused()), "fail authentication"),
        ("it cannot be read", test().pending(unusable()), "fail configuration"),
        ("no network", test().pending(barred(FailureKind::Network)), "fail network"),
        ("no right to connect", test().pending(barred(FailureKind::Permission)), "fail permission"),
        ("temporary and empty", test().pending(Seen::Absent), "probe current"),
        (
            "temporary and empty, current opens",
            test().pending(Seen::Absent).current(Seen::Opens),
            "check current",
        ),
        (
            "temporary and empty, current does not open",
            test().pending(Seen::Absent).current(refused()),
            "fail authentication",
        ),
        (
            "temporary and empty, no network",
            test().pending(Seen::Absent).current(barred(FailureKind::Tls)),
            "fail tls",
        ),
        (
            "a schedule that is made before the user is",
            test().pending(Seen::Absent).before_its_user(),
            "done",
        ),
        (
            "no value at all",
            test().pending(Seen::Absent).current(Seen::Absent),
            "fail configuration",
        ),
    ]);
}

#[test]
fn finish_secret() {
    for method in [USER, Method::Cache, Method::Nobody] {
        let finish = || step(Step::Finish, method);
        rows(&[
            ("it has its value", finish(), "make current"),
            ("it has none", finish().pending(Seen::Absent), "fail configuration"),
            ("it cannot be used", finish().pending(unusable()), "fail configuration"),
        ]);
    }
}
