//! The one HTTP client of all sinks.
//!
//! Why it exists: what must never be forgotten with any service is here once. A call ends in time;
//! nobody is followed to another address; an answer cannot fill the memory; a credential is in no
//! error, and some addresses are credentials.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use jiff::fmt::rfc2822;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{StatusCode, Url};

use crate::notification::SinkError;
use crate::render::cut;

/// Until a TCP and TLS connection stands. Services answer a handshake in some 100 ms; a lost SYN is
/// sent again after 1 s, and one such loss may be borne.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The whole call. Slack and PagerDuty answer in less than 1 s; four attempts of this length fit
/// into the 45 s that one delivery may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection is kept without use. Load balancers in front of the services close after
/// about a minute; a connection that both sides believe in is not met by a reset.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of an answer that are read. Slack's answer repeats the message (up to some 20 KB); what is
/// longer is no answer of a service that we know.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Characters of an answer that a reason quotes: a sentence, not a page of HTML.
const QUOTE_LENGTH_MAX: usize = 300;

/// The client could not be made, which only broken TLS roots of the system can bring about.
#[derive(Debug, thiserror::Error)]
#[error("could not set up the HTTP client for the sinks: {0}")]
pub struct SetUpError(String);

/// Posts to services.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
}

/// Where something is posted; never shown, for a webhook's address is its credential.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Url);

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(hidden)")
    }
}

impl Address {
    /// An `https` address; plain `http` only to this very machine, where tests have their services.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text.trim()).ok()?;
        let is_allowed = match url.scheme() {
            "https" => url.has_host(),
            "http" => is_loopback(&url),
            _ => false,
        };
        (is_allowed && url.username().is_empty() && url.password().is_none()).then_some(Self(url))
    }
}

/// Whether the host is an address of this machine.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// What is posted.
#[derive(Debug)]
pub struct Post<'a> {
    /// The sink, as its errors name it.
    pub sink: &'a str,
    /// Where to.
    pub address: &'a Address,
    /// The body, JSON.
    pub body: String,
    /// Headers beside `Content-Type`; their values may be secret.
    pub headers: Vec<(&'static str, String)>,
    /// What must not be quoted should the answer repeat it.
    pub secrets: Vec<&'a str>,
}

/// What a service answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// How long it wants to be left alone.
    pub retry_after: Option<Duration>,
    /// The body's beginning, without secrets.
    pub body: String,
}

impl Http {
    /// A client; its connections are kept between invocations.
    ///
    /// # Errors
    /// When the system's certificate authorities cannot be read.
    pub fn new() -> Result<Self, SetUpError> {
        reqwest::Client::builder()
            .user_agent(concat!("caretaker-alert-fanout/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            // A redirect would carry alerts, and perhaps a token, where nobody sent them.
            .redirect(Policy::none())
            .build()
            .map(|client| Self { client })
            .map_err(|error| SetUpError(runtime::chain(&error)))
    }

    /// Posts once, and gives back whatever was answered.
    ///
    /// # Errors
    /// [`SinkError::Failed`] when there was no whole answer in time.
    pub async fn post(&self, post: Post<'_>) -> Result<Answer, SinkError> {
        let mut request = self
            .client
            .post(post.address.0.clone())
            .header("content-type", "application/json; charset=utf-8")
            .body(post.body);
        for (name, value) in &post.headers {
            request = request.header(*name, value);
        }
        let failed = |error: reqwest::Error| SinkError::Failed {
            sink: post.sink.to_owned(),
            reason: no_answer(error),
        };
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            let room = ANSWER_BYTES_MAX.saturating_sub(bytes.len());
            bytes.extend(chunk.iter().take(room));
            if chunk.len() > room {
                break;
            }
        }
        let mut body = String::from_utf8_lossy(&bytes).into_owned();
        for secret in post.secrets.iter().filter(|secret| !secret.is_empty()) {
            body = body.replace(secret, "…");
        }
        Ok(Answer { status, retry_after, body })
    }
}

/// Why there was no answer, in words. The address is taken out: it may be a credential.
fn no_answer(error: reqwest::Error) -> String {
    let error = error.without_url();
    if error.is_connect() {
        let seconds = CONNECT_TIMEOUT.as_secs();
        format!("no connection came about (within {seconds} s): {}", runtime::chain(&error))
    } else if error.is_timeout() {
        format!("no whole answer within {} s", CALL_TIMEOUT.as_secs())
    } else {
        format!("the connection broke off: {}", runtime::chain(&error))
    }
}

/// `Retry-After`: seconds, or a date (RFC 9110, 10.2.3), which is taken by the server's own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let wanted = text(RETRY_AFTER)?;
    if let Ok(seconds) = wanted.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text| rfc2822::DateTimeParser::new().parse_timestamp(text).ok();
    let (until, now) = (date(wanted)?, date(text(DATE)?)?);
    Duration::try_from(until.duration_since(now)).ok()
}

