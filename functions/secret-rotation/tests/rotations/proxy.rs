//! A line to a server that can be cut after any message of the client.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::kill::Kill;

/// Listens on a port of its own and hands everything on to the server's; the certificate is for
/// the host, whatever the port. Answers with the port, and with a count of the lines so far.
pub(crate) async fn before(server_port: u16, kill: Kill) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a loopback port");
    let port = listener.local_addr().expect("it is bound").port();
    let lines = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&lines);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let kill = kill.clone();
            tokio::spawn(async move {
                let Ok(server) = TcpStream::connect(("127.0.0.1", server_port)).await else {
                    return;
                };
                let (client_in, client_out) = client.into_split();
                let (server_in, server_out) = server.into_split();
                // Whichever side ends first takes the other with it.
                tokio::select! {
                    () = hand_on(client_in, server_out, Some(&kill)) => {}
                    () = hand_on(server_in, client_out, None) => {}
                }
            });
        }
    });
    (port, lines)
}

async fn hand_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    kill: Option<&Kill>,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read) = from.read(&mut buffer).await {
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
        // The server has it, and nobody hears what it says to it.
        if kill.is_some_and(Kill::tick) {
            return;
        }
    }
}
