//! Which server a secret speaks of, as RDS describes it: the evidence against which a binding is
//! checked.

use aws_sdk_rds::error::ProvideErrorMetadata;
use aws_sdk_rds::types::{DbCluster, DbInstance, Tag};
use database::DatabaseSecret;
use domain::Names;
use runtime::call;

use super::Observer;
use crate::binding::Server;
use crate::error::Error;
use crate::kind::{RdsResource, Tags};

/// How host names of RDS end (RDS user guide, "Finding the connection information"), in the
/// commercial regions and in China.
const RDS_HOSTS: [&str; 2] = [".rds.amazonaws.com", ".rds.amazonaws.com.cn"];

/// How the second label of a cluster's host begins, for its writer, its readers and its custom
/// endpoints.
const CLUSTER_LABEL: &str = "cluster-";

/// Where to ask RDS for a server.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Instance(String),
    Cluster(String),
}

/// Whose the users of an instance are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Users {
    /// Its own.
    Own,
    /// Those of the instance that it is a replica of.
    Source(String),
    /// Those of the cluster that it is one instance of: the writer, or a reader.
    Cluster(String),
}

impl Users {
    fn of(instance: &DbInstance) -> Self {
        let given = |id: Option<&str>| id.filter(|id| !id.is_empty()).map(str::to_owned);
        if let Some(cluster) = given(instance.db_cluster_identifier()) {
            return Self::Cluster(cluster);
        }
        // A replica in another region is named by its ARN.
        let source = instance.read_replica_source_db_instance_identifier();
        let source = given(source.and_then(|it| it.rsplit(':').next()));
        source.map_or(Self::Own, Self::Source)
    }
}

impl Observer {
    /// The server that a database secret speaks of. Where to ask follows from what the secret
    /// says of itself, from its host, and from the tenant's names; whether the answer fits is for
    /// the binding to say. `None` where RDS knows none.
    ///
    /// # Errors
    /// When RDS does not answer.
    pub async fn server(
        &self,
        secret: &DatabaseSecret,
        names: &Names,
    ) -> Result<Option<Server>, Error> {
        for place in places(secret, names) {
            if let Some(server) = self.at(&place).await? {
                return Ok(Some(server));
            }
        }
        Ok(None)
    }

    /// The server whose master RDS manages.
    ///
    /// # Errors
    /// When RDS does not answer.
    pub async fn managed_server(&self, resource: &RdsResource) -> Result<Option<Server>, Error> {
        let identifier = |arn: &str| arn.rsplit(':').next().unwrap_or_default().to_owned();
        self.at(&match resource {
            RdsResource::Instance(arn) => Place::Instance(identifier(arn)),
            RdsResource::Cluster(arn) => Place::Cluster(identifier(arn)),
        })
        .await
    }

    async fn at(&self, place: &Place) -> Result<Option<Server>, Error> {
        match place {
            Place::Instance(identifier) => {
                let Some((mut server, users)) = self.instance(identifier).await? else {
                    return Ok(None);
                };
                let copied = match users {
                    Users::Own => None,
                    Users::Source(id) => self.instance(&id).await?.map(|(server, _)| server),
                    Users::Cluster(id) => self.cluster(&id).await?,
                };
                server.copies = copied.map(Box::new);
                Ok(Some(server))
            }
            Place::Cluster(identifier) => self.cluster(identifier).await,
        }
    }

    /// An instance, and whose its users are.
    async fn instance(&self, id: &str) -> Result<Option<(Server, Users)>, Error> {
        let asked = self.rds.describe_db_instances().db_instance_identifier(id).send().await;
        let answer = match asked {
            Ok(answer) => answer,
            Err(error) if is_missing(error.code()) => return Ok(None),
            Err(error) => return Err(call(format!("describe the database {id}"), &error).into()),
        };
        Ok(answer.db_instances.unwrap_or_default().into_iter().next().map(|instance| {
            let users = Users::of(&instance);
            (instance_server(instance), users)
        }))
    }

