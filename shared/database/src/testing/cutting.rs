//! Why this exists: a function can be killed, or lose the network, between any two statements. A
//! test puts this proxy before a server and cuts the connection at one exchange after the other,
//! without knowing what is inside: TLS stays between client and server.

use super::HOST;
use crate::Target;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// When a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Before the request reaches the server: it takes no effect.
    BeforeRequest,
    /// Before the reply reaches the client: the request takes effect, and nobody hears of it.
    BeforeReply,
}

/// A proxy that cuts connections.
pub struct CuttingProxy {
    port: u16,
    wire: Arc<Wire>,
}

/// What all connections of a proxy share.
struct Wire {
    server: u16,
    ended: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Requests since the cut was arranged. A request is whatever the client sends before the server
    /// says something again.
    exchanges: usize,
    client_speaks: bool,
    cut_at: Option<(usize, Cut)>,
    has_cut: bool,
}

impl CuttingProxy {
    /// A proxy before the server of this login.
    pub fn before(login: &Target) -> Self {
        let listener = TcpListener::bind((HOST, 0)).expect("the loopback address has a free port");
        let port = listener.local_addr().expect("a listener has an address").port();
        let wire =
            Wire { server: login.port, ended: AtomicBool::new(false), state: Mutex::default() };
        let proxy = Self { port, wire: Arc::new(wire) };
        let wire = Arc::clone(&proxy.wire);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if wire.ended.load(Ordering::SeqCst) {
                    break;
                }
                Wire::join(&wire, &client);
            }
        });
        proxy
    }

    /// The same login through the proxy.
    pub fn through(&self, login: &Target) -> Target {
        Target { port: self.port, ..login.clone() }
    }

    /// Cuts at the `exchange`-th request from now on, counted from 1 over all connections.
    pub fn cut_at(&self, exchange: usize, cut: Cut) {
        *self.wire.state() = State { cut_at: Some((exchange, cut)), ..State::default() };
    }

    /// Whether the cut that was arranged has happened.
    pub fn has_cut(&self) -> bool {
        self.wire.state().has_cut
    }
}

impl Drop for CuttingProxy {
    fn drop(&mut self) {
        self.wire.ended.store(true, Ordering::SeqCst);
        // Wakes the listener, which then ends.
        let _ = TcpStream::connect((HOST, self.port));
    }
}

impl Wire {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(wire: &Arc<Self>, client: &TcpStream) {
        let Ok(server) = TcpStream::connect((HOST, wire.server)) else { return };
        for is_client in [true, false] {
            let copy = |socket: &TcpStream| socket.try_clone().expect("a socket can be shared");
            let (from, to) = (copy(client), copy(&server));
            let (from, to) = if is_client { (from, to) } else { (to, from) };
            let wire = Arc::clone(wire);
            thread::spawn(move || wire.pump(from, to, is_client));
        }
    }

    fn pump(&self, mut from: TcpStream, mut to: TcpStream, is_client: bool) {
        let mut buffer = [0; 16 * 1024];
        loop {
            let length = from.read(&mut buffer).unwrap_or(0);
            let cut = length > 0 && self.state().is_cut(is_client);
            if length == 0 || cut || to.write_all(buffer.get(..length).unwrap_or_default()).is_err()
            {
                let _ = from.shutdown(Shutdown::Both);
                let _ = to.shutdown(Shutdown::Both);
                return;
            }
        }
    }
}

impl State {
    /// Counts what one side says, and tells whether it is not to be heard.
    fn is_cut(&mut self, is_client: bool) -> bool {
        if is_client && !self.client_speaks {
            self.exchanges += 1;
        }
        self.client_speaks = is_client;
        let now = (self.exchanges, if is_client { Cut::BeforeRequest } else { Cut::BeforeReply });
        let cut = !self.has_cut && self.cut_at == Some(now);
        self.has_cut |= cut;
        cut
    }
}
