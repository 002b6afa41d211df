//! AWS in memory, as far as the function calls it: a table with conditional writes, queues with
//! delays, secrets and a topic. It can be told to fall silent at any call, before or after it took
//! effect, which is what being killed looks like from inside.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

/// When the function is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kill {
    Before(usize),
    After(usize),
}

/// What is shared by all clients, the sinks, and the test.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The table's items by partition and sort key.
    pub(crate) items: BTreeMap<(String, String), Value>,
    /// What was sent to queues: address, body, delay in seconds.
    pub(crate) sent: Vec<(String, String, i64)>,
    /// After how many seconds messages were made visible again.
    pub(crate) shown_again: Vec<i64>,
    /// What was published to topics.
    pub(crate) published: Vec<String>,
    /// All calls by name, of sinks too.
    pub(crate) calls: Vec<String>,
    pub(crate) kill: Option<Kill>,
    /// Whether the function was killed.
    pub(crate) is_dead: bool,
    /// Calls of AWS that are refused, by name.
    pub(crate) refuses: Vec<&'static str>,
}

impl State {
    /// Counts a call. Answers whether it takes effect, and whether it is answered.
    pub(crate) fn count(&mut self, call: &str) -> (bool, bool) {
        if self.is_dead {
            return (false, false);
        }
        self.calls.push(call.to_owned());
        let number = self.calls.len();
        let (effect, answer) = match self.kill {
            Some(Kill::Before(kill)) if number == kill => (false, false),
            Some(Kill::After(kill)) if number == kill => (true, false),
            _ => (true, true),
        };
        self.is_dead = !answer;
        (effect, answer)
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Cloud(pub(crate) Arc<Mutex<State>>);

impl HttpClient for Cloud {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Cloud {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or("SNS.Publish").to_owned();
        let operation = target.split('.').next_back().unwrap_or_default().to_owned();
        let body = request.body().bytes().map(<[u8]>::to_vec).unwrap_or_default();
        let mut state = self.0.lock().unwrap();
        let (effect, answered) = state.count(&operation);
        let response = effect.then(|| state.answer(&operation, &body));
        drop(state);
        match response.filter(|_| answered) {
            Some((status, body)) => {
                let status = StatusCode::try_from(status).unwrap();
                HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
            }
            None => HttpConnectorFuture::new(std::future::pending()),
        }
    }
}

impl State {
    /// What AWS answers to a call: the status and the body.
    pub(crate) fn answer(&mut self, operation: &str, body: &[u8]) -> (u16, String) {
        if self.refuses.contains(&operation) {
            return error("InternalServerError", json!({}));
        }
        if operation == "Publish" {
            self.published.push(String::from_utf8_lossy(body).into_owned());
            let xml = "<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>";
            return (200, xml.to_owned());
        }
        let asked: Value = serde_json::from_slice(body).unwrap();
        match operation {
            "GetItem" => self.get(&asked),
            "BatchGetItem" => self.get_many(&asked),
            "PutItem" => self.put(&asked),
            "UpdateItem" => self.update(&asked),
            "DeleteItem" => self.delete(&asked),
            "Query" => self.query(&asked),
            "SendMessage" => {
                self.send(&asked["QueueUrl"], &asked);
                (200, json!({ "MessageId": "m" }).to_string())
            }
            "ChangeMessageVisibility" => {
                self.shown_again.push(asked["VisibilityTimeout"].as_i64().unwrap());
                (200, "{}".to_owned())
            }
            "SendMessageBatch" => {
                let entries = asked["Entries"].as_array().unwrap();
                for entry in entries {
                    self.send(&asked["QueueUrl"], entry);
                }
                let ok = |entry: &Value| json!({ "Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "" });
                let ok: Vec<Value> = entries.iter().map(ok).collect();
                (200, json!({ "Successful": ok, "Failed": [] }).to_string())
            }
            "GetSecretValue" => {
                let name = asked["SecretId"].as_str().unwrap();
                let value = if name.ends_with("pagerduty") {
                    "0123456789abcdef0123456789abcdef"
                } else {
                    "xoxb-token"
                };
                let answer =
                    json!({ "ARN": name, "Name": name, "SecretString": value, "VersionId": "1" });
                (200, answer.to_string())
            }
            other => panic!("{other} is not imitated"),
        }
    }

    fn send(&mut self, queue: &Value, message: &Value) {
        let delay = message["DelaySeconds"].as_i64().unwrap_or(0);
        let body = message["MessageBody"].as_str().unwrap().to_owned();
        self.sent.push((queue.as_str().unwrap().to_owned(), body, delay));
    }

    fn get(&self, asked: &Value) -> (u16, String) {
        // Written as text: the bench measures the function and not how values are cloned.
        let found = self.items.get(&key(&asked["Key"]));
        (200, found.map_or_else(|| "{}".to_owned(), |item| format!("{{\"Item\":{item}}}")))
    }

    fn get_many(&self, asked: &Value) -> (u16, String) {
        let (table, wanted) = asked["RequestItems"].as_object().unwrap().iter().next().unwrap();
        let keys = wanted["Keys"].as_array().unwrap();
        let found = keys.iter().filter_map(|one| self.items.get(&key(one)));
        let items = found.map(Value::to_string).collect::<Vec<_>>().join(",");
        let responses = format!("{{{}:[{items}]}}", json!(table));
        (200, format!("{{\"Responses\":{responses},\"UnprocessedKeys\":{{}}}}"))
    }

    fn put(&mut self, asked: &Value) -> (u16, String) {
        let key = key(&asked["Item"]);
        let found = self.items.get(&key);
        let values = &asked["ExpressionAttributeValues"];
        let is_allowed = match asked["ConditionExpression"].as_str().unwrap_or_default() {
            expression if expression.starts_with("#version = :expected") => {
                found.is_some_and(|item| item["version"] == values[":expected"])
            }
            expression if expression.starts_with("attribute_not_exists(#pk) OR #expires_at") => {
                found.is_none_or(|item| number(&item["expires_at"]) < number(&values[":now"]))
            }
            other => panic!("the condition {other:?} is not imitated"),
        };
        if !is_allowed {
            let item = found.cloned().map_or(json!({}), |item| json!({ "Item": item }));
            return error("ConditionalCheckFailedException", item);
        }
        self.items.insert(key, asked["Item"].clone());
        (200, "{}".to_owned())
    }

    /// The token buckets': each has its theoretical arrival time.
    fn update(&mut self, asked: &Value) -> (u16, String) {
        let key = key(&asked["Key"]);
        let values = &asked["ExpressionAttributeValues"];
        let found = self.items.get(&key).cloned();
        let full_at = found.as_ref().map(|item| number(&item["full_at"]));
        let condition = asked["ConditionExpression"].as_str().unwrap_or_default();
        let (is_allowed, next) = if condition.contains("#full_at <= :now") {
            (full_at.is_none_or(|at| at <= number(&values[":now"])), number(&values[":next"]))
        } else if condition.contains("#full_at <= :latest") {
            let at = full_at.unwrap_or_default();
            (at <= number(&values[":latest"]), at + number(&values[":spacing"]))
        } else {
            let until = number(&values[":full_at"]);
            (full_at.is_none_or(|at| at < until), until)
        };
        if !is_allowed {
            return error("ConditionalCheckFailedException", json!({ "Item": found.unwrap() }));
        }
        let mut item = asked["Key"].clone();
        item["full_at"] = json!({ "N": next.to_string() });
        item["expires_at"] = values[":expires_at"].clone();
        self.items.insert(key, item);
        (200, "{}".to_owned())
    }

    fn delete(&mut self, asked: &Value) -> (u16, String) {
        self.items.remove(&key(&asked["Key"]));
        (200, "{}".to_owned())
    }

    fn query(&self, asked: &Value) -> (u16, String) {
        let values = &asked["ExpressionAttributeValues"];
        let items: Vec<&Value> = if asked["IndexName"].is_string() {
            let until = values[":until"]["S"].as_str().unwrap();
            let mut due: Vec<&Value> = self
                .items
                .values()
                .filter(|item| item["gsi1pk"] == values[":partition"])
                .filter(|item| item["gsi1sk"]["S"].as_str().unwrap() < until)
                .collect();
            due.sort_by_key(|item| item["gsi1sk"]["S"].as_str().unwrap().to_owned());
            due
        } else {
            self.items.values().filter(|item| item["pk"] == values[":pk"]).collect()
        };
        (200, json!({ "Items": items, "Count": items.len() }).to_string())
    }
}

fn error(code: &str, more: Value) -> (u16, String) {
    let mut body = more;
    body["__type"] = json!(format!("com.amazonaws.dynamodb.v20120810#{code}"));
    body["message"] = json!("as the test wants it");
    (if code == "InternalServerError" { 500 } else { 400 }, body.to_string())
}

fn key(item: &Value) -> (String, String) {
    let text = |name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
    (text("pk"), text("sk"))
}

fn number(value: &Value) -> i64 {
    value["N"].as_str().unwrap().parse().unwrap()
}