    async fn cluster(&self, id: &str) -> Result<Option<Server>, Error> {
        let asked = self.rds.describe_db_clusters().db_cluster_identifier(id).send().await;
        let answer = match asked {
            Ok(answer) => answer,
            Err(error) if is_missing(error.code()) => return Ok(None),
            Err(error) => return Err(call(format!("describe the cluster {id}"), &error).into()),
        };
        Ok(answer.db_clusters.unwrap_or_default().into_iter().next().map(cluster_server))
    }
}

/// Where to ask, in this order. What the secret says of itself goes first; the tenant's own names
/// are last, for hosts that tell nothing: custom endpoints, and those of the local cloud.
fn places(secret: &DatabaseSecret, names: &Names) -> Vec<Place> {
    let cluster = secret.db_cluster_identifier.clone().map(Place::Cluster);
    let instance = secret.db_instance_identifier.clone().map(Place::Instance);
    if let Some(said) = cluster.or(instance) {
        return vec![said];
    }
    let own = names.component("database");
    let own = [Place::Instance(own.clone()), Place::Cluster(own)];
    let mut places: Vec<Place> = of_host(&secret.host).into_iter().chain(own).collect();
    places.dedup();
    places
}

/// What a host name of RDS tells.
fn of_host(host: &str) -> Option<Place> {
    let host = host.to_ascii_lowercase();
    let mut labels = host.split('.');
    let (first, second) = (labels.next()?, labels.next()?);
    let is_rds = RDS_HOSTS.iter().any(|end| host.ends_with(end));
    is_rds.then(|| {
        if second.starts_with(CLUSTER_LABEL) {
            Place::Cluster(first.to_owned())
        } else {
            Place::Instance(first.to_owned())
        }
    })
}

fn is_missing(code: Option<&str>) -> bool {
    matches!(
        code,
        Some("DBInstanceNotFound" | "DBInstanceNotFoundFault" | "DBClusterNotFoundFault")
    )
}

fn tags(list: Option<Vec<Tag>>) -> Tags {
    let pair = |tag: Tag| Some((tag.key?, tag.value.unwrap_or_default()));
    list.unwrap_or_default().into_iter().filter_map(pair).collect()
}

fn port(number: Option<i32>) -> Option<u16> {
    number.and_then(|number| u16::try_from(number).ok()).filter(|port| *port > 0)
}

fn instance_server(instance: DbInstance) -> Server {
    let endpoint = instance.endpoint;
    Server {
        identifier: instance.db_instance_identifier.unwrap_or_default(),
        arn: instance.db_instance_arn.unwrap_or_default(),
        engine: instance.engine.unwrap_or_default(),
        port: port(endpoint.as_ref().and_then(|endpoint| endpoint.port)),
        hosts: endpoint.and_then(|endpoint| endpoint.address).into_iter().collect(),
        master_username: instance.master_username.unwrap_or_default(),
        tags: tags(instance.tag_list),
        copies: None,
    }
}

/// The endpoints of a cluster's instances, which only their own descriptions hold: they differ from
/// the cluster's in the first label, and in that the second does not say that it is a cluster's.
fn instance_hosts(cluster: &DbCluster) -> Vec<String> {
    let endpoint = cluster.endpoint().unwrap_or_default().split_once('.');
    let Some(rest) = endpoint.and_then(|(_, rest)| rest.strip_prefix(CLUSTER_LABEL)) else {
        return Vec::new();
    };
    let members = cluster.db_cluster_members().iter();
    let identifiers = members.filter_map(|member| member.db_instance_identifier());
    identifiers.map(|id| format!("{id}.{rest}")).collect()
}

