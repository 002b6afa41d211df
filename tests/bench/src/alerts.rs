//! What thinking costs on the way of an alert: reading it, and deciding for its group, which has it
//! alone or is a storm.

use std::error::Error;
use std::hint::black_box;

use alert_fanout::alert::Alert;
use alert_fanout::decide::{World, decide};
use alert_fanout::event::{self, Context, Delivery};
use alert_fanout::group::{ENTRIES_MAX, Group};
use alert_fanout::route::places;
use domain::catalogue::alerting::Alerting;
use domain::{Catalogue, Environment};
use jiff::Timestamp;

use crate::timing::{self, Timing};

const CATALOGUE: &str = include_str!("../../../infra/catalogues/mate.toml");
const EVENT: &str = include_str!(
    "../../../functions/alert-fanout/tests/fixtures/cloudwatch/own-database-cpu-alarm.json"
);

/// Measures the way of an alert.
pub(crate) fn measure() -> Result<Vec<Timing>, Box<dyn Error>> {
    let catalogue = Catalogue::parse("mate.toml", CATALOGUE)?;
    let alerting = catalogue.alerting.as_ref().ok_or("mate routes nothing")?;
    let environment: Environment = "dev".parse()?;
    let context = Context::new(&catalogue, &environment, "eu-central-1");
    let now: Timestamp = "2026-11-21T12:00:00Z".parse()?;
    let read = || event::read_body(black_box(EVENT), Delivery::default(), &context, now);
    let alert = event::alerts(read()).pop().ok_or("the event holds no alert")?;
    let first = group(alerting, &alert)?;
    let storm = (0..ENTRIES_MAX).try_fold(first.clone(), |group, number| {
        let dedup_key = format!("{}-{number}", alert.dedup_key);
        decided(alerting, group, &Alert { dedup_key, ..alert.clone() }, now)
    })?;
    Ok(vec![
        timing::measure("read an alert", "an alarm by SNS", read),
        timing::measure("decide for a group", "its first alert", || {
            decided(alerting, black_box(first.clone()), &alert, now)
        }),
        timing::measure("decide for a group", "a full one", || {
            decided(alerting, black_box(storm.clone()), &alert, now)
        }),
    ])
}

fn group(alerting: &Alerting, alert: &Alert) -> Result<Group, &'static str> {
    let place = places(&alerting.route, alert).into_iter().next().ok_or("no route takes it")?;
    Ok(Group::new(&place))
}

fn decided(
    alerting: &Alerting,
    group: Group,
    alert: &Alert,
    now: Timestamp,
) -> Result<Group, &'static str> {
    let place = places(&alerting.route, alert).into_iter().next().ok_or("no route takes it")?;
    let (silences, inhibitors) = (&[], &[]);
    let world = World { alerting, route: place.route, silences, inhibitors, by: "bench" };
    Ok(decide(group, std::slice::from_ref(alert), &world, now).group)
}
