//! Tells Lambda why a function could not start, so that the invocation's answer says it too.
//!
//! Without it the answer is `Runtime.ExitError` and the reason has to be looked for in the logs.
//! `lambda_runtime` has no call for it; it is one local HTTP request
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-initerror>), made
//! without the async runtime, which may be what could not start.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use lambda_runtime::Diagnostic;
use serde_json::json;
use tracing::debug;

/// The Runtime API is on the same machine.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Reports `diagnostic`. The process is about to end and its log has said why, so a failure here is
/// not worth more than a debug line.
pub(super) fn report(diagnostic: &Diagnostic) {
    let Ok(address) = std::env::var("AWS_LAMBDA_RUNTIME_API") else { return };
    if let Err(error) = post(&address, diagnostic) {
        debug!(%error, "the initialisation error could not be reported to Lambda");
    }
}

fn post(address: &str, diagnostic: &Diagnostic) -> io::Result<()> {
    let resolved = address.to_socket_addrs()?.next();
    let target = resolved.ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
    let mut stream = TcpStream::connect_timeout(&target, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(request(address, diagnostic).as_bytes())?;
    // Lambda may end the process as soon as it has answered; the answer itself says nothing.
    let mut answer = [0; 64];
    stream.read(&mut answer).map(|_| ())
}

fn request(address: &str, Diagnostic { error_type, error_message }: &Diagnostic) -> String {
    let body = json!({ "errorType": error_type, "errorMessage": error_message, "stackTrace": [] });
    let body = body.to_string();
    // A header holds no line breaks; our error types are names, so nothing is lost.
    let header: String = error_type.chars().filter(char::is_ascii_alphanumeric).collect();
    format!(
        "POST /2018-06-01/runtime/init/error HTTP/1.1\r\n\
         Host: {address}\r\n\
         Content-Type: application/json\r\n\
         Content-Length: {}\r\n\
         Lambda-Runtime-Function-Error-Type: Runtime.{header}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn lambda_is_told_the_type_and_the_message() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut received = String::new();
            let mut buffer = [0; 4096];
            while !received.ends_with('}') {
                let count = stream.read(&mut buffer).unwrap();
                assert!(count > 0, "the request ended early: {received}");
                received.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
            }
            stream.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").unwrap();
            received
        });
        let diagnostic = Diagnostic {
            error_type: "WiringError".to_owned(),
            error_message: "CARETAKER_TABLE is \"missing\"".to_owned(),
        };
        post(&address, &diagnostic).unwrap();
        let received = server.join().unwrap();
        assert!(received.starts_with("POST /2018-06-01/runtime/init/error HTTP/1.1\r\n"));
        assert!(
            received.contains("\r\nLambda-Runtime-Function-Error-Type: Runtime.WiringError\r\n")
        );
        let (_, body) = received.split_once("\r\n\r\n").unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["errorMessage"], "CARETAKER_TABLE is \"missing\"");
    }

    #[test]
    fn a_runtime_api_that_is_not_there_is_an_error_and_no_more() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(
            post(
                &free.to_string(),
                &Diagnostic { error_type: "X".to_owned(), error_message: "y".to_owned() }
            )
            .is_err()
        );
    }
}
