//! A stand-in for ElastiCache that is as strict: changes take a moment in which no other is taken,
//! two values at most, and their effect is on a real Redis.

use std::sync::{Arc, Mutex, MutexGuard};

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::operation::describe_replication_groups::DescribeReplicationGroupsOutput;
use aws_sdk_elasticache::operation::describe_user_groups::DescribeUserGroupsOutput;
use aws_sdk_elasticache::operation::describe_users::DescribeUsersOutput;
use aws_sdk_elasticache::operation::list_tags_for_resource::ListTagsForResourceOutput;
use aws_sdk_elasticache::operation::modify_replication_group::{
    ModifyReplicationGroupInput, ModifyReplicationGroupOutput,
};
use aws_sdk_elasticache::operation::modify_user::{ModifyUserInput, ModifyUserOutput};
use aws_sdk_elasticache::types::{
    AuthTokenUpdateStrategyType, Authentication, AuthenticationType, Endpoint, NodeGroup,
    ReplicationGroup, Tag, User, UserGroup,
};
use aws_smithy_mocks::{MockResponse, mock};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use runtime::test_client;
use secret_rotation::cache::{Cache, Subject};

use crate::server::Server;

pub(crate) const GROUP: &str = "mate-demo-dev-cache";
pub(crate) const USER_ARN: &str = "arn:aws:elasticache:us-east-1:111122223333:user:mate-demo-app";
pub(crate) const USER: &str = "app";

/// For how many looks a change lasts.
const LOOKS_OF_A_CHANGE: u32 = 2;

/// When a call fails: the process was killed before ElastiCache heard of it, or before it heard of
/// ElastiCache's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Before,
    After,
}

struct State {
    /// What the servers accept.
    values: Vec<String>,
    /// What they will accept when the change has ended, and in how many looks that is.
    change: Option<(Vec<String>, u32)>,
    calls: Vec<&'static str>,
    /// Which call fails, counted from 1, and how.
    fault: Option<(usize, Fault)>,
}

/// The stand-in: a replication group with a token, or with one user.
#[derive(Clone)]
pub(crate) struct ElastiCache {
    pub(crate) server: Arc<Server>,
    has_user: bool,
    state: Arc<Mutex<State>>,
}

impl ElastiCache {
    /// A group that accepts this token.
    pub(crate) fn with_token(token: &str) -> Self {
        Self::new(Server::accepting(&[token]), token, false)
    }

    /// A group with the user `app` of this password.
    pub(crate) fn with_user(password: &str) -> Self {
        let server = Server::accepting(&["nobody-knows-this-one"]);
        server.set_user(USER, &[password]);
        Self::new(server, password, true)
    }

    fn new(server: Server, value: &str, has_user: bool) -> Self {
        let state =
            State { values: vec![value.to_owned()], change: None, calls: Vec::new(), fault: None };
        Self { server: Arc::new(server), has_user, state: Arc::new(Mutex::new(state)) }
    }

    /// Has the call of this number fail, counted from 1.
    pub(crate) fn failing_at(self, call: usize, fault: Fault) -> Self {
        self.state().fault = Some((call, fault));
        self
    }

    pub(crate) fn subject(&self) -> Subject {
        if self.has_user {
            Subject::User { arn: USER_ARN.to_owned(), name: USER.to_owned() }
        } else {
            Subject::Token { group_id: GROUP.to_owned() }
        }
    }

    pub(crate) fn cache(&self) -> Cache {
        Cache::new(self.client(), self.server.trust())
            .polling_every(std::time::Duration::from_millis(1))
    }

    /// The values that ElastiCache has.
    pub(crate) fn values(&self) -> Vec<String> {
        self.state().values.clone()
    }

    /// Somebody else changes the values, at once.
    pub(crate) fn hold(&self, values: &[&str]) {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        self.effect(&values);
        self.state().values = values;
    }

    /// Somebody else has begun a change that leaves all as it is.
    pub(crate) fn begin_a_change(&self) {
        let mut state = self.state();
        state.change = Some((state.values.clone(), LOOKS_OF_A_CHANGE));
    }

    pub(crate) fn calls(&self) -> Vec<&'static str> {
        self.state().calls.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn effect(&self, values: &[String]) {
        if self.has_user {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            self.server.set_user(USER, &values);
        } else {
            self.server.set_tokens(values);
        }
    }

    /// Notes a call; whether it fails, and how.
    fn called(&self, name: &'static str) -> Option<Fault> {
        let mut state = self.state();
        state.calls.push(name);
        let number = state.calls.len();
        state.fault.filter(|(call, _)| *call == number).map(|(_, fault)| fault)
    }

    /// One look at the status. A change ends after a few.
    fn status(&self, ready: &str) -> String {
        let mut state = self.state();
        match state.change.take() {
            None => ready.to_owned(),
            Some((values, 0)) => {
                state.values.clone_from(&values);
                drop(state);
                self.effect(&values);
                ready.to_owned()
            }
            Some((values, looks)) => {
                state.change = Some((values, looks - 1));
                "modifying".to_owned()
            }
        }
    }