impl Answer {
    /// What the status alone says, for services that say all by it: nothing where it is success.
    ///
    /// # Errors
    /// What kind of failure it is.
    pub fn check_status(&self, sink: &str) -> Result<(), SinkError> {
        let sink = sink.to_owned();
        let reason = self.quote();
        match self.status {
            200..=299 => Ok(()),
            429 => Err(SinkError::Limited { sink, retry_after: self.retry_after, reason }),
            // "Not now, but in …" is a wish for patience, whoever of them says it.
            503 if self.retry_after.is_some() => {
                Err(SinkError::Limited { sink, retry_after: self.retry_after, reason })
            }
            401 | 403 => Err(SinkError::Unauthorized { sink, reason }),
            // Request timeout; too early: passing, though in the range of what is the caller's fault.
            408 | 425 | 500..=599 => Err(SinkError::Failed { sink, reason }),
            _ => Err(SinkError::Refused { sink, reason }),
        }
    }

    /// The answer as a reason quotes it: `HTTP 503 Service Unavailable: overloaded`.
    pub fn quote(&self) -> String {
        let name = StatusCode::from_u16(self.status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("unknown status");
        let said = cut::one_line(&self.body, QUOTE_LENGTH_MAX);
        if said.is_empty() {
            format!("HTTP {} {name}", self.status)
        } else {
            format!("HTTP {} {name}: {said}", self.status)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_is_posted_to_and_http_on_this_machine() {
        for good in [
            "https://hooks.slack.com/services/T/B/x",
            "http://127.0.0.1:8080/x",
            "http://127.9.8.7/",
            "http://[::1]:1/",
            "http://localhost:4566/",
            " https://example.com \n",
        ] {
            assert!(Address::parse(good).is_some(), "{good}");
        }
        for bad in [
            "http://example.com/",
            "http://10.0.0.1/",
            "http://localhost.example.com/",
            "https://user:word@example.com/",
            "file:///etc/passwd",
            "hooks.slack.com",
            "",
        ] {
            assert!(Address::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_address_is_not_shown() {
        let address = Address::parse("https://hooks.slack.com/services/T/B/hunter2").unwrap();
        assert!(!format!("{address:?}").contains("hunter2"));
    }

    #[test]
    fn a_status_says_what_kind_of_failure_it_is() {
        let kind = |status, retry_after| match (Answer { status, retry_after, body: String::new() })
            .check_status("it")
        {
            Ok(()) => "taken",
            Err(SinkError::Limited { .. }) => "limited",
            Err(SinkError::Unauthorized { .. }) => "unauthorized",
            Err(SinkError::Refused { .. }) => "refused",
            Err(SinkError::Failed { .. }) => "failed",
        };
        let soon = Some(Duration::from_secs(2));
        for (status, retry_after, expected) in [
            (200, None, "taken"),
            (202, None, "taken"),
            (302, None, "refused"),
            (400, None, "refused"),
            (401, None, "unauthorized"),
            (403, None, "unauthorized"),
            (404, None, "refused"),
            (408, None, "failed"),
            (410, None, "refused"),
            (429, None, "limited"),
            (500, None, "failed"),
            (502, None, "failed"),
            (503, None, "failed"),
            (503, soon, "limited"),
        ] {
            assert_eq!(kind(status, retry_after), expected, "{status}");
        }
    }

    #[test]
    fn retry_after_may_be_seconds_or_a_date() {
        let read = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            retry_after(&headers).map(|wait| wait.as_secs())
        };
        let date = ("date", "Sat, 21 Nov 2026 12:00:00 GMT");
        assert_eq!(read(&[("retry-after", "30")]), Some(30));
        assert_eq!(read(&[("retry-after", "Sat, 21 Nov 2026 12:00:07 GMT"), date]), Some(7));
        assert_eq!(read(&[("retry-after", "Sat, 21 Nov 2026 11:00:00 GMT"), date]), None);
        assert_eq!(read(&[("retry-after", "Sat, 21 Nov 2026 12:00:07 GMT")]), None);
        assert_eq!(read(&[("retry-after", "soon")]), None);
        assert_eq!(read(&[]), None);
    }

    #[test]
    fn a_page_of_html_becomes_one_short_line() {
        let answer =
            Answer { status: 502, retry_after: None, body: "<html>\n<b>no</b>\n".repeat(100) };
        let quote = answer.quote();
        assert!(quote.starts_with("HTTP 502 Bad Gateway: <html> <b>no</b> <html>"), "{quote}");
        assert!(quote.chars().count() < 350 && !quote.contains('\n'));
    }
}
