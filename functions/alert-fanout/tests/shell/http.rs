//! As much of HTTP as a stand-in on the loopback needs: requests with a length, one after the other
//! on a connection.

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// A request.
pub(crate) struct Request {
    pub(crate) path: String,
    /// The operation of AWS that it names (`X-Amz-Target`), without its service; or nothing.
    pub(crate) operation: String,
    pub(crate) body: Vec<u8>,
}

/// The next request; none once the client has closed the connection.
pub(crate) async fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut length, mut operation) = (0, String::new());
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().ok()?;
        } else if name.eq_ignore_ascii_case("x-amz-target") {
            value.split('.').next_back()?.clone_into(&mut operation);
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request { path, operation, body })
}

/// Answers with JSON; `head` has further lines of the head, each with its end.
pub(crate) async fn answer(
    stream: &mut BufReader<TcpStream>,
    status: u16,
    head: &str,
    body: &str,
) -> std::io::Result<()> {
    let text = format!(
        "HTTP/1.1 {status} Said\r\n{head}content-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).await
}
