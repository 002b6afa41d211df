//! A service for tests: answers over real HTTP what it is told to, and keeps what it got.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use aws_smithy_mocks::{Rule, mock};
use runtime::test_client;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{Endpoints, Http, Place, Sinks};
use crate::credentials::Credentials;

/// A request as it came over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        &found.unwrap_or_else(|| panic!("no header {name}")).1
    }
}

/// What is answered to one request.
#[derive(Debug, Clone)]
pub(crate) enum Say {
    /// Status, further header lines, body.
    Answer(u16, &'static str, String),
    /// The connection is closed without an answer.
    HangUp,
}

pub(crate) fn say(status: u16, body: &str) -> Say {
    Say::Answer(status, "", body.to_owned())
}

/// A service on this machine.
pub(crate) struct Service {
    pub(crate) url: String,
    got: Arc<Mutex<Vec<Got>>>,
    task: JoinHandle<()>,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Service {
    /// Answers each request with the next of `answers`, and what comes after them with 599.
    pub(crate) async fn answering(answers: Vec<Say>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let got = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&got);
        let mut answers = VecDeque::from(answers);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let next = answers.pop_front().unwrap_or_else(|| say(599, "one call too many"));
                let request = serve(stream, next).await;
                keep.lock().unwrap().push(request);
            }
        });
        Self { url, got, task }
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

/// Reads one request, answers it, closes the connection.
async fn serve(stream: TcpStream, say: Say) -> Got {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_owned(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().unwrap())];
    stream.read_exact(&mut body).await.unwrap();
    if let Say::Answer(status, more, body) = say {
        let head = format!(
            "HTTP/1.1 {status} Said\r\n{more}content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        // Who asked may have hung up already; what was answered to nobody concerns nobody.
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
    Got { path, headers, body: String::from_utf8(body).unwrap() }
}

/// Secrets Manager with these secrets; a value is `current` or `current previous`.
pub(crate) fn secrets(values: &[(&str, &str)]) -> Rule {
    let values: Vec<(String, String)> =
        values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let asked = Arc::new(Mutex::new((String::new(), None::<String>)));
    let seen = Arc::clone(&asked);
    mock!(aws_sdk_secretsmanager::Client::get_secret_value)
        .match_requests(move |request| {
            let stage = request.version_stage().map(str::to_owned);
            *seen.lock().unwrap() = (request.secret_id().unwrap().to_owned(), stage);
            true
        })
        .then_output(move || {
            let (id, stage) = asked.lock().unwrap().clone();
            let (_, value) = values
                .iter()
                .find(|(name, _)| id == format!("caretaker-mate-dev/alerting/{name}"))
                .unwrap_or_else(|| panic!("asked for {id}"));
            let mut versions = value.split(' ');
            let current = versions.next().unwrap();
            let value = if stage.is_some() { versions.next().unwrap_or(current) } else { current };
            GetSecretValueOutput::builder().secret_string(value).build()
        })
}

/// Where tests are.
pub(crate) fn place() -> Place {
    Place {
        product: "mate".parse().unwrap(),
        environment: "dev".parse().unwrap(),
        region: "eu-central-1".to_owned(),
        mail_topic_arn: Some("arn:aws:sns:eu-central-1:123456789012:mail".to_owned()),
        endpoints: Endpoints::default(),
    }
}

/// Sinks whose services are all `service`, with these rules for AWS.
pub(crate) fn sinks(service: &str, secrets: &Rule, sns: &[&Rule], ses: &[&Rule]) -> Sinks {
    let endpoints = Endpoints { slack: service.to_owned(), pagerduty: service.to_owned() };
    let client = test_client!(aws_sdk_secretsmanager, &[secrets]);
    Sinks::new(
        Place { endpoints, ..place() },
        test_client!(aws_sdk_sns, sns),
        test_client!(aws_sdk_sesv2, ses),
        Credentials::new(client, "caretaker-mate-dev"),
        Http::new().unwrap(),
    )
}

/// A credential of this name.
pub(crate) fn secret(name: &str) -> domain::catalogue::alerting::SecretRef {
    domain::catalogue::alerting::SecretRef { secret: name.to_owned(), field: None }
}
