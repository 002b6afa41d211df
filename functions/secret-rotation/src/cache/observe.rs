//! What ElastiCache says of a replication group or a user; nothing is written here.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::operation::describe_replication_groups::DescribeReplicationGroupsError;
use aws_sdk_elasticache::operation::describe_users::DescribeUsersError;
use aws_sdk_elasticache::types::{Authentication, AuthenticationType, ReplicationGroup, UserGroup};
use runtime::call;

use super::decide::{Group, Readiness, User};
use super::door::Endpoint;
use crate::error::Error;
use crate::kind::Tags;

/// Redis's own port, where ElastiCache names none.
const PORT: u16 = 6379;

/// How many of a user's groups are looked at for a cache to log in at. One is enough; a user is in
/// one or two groups.
const USER_GROUPS_MAX: usize = 10;

/// Whose a resource of ElastiCache is, by its tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The resource's ARN.
    pub arn: String,
    /// All its tags.
    pub tags: Tags,
}

/// The replication group, if there is one of this id.
pub(super) async fn group(client: &Client, id: &str) -> Result<Option<Group>, Error> {
    let answer = client.describe_replication_groups().replication_group_id(id).send().await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error)
            if error.as_service_error().is_some_and(
                DescribeReplicationGroupsError::is_replication_group_not_found_fault,
            ) =>
        {
            return Ok(None);
        }
        Err(error) => {
            return Err(call(format!("describe the replication group {id}"), &error).into());
        }
    };
    Ok(answer.replication_groups().first().map(read_group))
}

fn read_group(group: &ReplicationGroup) -> Group {
    Group {
        id: group.replication_group_id().unwrap_or_default().to_owned(),
        arn: group.arn().unwrap_or_default().to_owned(),
        readiness: Readiness::of(group.status().unwrap_or("without a status")),
        asks_for_token: group.auth_token_enabled().unwrap_or_default(),
        speaks_tls: group.transit_encryption_enabled().unwrap_or_default(),
        endpoint: endpoint(group),
    }
}

/// Where clients connect: the configuration endpoint in cluster mode, else the primary's.
fn endpoint(group: &ReplicationGroup) -> Option<Endpoint> {
    let primary = || group.node_groups().first()?.primary_endpoint();
    let endpoint = group.configuration_endpoint().or_else(primary)?;
    let port = endpoint.port().and_then(|port| u16::try_from(port).ok()).unwrap_or(PORT);
    Some(Endpoint { host: endpoint.address()?.to_owned(), port })
}

/// The user of this ARN, if there is one.
pub(super) async fn user(client: &Client, arn: &str) -> Result<Option<User>, Error> {
    let id = user_id(arn);
    let answer = match client.describe_users().user_id(id).send().await {
        Ok(answer) => answer,
        Err(error)
            if error
                .as_service_error()
                .is_some_and(DescribeUsersError::is_user_not_found_fault) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(call(format!("describe the cache user {id}"), &error).into()),
    };
    let Some(user) = answer.users().first() else { return Ok(None) };
    let authentication = user.authentication();
    let passwords = authentication.and_then(Authentication::password_count).unwrap_or_default();
    Ok(Some(User {
        id: id.to_owned(),
        name: user.user_name().unwrap_or_default().to_owned(),
        arn: user.arn().unwrap_or(arn).to_owned(),
        readiness: Readiness::of(user.status().unwrap_or("without a status")),
        has_passwords: authentication.and_then(Authentication::r#type)
            == Some(&AuthenticationType::Password),
        passwords: u32::try_from(passwords).unwrap_or_default(),
        endpoint: endpoint_of_groups(client, user.user_group_ids()).await?,
    }))
}

/// `arn:aws:elasticache:us-east-1:111122223333:user:ID`; an id by itself is taken as well.
pub(super) fn user_id(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

/// A cache that the users of these groups may log in at.
async fn endpoint_of_groups(client: &Client, ids: &[String]) -> Result<Option<Endpoint>, Error> {
    for id in ids.iter().take(USER_GROUPS_MAX) {
        let answer = client
            .describe_user_groups()
            .user_group_id(id)
            .send()
            .await
            .map_err(|error| call(format!("describe the user group {id}"), &error))?;
        for cache in answer.user_groups().iter().flat_map(UserGroup::replication_groups) {
            let found = group(client, cache).await?.filter(|group| group.speaks_tls);
            if let Some(endpoint) = found.and_then(|group| group.endpoint) {
                return Ok(Some(endpoint));
            }
        }
    }
    Ok(None)
}

/// The tags of a replication group or a user.
pub(super) async fn owner(client: &Client, arn: &str) -> Result<Owner, Error> {
    let answer = client
        .list_tags_for_resource()
        .resource_name(arn)
        .send()
        .await
        .map_err(|error| call(format!("list the tags of {arn}"), &error))?;
    let tags = answer.tag_list().iter().filter_map(|tag| {
        Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()))
    });
    Ok(Owner { arn: arn.to_owned(), tags: tags.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_ends_in_the_users_id() {
        let arn = "arn:aws:elasticache:us-east-1:111122223333:user:mate-demo-dev-app";
        assert_eq!(user_id(arn), "mate-demo-dev-app");
        assert_eq!(user_id("mate-demo-dev-app"), "mate-demo-dev-app");
    }
}
