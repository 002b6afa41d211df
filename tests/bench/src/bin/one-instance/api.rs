//! All that the function calls, on one port: Lambda's Runtime API, the AWS that its own tests have
//! in memory, and a webhook.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};

use crate::aws::Cloud;
use crate::http::{self, Request};

/// What an invocation may take, in milliseconds, as the manifest has it.
const TIMEOUT_MS: i64 = 60_000;

/// Where the function asks for its next invocation (Runtime API).
const NEXT: &str = "/2018-06-01/runtime/invocation/next";

/// The webhook.
const HOOK: &str = "/hook";

/// A server for one function.
pub(crate) struct Api {
    /// Where it is.
    pub(crate) url: String,
    events: mpsc::Sender<String>,
    answers: mpsc::Receiver<Result<(), String>>,
    posts: Arc<AtomicUsize>,
}

/// What connections share.
struct Shared {
    url: String,
    cloud: Cloud,
    events: Mutex<mpsc::Receiver<String>>,
    answers: mpsc::Sender<Result<(), String>>,
    posts: Arc<AtomicUsize>,
}

impl Api {
    /// Listens on a free port of the loopback.
    pub(crate) async fn start() -> Result<Self, Box<dyn Error>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (events, waiting) = mpsc::channel(1);
        let (answered, answers) = mpsc::channel(1);
        let posts = Arc::new(AtomicUsize::new(0));
        let shared = Arc::new(Shared {
            url: url.clone(),
            cloud: Cloud::default(),
            events: Mutex::new(waiting),
            answers: answered,
            posts: Arc::clone(&posts),
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Ok(Self { url, events, answers, posts })
    }

    /// Gives the function an event, and waits until it has answered.
    pub(crate) async fn invoke(&mut self, event: &Value) -> Result<(), Box<dyn Error>> {
        self.events.send(event.to_string()).await?;
        let answer = self.answers.recv().await.ok_or("the API has ended")?;
        Ok(answer?)
    }

    /// How often the webhook was called.
    pub(crate) fn posts(&self) -> usize {
        self.posts.load(Ordering::SeqCst)
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let _at_once = stream.set_nodelay(true);
    let mut stream = BufReader::new(stream);
    while let Some(request) = http::read(&mut stream).await {
        let (status, head, body) = shared.answer(request).await;
        if http::answer(&mut stream, status, &head, &body).await.is_err() {
            return;
        }
    }
}

impl Shared {
    async fn answer(&self, request: Request) -> (u16, String, String) {
        let Request { path, operation, body } = request;
        if path == NEXT {
            // The function is gone where nobody listens; nothing is measured then.
            let event = self.events.lock().await.recv().await.unwrap_or_default();
            let deadline = Timestamp::now().as_millisecond() + TIMEOUT_MS;
            let head = format!(
                "lambda-runtime-aws-request-id: {:032x}\r\nlambda-runtime-deadline-ms: {deadline}\r\n\
                 lambda-runtime-invoked-function-arn: arn:aws:lambda:eu-central-1:1:function:f\r\n",
                fastrand::u128(..)
            );
            return (200, head, event);
        }
        if path.ends_with("/response") {
            let answer = serde_json::from_slice::<Value>(&body).unwrap_or_default();
            let failures = answer.get("batchItemFailures").and_then(Value::as_array);
            let is_done = failures.is_none_or(Vec::is_empty);
            let said = || format!("records come again: {}", String::from_utf8_lossy(&body));
            let answer = if is_done { Ok(()) } else { Err(said()) };
            // Where nobody waits any more, nothing is measured.
            let _heard = self.answers.send(answer).await;
            return (202, String::new(), "{}".to_owned());
        }
        if path.starts_with("/2018-06-01/") {
            let error = format!("{path}: {}", String::from_utf8_lossy(&body));
            let _heard = self.answers.send(Err(error)).await;
            return (202, String::new(), "{}".to_owned());
        }
        if path.starts_with(HOOK) {
            self.posts.fetch_add(1, Ordering::SeqCst);
            return (200, String::new(), "{}".to_owned());
        }
        let (status, body) = match operation.as_str() {
            "GetSecretValue" => (200, self.secret()),
            operation => {
                let mut cloud = self.cloud.0.lock().unwrap_or_else(PoisonError::into_inner);
                cloud.answer(operation, &body)
            }
        };
        (status, String::new(), body)
    }

    /// Where the webhook is, and what its posts are signed with.
    fn secret(&self) -> String {
        let value = json!({
            "url": format!("{}{HOOK}", self.url),
            "secret": "whsec_bWVhc3VyZWQgbWVhc3VyZWQgbWVhc3VyZWQgbWVhc3U=",
        });
        json!({ "ARN": "a", "Name": "n", "SecretString": value.to_string(), "VersionId": "1" })
            .to_string()
    }
}
