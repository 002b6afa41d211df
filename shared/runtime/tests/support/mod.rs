//! Lambda as a function's process sees it: the Runtime API over HTTP, the environment, standard
//! output and signals.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// Longer than anything here takes on the busiest machine; what waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Every event of the fake Lambda has this trace header.
pub(crate) const TRACE: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";

/// What the function told Lambda: the end of the path (`req-1/response`, `req-1/error`,
/// `init/error`) and the body.
pub(crate) type Told = (String, Value);

/// A running function with its Lambda.
pub(crate) struct Function {
    process: Child,
    told: Receiver<Told>,
    lines: Receiver<Value>,
}

impl Function {
    /// Starts the example `records` in Lambda's environment and `variables`; it will be sent
    /// `events` one by one, and after the last it waits for another as functions do.
    pub(crate) fn start(events: &[Value], variables: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (tell, told) = channel();
        let events: VecDeque<Value> = events.iter().cloned().collect();
        thread::spawn(move || serve(&listener, events, &tell));
        let mut variables = variables.to_vec();
        variables.push(("AWS_LAMBDA_RUNTIME_API", &address));
        let (process, lines) = spawn(&variables);
        Self { process, told, lines }
    }

    /// Starts the example without a Lambda.
    pub(crate) fn start_outside_lambda(variables: &[(&str, &str)]) -> Self {
        let (process, lines) = spawn(variables);
        Self { process, told: channel().1, lines }
    }

    /// The next thing that the function tells Lambda.
    pub(crate) fn told(&self) -> Told {
        self.told.recv_timeout(PATIENCE).expect("the function should have told Lambda something")
    }

    /// The log line with that message, and all lines before it.
    pub(crate) fn lines_until(&self, message: &str) -> Vec<Value> {
        let mut lines = Vec::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("no line says {message:?}, only {lines:#?}"));
            let found = line["message"].as_str().unwrap().contains(message);
            lines.push(line);
            if found {
                return lines;
            }
        }
    }

    /// The log line with that message; those before it are dropped.
    pub(crate) fn line(&self, message: &str) -> Value {
        self.lines_until(message).pop().unwrap()
    }

    /// Asks the process to end.
    pub(crate) fn terminate(&self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// How the process ended; it must be ending.
    pub(crate) fn exit(mut self) -> ExitStatus {
        let (ended, end) = channel::<()>();
        // Standard output is closed when the process has ended: its reader's channel then reports
        // the end.
        let lines = std::mem::replace(&mut self.lines, channel().1);
        thread::spawn(move || {
            while lines.recv().is_ok() {}
            drop(ended);
        });
        assert!(
            end.recv_timeout(PATIENCE)
                .is_err_and(|error| error == std::sync::mpsc::RecvTimeoutError::Disconnected)
        );
        self.process.wait().unwrap()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Cargo builds the examples with the tests, beside the folder of the test's own program.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(|deps| deps.parent()).unwrap().join("examples/records");
    assert!(
        path.exists(),
        "{} is missing: run `cargo test -p runtime`, which builds it",
        path.display()
    );
    path
}

fn spawn(variables: &[(&str, &str)]) -> (Child, Receiver<Value>) {
    let mut process = Command::new(program())
        .env_clear()
        .envs([
            ("AWS_LAMBDA_FUNCTION_NAME", "records"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "example"),
        ])
        .envs(variables.iter().copied())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(process.stdout.take().unwrap());
    let (send, lines) = channel();
    thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            let line = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
            if send.send(line).is_err() {
                return;
            }
        }
    });
    (process, lines)
}

fn serve(listener: &TcpListener, events: VecDeque<Value>, tell: &Sender<Told>) {
    let events = Arc::new(Mutex::new((1, events)));
    for stream in listener.incoming().map_while(Result::ok) {
        let (events, tell) = (Arc::clone(&events), tell.clone());
        thread::spawn(move || converse(stream, &events, &tell));
    }
}

/// Answers the requests of one connection until it is closed.
fn converse(mut stream: TcpStream, events: &Mutex<(u32, VecDeque<Value>)>, tell: &Sender<Told>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some((path, body)) = request(&mut reader) {
        if !path.ends_with("/next") {
            let what = path.replace("/2018-06-01/runtime/", "").replace("invocation/", "");
            let _ = tell.send((what, serde_json::from_slice(&body).unwrap()));
            answer(&mut stream, "202 Accepted", "", "{}");
            continue;
        }
        let next = {
            let mut events = events.lock().unwrap();
            let number = events.0;
            events.0 += 1;
            events.1.pop_front().map(|event| (number, event))
        };
        // Without another event Lambda freezes the function inside this request.
        let Some((number, event)) = next else { return hold(reader) };
        let deadline_ms = jiff::Timestamp::now().as_millisecond() + 60_000;
        let headers = format!(
            "Lambda-Runtime-Aws-Request-Id: req-{number}\r\n\
             Lambda-Runtime-Deadline-Ms: {deadline_ms}\r\n\
             Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-central-1:1:function:records\r\n\
             Lambda-Runtime-Trace-Id: {TRACE}\r\n"
        );
        answer(&mut stream, "200 OK", &headers, &event.to_string());
    }
}

/// One request's path and body; none when the connection was closed.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path, body))
}

fn answer(stream: &mut TcpStream, status: &str, headers: &str, body: &str) {
    let length = body.len();
    // The function may have ended meanwhile; the test sees that by itself.
    let _ = write!(stream, "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
}

/// Keeps a connection open until its other end closes it.
fn hold(mut reader: BufReader<TcpStream>) {
    let _ = reader.read(&mut [0]);
}
