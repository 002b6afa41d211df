//! AWS in memory, behind the SDK's own clients: what goes over the wire is what would go to AWS.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use secret_rotation::Clients;
use serde_json::{Value, json};

use crate::ecs::Ecs;
use crate::kill::Kill;
use crate::secrets_manager::{Answer, SecretsManager};
use crate::table::Table;

/// A database as RDS describes it.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) engine: String,
    pub(crate) port: u16,
    pub(crate) master: String,
    pub(crate) tags: BTreeMap<String, String>,
}

/// What all services know.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) secrets: SecretsManager,
    pub(crate) table: Table,
    pub(crate) ecs: Ecs,
    pub(crate) instances: BTreeMap<String, Instance>,
    /// Details of published events, with their types.
    pub(crate) events: Vec<(String, Value)>,
    /// Subjects and words that people were told.
    pub(crate) alarms: Vec<String>,
    /// Messages on the function's queue.
    pub(crate) queue: Vec<String>,
    /// The operations that were called, in their order.
    pub(crate) calls: Vec<String>,
}

/// AWS, for one test.
#[derive(Clone)]
pub(crate) struct Aws {
    pub(crate) world: Arc<Mutex<World>>,
    kill: Kill,
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aws")
    }
}

macro_rules! client {
    ($sdk:ident, $aws:expr) => {{
        let connector = SharedHttpConnector::new($aws.clone());
        let config = runtime::test_config!($sdk)
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build();
        $sdk::Client::from_conf(config)
    }};
}

impl Aws {
    pub(crate) fn new(kill: Kill) -> Self {
        Self { world: Arc::default(), kill }
    }

    pub(crate) fn clients(&self) -> Clients {
        Clients {
            dynamodb: client!(aws_sdk_dynamodb, self),
            ecs: client!(aws_sdk_ecs, self),
            elasticache: client!(aws_sdk_elasticache, self),
            events: client!(aws_sdk_eventbridge, self),
            rds: client!(aws_sdk_rds, self),
            secrets: client!(aws_sdk_secretsmanager, self),
            sns: client!(aws_sdk_sns, self),
            sqs: client!(aws_sdk_sqs, self),
        }
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let body = request.body().bytes().expect("bodies are in memory");
        let mut world = self.world.lock().unwrap();
        let Some(target) = request.headers().get("x-amz-target") else {
            return world.query(std::str::from_utf8(body).expect("a form"));
        };
        let (service, operation) = target.split_once('.').expect("Service.Operation");
        world.calls.push(operation.to_owned());
        let asked: Value = serde_json::from_slice(body).expect("JSON");
        let answer = world.json(service, operation, &asked);
        let (status, body) = match answer {
            Ok(body) => (200, body),
            Err((code, words)) => {
                let mut error = json!({ "__type": code, "message": words });
                if code == "ConditionalCheckFailedException"
                    && let Some(item) = world.table.in_the_way(&asked)
                {
                    error["Item"] = item.clone();
                }
                (400, error)
            }
        };
        respond(status, body.to_string())
    }
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let aws = self.clone();
        HttpConnectorFuture::new(async move {
            let response = aws.answer(&request);
            // It is done, and nobody hears that it is. That is as dead as before the next call.
            if aws.kill.tick() {
                std::future::pending::<()>().await;
            }
            Ok(response)
        })
    }
}

impl World {
    fn json(&mut self, service: &str, operation: &str, asked: &Value) -> Answer {
        match service {
            "secretsmanager" => self.secrets.answer(operation, asked),
            "DynamoDB_20120810" => self.table.answer(operation, asked),
            "AmazonEC2ContainerServiceV20141113" => Ok(self.ecs.answer(operation, asked)),
            "AWSEvents" => {
                for entry in asked["Entries"].as_array().expect("entries") {
                    let text = |key: &str| entry[key].as_str().expect("a text").to_owned();
                    let detail = serde_json::from_str(&text("Detail")).expect("JSON");
                    self.events.push((text("DetailType"), detail));
                }
                Ok(json!({ "FailedEntryCount": 0, "Entries": [{ "EventId": "e" }] }))
            }
            "AmazonSQS" => {
                let body = |of: &Value| of["MessageBody"].as_str().unwrap_or_default().to_owned();
                if let Some(entries) = asked["Entries"].as_array() {
                    self.queue.extend(entries.iter().map(body));
                    return Ok(json!({ "Successful": [], "Failed": [] }));
                }
                self.queue.push(body(asked));
                Ok(json!({ "MessageId": "m", "MD5OfMessageBody": "" }))
            }
            other => panic!("{other} is not in this world"),
        }
    }

    /// The services that speak in forms and XML.
    fn query(&mut self, form: &str) -> HttpResponse {
        let fields: BTreeMap<String, String> = form
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), decoded(value)))
            .collect();
        let action = fields["Action"].clone();
        self.calls.push(action.clone());
        let inside = match action.as_str() {
            "DescribeDBInstances" => {
                let id = &fields["DBInstanceIdentifier"];
                let Some(instance) = self.instances.get(id) else {
                    let error = "<ErrorResponse><Error><Code>DBInstanceNotFound</Code>\
                                 <Message>none</Message></Error></ErrorResponse>";
                    return respond(404, error.to_owned());
                };
                describe(id, instance)
            }
            "Publish" => {
                self.alarms.push(format!("{}\n{}", fields["Subject"], fields["Message"]));
                "<MessageId>m</MessageId>".to_owned()
            }
            other => panic!("{other} is not in this world"),
        };
        respond(
            200,
            format!(
                "<{action}Response><{action}Result>{inside}</{action}Result></{action}Response>"
            ),
        )
    }
}

fn describe(id: &str, instance: &Instance) -> String {
    let tag = |(key, value)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>");
    let tags = instance.tags.iter().map(tag).collect::<Vec<_>>().concat();
    format!(
        "<DBInstances><DBInstance><DBInstanceIdentifier>{id}</DBInstanceIdentifier>\
         <DBInstanceArn>arn:aws:rds:us-east-1:111122223333:db:{id}</DBInstanceArn>\
         <Engine>{}</Engine><MasterUsername>{}</MasterUsername><Endpoint><Address>127.0.0.1\
         </Address><Port>{}</Port></Endpoint><TagList>{tags}</TagList></DBInstance></DBInstances>",
        instance.engine, instance.master, instance.port
    )
}

fn respond(status: u16, body: String) -> HttpResponse {
    HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body))
}

/// The value of a form's field.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            plain => plain,
        });
    }
    String::from_utf8(bytes).unwrap()
}
