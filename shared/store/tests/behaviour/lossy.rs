//! A wire that loses answers: requests arrive and are carried out, but the caller never hears.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Starts a wire to the DynamoDB at `upstream` that loses the answers to the first `losses`
/// requests for `operation`. Gives its port, and how many answers are still to be lost.
pub(crate) fn start(
    upstream: u16,
    operation: &'static str,
    losses: usize,
) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let left = Arc::new(AtomicUsize::new(losses));
    let counter = Arc::clone(&left);
    // The threads end with the test's process.
    thread::spawn(move || {
        for caller in listener.incoming() {
            let left = Arc::clone(&counter);
            thread::spawn(move || serve(caller.unwrap(), upstream, operation, &left));
        }
    });
    (port, left)
}

fn serve(mut caller: TcpStream, upstream: u16, operation: &str, left: &AtomicUsize) {
    let mut requests = BufReader::new(caller.try_clone().unwrap());
    while let Some(request) = message(&mut requests) {
        let mut server = TcpStream::connect(("127.0.0.1", upstream)).unwrap();
        server.write_all(&request).unwrap();
        let answer = message(&mut BufReader::new(server)).expect("the server answers");
        let is_it = String::from_utf8_lossy(&request).contains(&format!(".{operation}"));
        let take = |left: usize| left.checked_sub(1);
        if is_it && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok() {
            return;
        }
        caller.write_all(&answer).unwrap();
    }
}

/// An HTTP/1.1 message with a Content-Length, `None` where the connection has ended.
fn message(stream: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    let mut length = 0;
    loop {
        let begin = message.len();
        if stream.read_until(b'\n', &mut message).ok()? == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&message[begin..]).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    message.extend(body);
    Some(message)
}