    /// Takes a change of values, or says why not.
    fn change(&self, values: Vec<String>) -> Result<(), Box<HttpResponse>> {
        let mut state = self.state();
        if state.change.is_some() {
            let code =
                if self.has_user { "InvalidUserState" } else { "InvalidReplicationGroupState" };
            return Err(Box::new(error(400, code)));
        }
        let fits = |value: &String| (16..=128).contains(&value.chars().count());
        if values.is_empty() || values.len() > 2 || !values.iter().all(fits) {
            return Err(Box::new(error(400, "InvalidParameterValue")));
        }
        state.change = Some((values, LOOKS_OF_A_CHANGE));
        Ok(())
    }

    fn modify_group(&self, asked: &ModifyReplicationGroupInput) -> Result<(), Box<HttpResponse>> {
        assert_eq!(asked.replication_group_id(), Some(GROUP));
        assert_eq!(
            asked.apply_immediately(),
            Some(true),
            "it would wait for the maintenance window"
        );
        let token = asked.auth_token().unwrap().to_owned();
        let newest = self.values().pop().unwrap();
        let values = match asked.auth_token_update_strategy().unwrap() {
            AuthTokenUpdateStrategyType::Rotate => vec![newest, token],
            AuthTokenUpdateStrategyType::Set if self.values().contains(&token) => vec![token],
            _ => return Err(Box::new(error(400, "InvalidParameterValue"))),
        };
        self.change(values)
    }

    fn modify_user(&self, asked: &ModifyUserInput) -> Result<(), Box<HttpResponse>> {
        assert!(USER_ARN.ends_with(asked.user_id().unwrap()));
        self.change(asked.authentication_mode().unwrap().passwords().to_vec())
    }

    fn client(&self) -> Client {
        let (groups, group_change) = (self.clone(), self.clone());
        let describe =
            mock!(Client::describe_replication_groups).then_compute_response(move |_| {
                if groups.called("DescribeReplicationGroups").is_some() {
                    return MockResponse::Http(error(500, "InternalFailure"));
                }
                MockResponse::Output(groups.described())
            });
        let modify = mock!(Client::modify_replication_group).then_compute_response(move |asked| {
            let fault = group_change.called("ModifyReplicationGroup");
            if fault == Some(Fault::Before) {
                return MockResponse::Http(error(500, "InternalFailure"));
            }
            match group_change.modify_group(asked) {
                Err(refusal) => MockResponse::Http(*refusal),
                Ok(()) if fault.is_some() => MockResponse::Http(error(500, "InternalFailure")),
                Ok(()) => MockResponse::Output(ModifyReplicationGroupOutput::builder().build()),
            }
        });
        let (users, user_change) = (self.clone(), self.clone());
        let describe_users = mock!(Client::describe_users).then_compute_response(move |_| {
            if users.called("DescribeUsers").is_some() {
                return MockResponse::Http(error(500, "InternalFailure"));
            }
            MockResponse::Output(users.described_user())
        });
        let modify_user = mock!(Client::modify_user).then_compute_response(move |asked| {
            let fault = user_change.called("ModifyUser");
            if fault == Some(Fault::Before) {
                return MockResponse::Http(error(500, "InternalFailure"));
            }
            match user_change.modify_user(asked) {
                Err(refusal) => MockResponse::Http(*refusal),
                Ok(()) if fault.is_some() => MockResponse::Http(error(500, "InternalFailure")),
                Ok(()) => MockResponse::Output(ModifyUserOutput::builder().build()),
            }
        });
        let user_groups = mock!(Client::describe_user_groups).then_output(|| {
            let group = UserGroup::builder().user_group_id("users").replication_groups(GROUP);
            DescribeUserGroupsOutput::builder().user_groups(group.build()).build()
        });
        let tags = mock!(Client::list_tags_for_resource).then_compute_output(|asked| {
            assert!(asked.resource_name().unwrap().starts_with("arn:aws:elasticache:"));
            let tag = Tag::builder().key("Tenant").value("demo").build();
            ListTagsForResourceOutput::builder().tag_list(tag).build()
        });
        let rules = [&describe, &modify, &describe_users, &modify_user, &user_groups, &tags];
        test_client!(aws_sdk_elasticache, rules)
    }

    fn described(&self) -> DescribeReplicationGroupsOutput {
        let at = self.server.endpoint();
        let endpoint = Endpoint::builder().address(at.host).port(i32::from(at.port)).build();
        let status = if self.has_user { "available".to_owned() } else { self.status("available") };
        let group = ReplicationGroup::builder()
            .replication_group_id(GROUP)
            .arn(format!("arn:aws:elasticache:us-east-1:111122223333:replicationgroup:{GROUP}"))
            .status(status)
            .auth_token_enabled(!self.has_user)
            .transit_encryption_enabled(true)
            .node_groups(NodeGroup::builder().primary_endpoint(endpoint).build())
            .build();
        DescribeReplicationGroupsOutput::builder().replication_groups(group).build()
    }

    fn described_user(&self) -> DescribeUsersOutput {
        let status = self.status("active");
        let count = i32::try_from(self.values().len()).unwrap();
        let authentication = Authentication::builder()
            .r#type(AuthenticationType::Password)
            .password_count(count)
            .build();
        let user = User::builder()
            .user_id("mate-demo-app")
            .user_name(USER)
            .arn(USER_ARN)
            .status(status)
            .authentication(authentication)
            .user_group_ids("users")
            .build();
        DescribeUsersOutput::builder().users(user).build()
    }
}

fn error(status: u16, code: &str) -> HttpResponse {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message>\
         </Error><RequestId>r</RequestId></ErrorResponse>"
    );
    HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body))
}
