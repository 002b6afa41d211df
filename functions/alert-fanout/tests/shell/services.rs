//! Slack and PagerDuty on the loopback: they keep what they got and answer as they are told to.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::aws::Cloud;
use crate::http;

/// How a service answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    /// HTTP 500.
    Broken,
    /// HTTP 429 with this many seconds in `Retry-After`, once; well again afterwards.
    Busy(u64),
    /// HTTP 429 with this many seconds in `Retry-After`, always.
    AlwaysBusy(u64),
    /// HTTP 200 with an error in the body.
    SaysNo,
    /// No answer at all.
    Silent,
}

/// A call that a service took.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Taken {
    /// `chat.postMessage`, `chat.update` or `enqueue`.
    pub(crate) what: String,
    pub(crate) body: Value,
}

#[derive(Debug)]
struct Inner {
    slack: Mood,
    pagerduty: Mood,
    taken: Vec<Taken>,
    /// All requests, taken or not.
    requests: Vec<String>,
}

/// Both services, on one port.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) url: String,
    inner: Arc<Mutex<Inner>>,
    task: JoinHandle<()>,
}

impl Drop for Services {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Services {
    pub(crate) async fn start(cloud: Cloud) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let inner = Inner {
            slack: Mood::Well,
            pagerduty: Mood::Well,
            taken: Vec::new(),
            requests: Vec::new(),
        };
        let inner = Arc::new(Mutex::new(inner));
        let shared = Arc::clone(&inner);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared), cloud.clone()));
            }
        });
        Self { url, inner, task }
    }

    pub(crate) fn slack(&self, mood: Mood) {
        self.inner.lock().unwrap().slack = mood;
    }

    pub(crate) fn pagerduty(&self, mood: Mood) {
        self.inner.lock().unwrap().pagerduty = mood;
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.inner.lock().unwrap().taken.clone()
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.inner.lock().unwrap().requests.clone()
    }

    /// What PagerDuty took, as `trigger` and `resolve`.
    pub(crate) fn pages(&self) -> Vec<String> {
        let taken = self.taken();
        let pages = taken.iter().filter(|taken| taken.what == "enqueue");
        pages.map(|taken| taken.body["event_action"].as_str().unwrap().to_owned()).collect()
    }

    /// The keys of the incidents that PagerDuty has had.
    pub(crate) fn incidents(&self) -> std::collections::BTreeSet<String> {
        let taken = self.taken();
        let pages = taken.iter().filter(|taken| taken.what == "enqueue");
        pages.map(|taken| taken.body["dedup_key"].as_str().unwrap().to_owned()).collect()
    }

    /// What Slack took, as `chat.postMessage` and `chat.update`.
    pub(crate) fn posts(&self) -> Vec<String> {
        let taken = self.taken();
        let posts = taken.iter().filter(|taken| taken.what.starts_with("chat"));
        // Answers in a message's thread come with its updates.
        posts
            .filter(|taken| taken.body["thread_ts"].is_null())
            .map(|taken| taken.what.clone())
            .collect()
    }
}

async fn serve(stream: TcpStream, inner: Arc<Mutex<Inner>>, cloud: Cloud) {
    let mut stream = BufReader::new(stream);
    // A connection is kept for several requests, until the client closes it.
    while let Some(request) = http::read(&mut stream).await {
        let what = request.path.rsplit('/').next().unwrap_or_default().to_owned();
        let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let (effect, answered) = cloud.0.lock().unwrap().count(&what);
        let answer = effect.then(|| inner.lock().unwrap().answer(&what, &body)).flatten();
        let Some((status, head, body)) = answer.filter(|_| answered) else {
            return std::future::pending().await;
        };
        if http::answer(&mut stream, status, &head, &body).await.is_err() {
            return;
        }
    }
}

impl Inner {
    fn answer(&mut self, what: &str, body: &Value) -> Option<(u16, String, String)> {
        self.requests.push(what.to_owned());
        let is_page = what == "enqueue";
        let mood = if is_page { &mut self.pagerduty } else { &mut self.slack };
        let busy = |seconds: u64| {
            let head = format!("retry-after: {seconds}\r\n");
            Some((429, head, json!({ "ok": false, "error": "ratelimited" }).to_string()))
        };
        match *mood {
            Mood::Well => {}
            Mood::Broken => return Some((500, String::new(), "{}".to_owned())),
            Mood::Busy(seconds) => {
                *mood = Mood::Well;
                return busy(seconds);
            }
            Mood::AlwaysBusy(seconds) => return busy(seconds),
            Mood::SaysNo => {
                let no =
                    json!({ "ok": false, "error": "channel_not_found", "status": "invalid event" });
                let status = if is_page { 400 } else { 200 };
                return Some((status, String::new(), no.to_string()));
            }
            Mood::Silent => return None,
        }
        self.taken.push(Taken { what: what.to_owned(), body: body.clone() });
        let number = self.taken.len();
        let answer = if is_page {
            json!({ "status": "success", "message": "Event processed", "dedup_key": body["dedup_key"] })
        } else {
            let ts = body["ts"]
                .as_str()
                .map_or_else(|| format!("1700000000.{number:06}"), str::to_owned);
            json!({ "ok": true, "channel": body["channel"], "ts": ts })
        };
        Some((if is_page { 202 } else { 200 }, String::new(), answer.to_string()))
    }
}