fn cluster_server(cluster: DbCluster) -> Server {
    let instances = instance_hosts(&cluster);
    let hosts = [cluster.endpoint, cluster.reader_endpoint];
    let custom = cluster.custom_endpoints.unwrap_or_default();
    Server {
        identifier: cluster.db_cluster_identifier.unwrap_or_default(),
        arn: cluster.db_cluster_arn.unwrap_or_default(),
        engine: cluster.engine.unwrap_or_default(),
        port: port(cluster.port),
        hosts: hosts.into_iter().flatten().chain(custom).chain(instances).collect(),
        master_username: cluster.master_username.unwrap_or_default(),
        tags: tags(cluster.tag_list),
        copies: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_rds::types::DbClusterMember;

    #[test]
    fn an_instance_has_the_users_of_its_cluster_or_of_what_it_copies() {
        let instance = |cluster: &str, source: &str| {
            let instance = DbInstance::builder().db_cluster_identifier(cluster);
            Users::of(&instance.read_replica_source_db_instance_identifier(source).build())
        };
        assert_eq!(Users::of(&DbInstance::builder().build()), Users::Own);
        assert_eq!(instance("", ""), Users::Own);
        assert_eq!(instance("c", ""), Users::Cluster("c".to_owned()));
        assert_eq!(instance("", "one"), Users::Source("one".to_owned()));
        let elsewhere = "arn:aws:rds:eu-west-2:111122223333:db:one";
        assert_eq!(instance("", elsewhere), Users::Source("one".to_owned()));
    }

    #[test]
    fn a_cluster_answers_at_its_endpoints_and_at_those_of_its_instances() {
        let member = |id: &str| DbClusterMember::builder().db_instance_identifier(id).build();
        let server = cluster_server(
            DbCluster::builder()
                .endpoint("c.cluster-abc.eu-west-1.rds.amazonaws.com")
                .reader_endpoint("c.cluster-ro-abc.eu-west-1.rds.amazonaws.com")
                .db_cluster_members(member("c-one"))
                .db_cluster_members(member("c-two"))
                .build(),
        );
        assert_eq!(server.hosts[0], "c.cluster-abc.eu-west-1.rds.amazonaws.com", "the writer");
        assert!(server.answers_at("C-Two.abc.eu-west-1.rds.amazonaws.com"));
        assert!(!server.answers_at("c-three.abc.eu-west-1.rds.amazonaws.com"));
        assert!(!server.answers_at("c-one.xyz.eu-west-1.rds.amazonaws.com"));
        let elsewhere = DbCluster::builder().endpoint("127.3.2.1").db_cluster_members(member("i"));
        assert_eq!(cluster_server(elsewhere.build()).hosts, ["127.3.2.1"]);
    }

    fn asked(extra: &str) -> Vec<Place> {
        let names =
            Names::new(&"mate".parse().unwrap(), &"demo".parse().unwrap(), &"dev".parse().unwrap());
        let json = format!(r#"{{"engine":"mysql","username":"u","password":"p",{extra}}}"#);
        places(&DatabaseSecret::parse(&json).unwrap(), &names)
    }

    #[test]
    fn rds_is_asked_for_what_the_secret_speaks_of_and_then_for_the_tenants_own() {
        let instance = |id: &str| Place::Instance(id.to_owned());
        let cluster = |id: &str| Place::Cluster(id.to_owned());
        let own = [instance("mate-demo-dev-database"), cluster("mate-demo-dev-database")];
        for (extra, said) in [
            (r#""host":"h","dbInstanceIdentifier":"i""#, instance("i")),
            (r#""host":"h","dbClusterIdentifier":"c""#, cluster("c")),
        ] {
            assert_eq!(asked(extra), [said], "{extra}");
        }
        for (host, first) in [
            ("one.abc.eu-west-1.rds.amazonaws.com", instance("one")),
            ("Two.cluster-abc.eu-west-1.rds.amazonaws.com", cluster("two")),
            ("two.cluster-ro-abc.eu-west-1.rds.amazonaws.com", cluster("two")),
            ("one.abc.cn-north-1.rds.amazonaws.com.cn", instance("one")),
        ] {
            let places = asked(&format!(r#""host":"{host}""#));
            assert_eq!(places, [&[first], &own[..]].concat(), "{host}");
        }
        assert_eq!(asked(r#""host":"127.3.2.1""#), own);
    }
}
