//! The checks one by one: a good catalogue, one line changed, one mistake.

use super::{Catalogue, GOOD, good_with};

/// Asserts that these changes make exactly these mistakes, as `key: problem`.
pub(super) fn assert_mistakes(changes: &[(&str, &str)], expected: &[&str]) {
    let text = good_with(changes);
    let told: Vec<String> = match Catalogue::parse("good.toml", &text) {
        Ok(_) => Vec::new(),
        Err(errors) => errors
            .mistakes
            .into_iter()
            .map(|mistake| format!("{}: {}", mistake.key, mistake.problem))
            .collect(),
    };
    assert_eq!(told, expected, "after {changes:?}");
}

/// One line, what it becomes, and the one mistake that this is; nothing where it is none.
type Case<'a> = (&'a str, &'a str, &'a str);

pub(super) fn assert_each(cases: &[Case<'_>]) {
    for (from, to, expected) in cases {
        let expected: &[&str] = if expected.is_empty() { &[] } else { &[expected] };
        assert_mistakes(&[(from, to)], expected);
    }
}

#[test]
fn the_database_is_one_that_rds_creates() {
    assert_each(&[
        ("\"15.7\"", "\"12.7\"", "database.version: postgres has no version \"12.7\""),
        ("\"15.7\"", "\"150\"", "database.version: postgres has no version \"150\""),
        ("\"15.7\"", "\"15\"", ""),
        (
            "\"postgres15\"",
            "\"postgres16\"",
            "database.parameter_family: \"postgres16\" does not go with postgres 15.7",
        ),
        ("\"db.t4g.micro\"", "\"db.micro\"", "database.class: found \"db.micro\""),
        ("storage_gb = 20", "storage_gb = 19", "database.storage_gb: found 19"),
        (
            "storage_max_gb = 100",
            "storage_max_gb = 21",
            "database.storage_max_gb: 21 leaves 20 no room to grow",
        ),
        ("storage_max_gb = 100", "storage_max_gb = 22", ""),
        ("storage_max_gb = 100", "", "database.storage_max_gb: is missing"),
        (
            "storage_max_gb = 100",
            "storage_max_gb = 100\ninstances = 2",
            "database.instances: postgres has no instances",
        ),
        ("retention_days = 7", "retention_days = 0", "database.backup_retention_days: found 0"),
        ("retention_days = 7", "retention_days = 36", "database.backup_retention_days: found 36"),
        (
            "sun:05:00-sun:06:00",
            "sun:03:30-sun:04:30",
            "database.maintenance_window: sun:03:30-sun:04:30 meets the backup window 03:00-04:00",
        ),
        ("max_connections = 100", "max_connections = 0", "database.max_connections: found 0"),
        (
            "[\"postgresql\"]",
            "[\"slowquery\"]",
            "database.log_exports: postgres has no log \"slowquery\"",
        ),
        (
            "work_mem = 4096",
            "max_connections = 9",
            "database.parameters.max_connections: is set by Caretaker itself",
        ),
        (
            "work_mem = 4096",
            "\"rds.force_ssl\" = 0",
            "database.parameters.rds.force_ssl: is set by Caretaker itself",
        ),
        ("name = \"shop\"", "name = \"1shop\"", "database.name: found \"1shop\""),
    ]);
}

#[test]
fn mysql_has_no_extensions_and_logs_of_its_own() {
    let mysql = [
        ("\"postgres\"", "\"mysql\""),
        ("\"15.7\"", "\"8.0.46\""),
        ("\"postgres15\"", "\"mysql8.0\""),
        ("[\"postgresql\"]", "[\"slowquery\"]"),
    ];
    assert_mistakes(&mysql, &["database.extensions: mysql has no extensions"]);
    let without = ("extensions = [\"pg_stat_statements\"]", "extensions = []");
    assert_mistakes(&[mysql.as_slice(), &[without]].concat(), &[]);
    let insights = (without.0, "performance_insights = true");
    assert_mistakes(
        &[mysql.as_slice(), &[insights]].concat(),
        &["database.performance_insights: mysql on db.t4g.micro has none"],
    );
}

#[test]
fn aurora_has_instances_and_neither_storage_nor_a_standby() {
    let aurora =
        [("\"postgres\"", "\"aurora-postgresql\""), ("\"postgres15\"", "\"aurora-postgresql15\"")];
    assert_mistakes(
        &[aurora.as_slice(), &[("name = \"shop\"\n", "name = \"shop\"\nmulti_az = true\n")]]
            .concat(),
        &[
            "database.instances: is missing",
            "database.multi_az: aurora-postgresql has no multi_az",
            "database.class: aurora-postgresql does not run on db.t4g.micro",
            "database.storage_gb: aurora-postgresql has no storage_gb",
            "database.storage_max_gb: aurora-postgresql has no storage_max_gb",
        ],
    );
    let cluster = [
        ("\"db.t4g.micro\"", "\"db.r6g.large\""),
        ("storage_gb = 20\nstorage_max_gb = 100", "instances = 2"),
    ];
    assert_mistakes(&[aurora, cluster].concat(), &[]);
}

#[test]
fn the_cache_is_one_that_elasticache_creates() {
    assert_each(&[
        ("\"7.0\"", "\"5.0.6\"", "cache.version: redis has no version \"5.0.6\""),
        (
            "\"redis7\"",
            "\"redis6.x\"",
            "cache.parameter_family: \"redis6.x\" does not go with redis 7.0",
        ),
        ("\"cache.t4g.micro\"", "\"db.t4g.micro\"", "cache.node_type: found \"db.t4g.micro\""),
        ("\"cache.t4g.micro\"", "\"cache.t4g.micro\"\nreplicas = 6", "cache.replicas: found 6"),
    ]);
}

#[test]
fn buckets_files_and_keys_keep_to_their_limits() {
    assert_mistakes(
        &[("buckets.files]", "buckets.a-name-that-is-26-long-xxx]"), ("${buckets.files}", "")],
        &["buckets.a-name-that-is-26-long-xxx: found the name \"a-name-that-is-26-long-xxx\""],
    );
    assert_each(&[
        (
            "expire_after_days = 730",
            "expire_after_days = 90",
            "buckets.files.expire_after_days: 90 is not after the move to Glacier at 90",
        ),
        (
            "services = [\"web\"]",
            "services = [\"wep\"]",
            "file_system.services: there is no service \"wep\"",
        ),
        ("uid = 1000", "uid = 0", "file_system.uid: found 0"),
        ("\"/mnt/files\"", "\"files\"", "file_system.mount_path: found \"files\""),
        ("length = 64", "length = 8", "keys.app.length: found 8"),
    ]);
}

#[test]
fn a_service_is_one_that_fargate_runs() {
    assert_each(&[
        (
            "services.worker]",
            "services.worker-of-shop]",
            "services.worker-of-shop: found the name \"worker-of-shop\"",
        ),
        ("memory_mb = 512", "memory_mb = 1536", "services.web.memory_mb: found 1536"),
        ("memory_mb = 512", "memory_mb = 2048", ""),
        ("memory_mb = 1024", "memory_mb = 512", "services.worker.memory_mb: found 512"),
        ("cpu = 512", "cpu = 500", "services.worker.cpu: found 500"),
        ("[\"/tmp\"]", "[\"/\"]", "services.web.writable_paths: found \"/\""),
        ("port = 8000", "port = 0", "services.web.http.port: found 0"),
        ("port = 8000", "port = 65536", "services.web.http.port: found 65536"),
        (
            "port = 8000",
            "health_interval_seconds = 4, port = 8000",
            "services.web.http.health_interval_seconds: found 4",
        ),
        ("\"/health\" }", "\"health\" }", "services.web.http.health_path: found \"health\""),
        ("max = 4", "max = 1", "services.web.scaling.max: 1 is less than count, 2"),
        ("http = {", "# http = {", "services: services with http: none"),
        (
            "command = [\"worker\"]",
            "http = { port = 1, health_path = \"/\" }",
            "services: services with http: web, worker",
        ),
        (
            "command = [\"worker\"]",
            concat!(
                "scaling = { max = 2, cpu_percent = 70, memory_percent = 75, ",
                "requests_per_minute_per_task = 1, ",
                "out_cooldown_seconds = 1, in_cooldown_seconds = 1 }"
            ),
            concat!(
                "services.worker.scaling.requests_per_minute_per_task: ",
                "no requests reach this service"
            ),
        ),
    ]);
}

#[test]
fn no_service_runs_as_root() {
    for user in ["root", "0:0", "0:1000", "1000:0", "1000"] {
        let text = GOOD.replacen("\"1000:1000\"", &format!("{user:?}"), 1);
        let errors = Catalogue::parse("good.toml", &text).unwrap_err();
        assert_eq!(errors.mistakes[0].key, "services.web.user", "{errors}");
    }
}

#[test]
fn references_point_at_what_there_is() {
    assert_each(&[
        (
            "${cache.host}",
            "${cache.hots}",
            concat!(
                "services.web.environment.CACHE: ",
                "there is no ${cache.hots}, did you mean \"cache.host\"?"
            ),
        ),
        (
            "${buckets.files}",
            "${buckets.file",
            concat!("services.web.environment.FILES: ", "${buckets.file is not closed with }"),
        ),
        ("${buckets.files}", "$HOME costs $5", ""),
        (
            "keys.app.key",
            "keys.web.key",
            concat!(
                "services.web.secrets.SECRET_KEY: there is no \"keys.web.key\", ",
                "did you mean \"keys.app.key\"?"
            ),
        ),
        (
            "secrets.SECRET_KEY",
            "environment.secret_key",
            "services.web.environment.secret_key: found the name \"secret_key\"",
        ),
        (
            "secrets.SECRET_KEY = \"keys.app.key\"",
            "environment.DATABASE_PASSWORD = \"x\"",
            "services.web.secrets.DATABASE_PASSWORD: web has it in environment too",
        ),
    ]);
}

#[test]
fn without_a_cache_nothing_refers_to_one() {
    let cache = "[defaults.cache]\nengine = \"redis\"\nversion = \"7.0\"\n\
                 parameter_family = \"redis7\"\nnode_type = \"cache.t4g.micro\"\n";
    assert_mistakes(
        &[(cache, "")],
        &[
            "services.web.environment.CACHE: there is no ${cache.host}",
            "services.web.environment.CACHE: there is no ${cache.port}",
            "alarms.full.metric: there is no cache",
        ],
    );
}

#[test]
fn an_alarm_can_fire() {
    assert_each(&[
        ("above = 90", "", "alarms.busy: has no threshold"),
        ("above = 90", "above = 90\nbelow = 1", "alarms.busy.below: stands beside above"),
        ("above = 90", "above = 100", "alarms.busy.above: database-cpu cannot cross it"),
        ("above = 90", "below = 0", "alarms.busy.below: database-cpu cannot cross it"),
        ("above = 90", "above = -1", "alarms.busy.above: found -1"),
        ("above = 90", "above = 99.5", ""),
    ]);
}

#[test]
fn days_and_minutes_keep_to_what_aws_accepts() {
    assert_each(&[
        ("retention_days = 30", "retention_days = 31", "logs.retention_days: found 31"),
        ("database_days = 30", "database_days = 1001", "rotation.database_days: found 1001"),
        ("keys_days = 180", "", "rotation.keys_days: is missing"),
        ("rpo_minutes = 15", "rpo_minutes = 4", "recovery.rpo_minutes: found 4"),
    ]);
}

#[test]
fn unknown_names_are_mistakes() {
    assert_each(&[
        (
            "storage_gb = 20",
            "storage_gb = 20\nstorage = 1",
            "database.storage: unknown key, did you mean \"storage_gb\"?",
        ),
        (
            "[environments.dev]",
            "[environments.production]",
            "environments.production: found the name \"production\"",
        ),
        ("[environments.dev]", "[environments.dev]\n[tiers.gold]", "tiers.gold: unknown key"),
        ("[defaults.logs]", "[defaults.tiers]\n[defaults.logs]", "tiers: unknown key"),
    ]);
    assert_mistakes(
        &[("[defaults.rotation]", "[deafults.rotation]")],
        &["rotation: is missing", "deafults: unknown key, did you mean \"defaults\"?"],
    );
}
