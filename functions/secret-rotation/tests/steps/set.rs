//! The table of `setSecret` for a database user, row by row, strategy by strategy.

use secret_rotation::decide::Seen::{Absent, Opens};
use secret_rotation::kind::Strategy::{self, AlternatingUsers, SingleUser, SingleUserByMaster};
use secret_rotation::refusal::FailureKind::{Network, Permission, Tls};

use crate::fixtures::{Given, barred, refused, rows, set, unusable};

#[test]
fn a_user_that_changes_its_own_password() {
    let given = || set(SingleUser);
    let denied = || given().pending(refused());
    let none = || denied().current(refused()).previous(refused());
    rows(&[
        ("nothing is known", given(), "probe pending"),
        ("pending opens", given().pending(Opens), "done"),
        ("pending: no network", given().pending(barred(Network)), "fail network"),
        ("pending: no right", given().pending(barred(Permission)), "fail permission"),
        ("pending is refused", denied(), "probe current"),
        ("current opens", denied().current(Opens), "set over current"),
        ("current: no TLS", denied().current(barred(Tls)), "fail tls"),
        ("current is refused", denied().current(refused()), "probe previous"),
        ("previous opens", denied().current(refused()).previous(Opens), "set over previous"),
        (
            "previous: no network",
            denied().current(refused()).previous(barred(Network)),
            "fail network",
        ),
        ("all three are refused", none(), "probe master"),
        ("no previous", denied().current(refused()).previous(Absent), "probe master"),
        (
            "the previous is another user's",
            denied().current(refused()).previous(unusable()),
            "probe master",
        ),
        ("the master opens", none().master(Opens), "set over master"),
        ("no master", none().master(Absent), "fail authentication"),
        ("the master is refused", none().master(refused()), "fail authentication"),
        ("the master's secret is broken", none().master(unusable()), "fail configuration"),
        ("the master: no network", none().master(barred(Network)), "fail network"),
    ]);
}

#[test]
fn a_user_whose_password_the_master_sets() {
    let given = || set(SingleUserByMaster);
    let denied = || given().pending(refused());
    rows(&[
        ("nothing is known", given(), "probe pending"),
        ("pending opens", given().pending(Opens), "done"),
        ("pending: no network", given().pending(barred(Network)), "fail network"),
        ("pending has no right", given().pending(barred(Permission)), "probe master"),
        (
            "pending has no right, the master opens",
            given().pending(barred(Permission)).master(Opens),
            "set over master",
        ),
        ("pending is refused", denied(), "probe master"),
        ("the master opens", denied().master(Opens), "set over master"),
        ("the master is refused", denied().master(refused()), "fail authentication"),
        ("no master", denied().master(Absent), "fail configuration"),
        ("the master's secret is broken", denied().master(unusable()), "fail configuration"),
        ("the master: no TLS", denied().master(barred(Tls)), "fail tls"),
    ]);
}

#[test]
fn a_user_whose_password_the_master_sets_but_whose_rights_it_does_not_mend() {
    let given = || set(SingleUserByMaster).asking_the_user();
    let denied = || given().pending(refused());
    rows(&[
        ("nothing is known", given(), "probe pending"),
        ("pending opens", given().pending(Opens), "done"),
        ("pending has no right", given().pending(barred(Permission)), "probe master"),
        ("pending is refused", denied(), "probe current"),
        ("current: no network", denied().current(barred(Network)), "fail network"),
        ("current opens", denied().current(Opens), "probe master"),
        ("current is refused", denied().current(refused()), "probe master"),
        ("current has no right", denied().current(barred(Permission)), "probe master"),
        ("the master opens", denied().current(Opens).master(Opens), "set over master"),
        ("no master", denied().current(Opens).master(Absent), "fail configuration"),
    ]);
}

#[test]
fn two_users_that_take_turns() {
    let given = || set(AlternatingUsers);
    let open = || given().current(Opens);
    let closed = || given().current(refused());
    rows(&[
        ("nothing is known", given(), "probe current"),
        ("current opens", open(), "probe master"),
        ("current: no network", given().current(barred(Network)), "fail network"),
        ("the master opens", open().master(Opens), "ensure alternate"),
        ("the master: no network", open().master(barred(Network)), "fail network"),
        ("the master is refused", open().master(refused()), "probe pending"),
        (
            "the master is refused, and it was set before",
            open().master(refused()).pending(Opens),
            "done",
        ),
        (
            "the master is refused, and it was not set",
            open().master(refused()).pending(refused()),
            "fail authentication",
        ),
        (
            "no master, and it was not set",
            open().master(Absent).pending(refused()),
            "fail configuration",
        ),
        (
            "the master's secret is broken, and pending is not reached",
            open().master(unusable()).pending(barred(Network)),
            "fail configuration",
        ),
        ("current is refused", closed(), "probe pending"),
        ("current is refused, and it was set before", closed().pending(Opens), "done"),
        (
            "current is refused, and it was not set",
            closed().pending(refused()),
            "fail authentication",
        ),
        (
            "current is refused, and pending is not reached",
            closed().pending(barred(Network)),
            "fail authentication",
        ),
    ]);
}

#[test]
fn a_pending_value_that_is_missing_or_opens_nothing_whatever_the_server_says() {
    for strategy in Strategy::ALL {
        let given = || set(strategy).pending(unusable());
        rows(&[
            ("missing", set(strategy).pending(Absent), "fail configuration"),
            ("unusable", given(), "probe current"),
            ("unusable, current opens", given().current(Opens), "take off configuration"),
            ("unusable, current is refused", given().current(refused()), "fail configuration"),
            ("unusable, no network", given().current(barred(Network)), "fail network"),
        ]);
    }
}

#[test]
fn a_pending_value_that_the_server_would_not_have() {
    for strategy in Strategy::ALL {
        let given = || set(strategy).value_refused();
        let denied = || given().pending(refused());
        let table: [(&str, Given, &str); 8] = [
            ("nothing is proven", given(), "probe pending"),
            ("the server has it all the same", given().pending(Opens), "done"),
            ("pending is not reached", given().pending(barred(Network)), "fail policy"),
            ("pending is refused", denied(), "probe current"),
            ("current opens", denied().current(Opens), "take off policy"),
            ("previous opens", denied().current(refused()).previous(Opens), "take off policy"),
            ("nothing opens", denied().current(refused()), "fail policy"),
            ("current is not reached", denied().current(barred(Network)), "fail policy"),
        ];
        rows(&table);
    }
}
