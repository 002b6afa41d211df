//! `cache`: an ElastiCache replication group.

use crate::catalogue::facts;
use crate::catalogue::kinds::{Choice, Parameter, Whole};
use crate::catalogue::layers::Section;
use crate::catalogue::mistakes::Read;
use crate::catalogue::model::{Cache, CacheEngine};
use crate::catalogue::values::{NODE_TYPE, PARAMETER, VERSION, WORD};

const ENGINE: Choice<CacheEngine> =
    Choice(&[CacheEngine::Redis, CacheEngine::Valkey], CacheEngine::as_str);

/// Ports that need no privilege; ElastiCache would take any.
const PORT: Whole<u16> = Whole(1024, 65535);

const PORT_DEFAULT: u16 = 6379;

/// A shard has at most five replicas (API reference, `CreateReplicationGroup`).
const REPLICAS: Whole<u32> = Whole(0, 5);

const SNAPSHOT_DAYS: Whole<u32> = Whole(0, 35);

/// Reads the table.
pub(super) fn read(section: &mut Section<'_>) -> Read<Cache> {
    let engine = section.required("engine", &ENGINE);
    let version = section.required("version", &VERSION);
    let parameter_family = section.required("parameter_family", &WORD);
    let node_type = section.required("node_type", &NODE_TYPE);
    let port = section.or("port", &PORT, PORT_DEFAULT);
    let replicas = section.or("replicas", &REPLICAS, 0);
    let snapshot_retention_days = section.or("snapshot_retention_days", &SNAPSHOT_DAYS, 0);
    let parameters = section.named_values("parameters", PARAMETER, &Parameter);

    if let (Ok(engine), Ok(version), Ok(family)) = (&engine, &version, &parameter_family) {
        let name = engine.value.as_str();
        match facts::family(facts::cache_versions(engine.value), &version.value) {
            Err(known) => {
                let problem = format!("{name} has no version {:?}", version.value);
                section.mistake(version.span, "version", problem, known);
            }
            Ok(known) if known != family.value => {
                let problem =
                    format!("{:?} does not go with {name} {}", family.value, version.value);
                section.mistake(family.span, "parameter_family", problem, format!("{known:?}"));
            }
            Ok(_) => {}
        }
    }

    Ok(Cache {
        engine: engine?.value,
        version: version?.value,
        parameter_family: parameter_family?.value,
        node_type: node_type?.value,
        port: port?.value,
        replicas: replicas?.value,
        snapshot_retention_days: snapshot_retention_days?.value,
        parameters: parameters?,
    })
}
