//! A TCP proxy that fails as networks do: connections that are cut, refused, or held without a word (half-open).
//!
//! It runs on threads of its own, so that it goes on while a test holds up its runtime.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// What it does with connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Passes everything on.
    Forward,
    /// Closes whatever comes.
    Refuse,
    /// Takes everything and passes nothing on; nobody is told.
    Swallow,
    /// The proxy is gone.
    Ended,
}

#[derive(Debug)]
struct State {
    mode: Mode,
    /// Connections of an earlier number lead nowhere.
    abandoned_before: u32,
    /// The streams of the open connections, both sides of each.
    open: Vec<Weak<TcpStream>>,
}

#[derive(Debug)]
struct Shared {
    target: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

/// A proxy in front of one address. Dropping it closes everything.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl FaultProxy {
    /// A proxy on a port of its own that passes everything on to `127.0.0.1:port`.
    ///
    /// # Panics
    /// When the machine has no port left.
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = State { mode: Mode::Forward, abandoned_before: 0, open: Vec::new() };
        let target = SocketAddr::from(([127, 0, 0, 1], port));
        let shared = Arc::new(Shared { target, state: Mutex::new(state), changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || accept(&accepting, &listener));
        Self { address, shared }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Closes every open connection; new ones are treated as before.
    pub fn cut(&self) {
        self.shared.close_all();
    }

    /// Closes every open connection, and every new one.
    pub fn refuse(&self) {
        self.shared.set(Mode::Refuse);
        self.shared.close_all();
    }

    /// Holds every connection, open or new, without a word: no byte passes in either direction and nobody is told.
    pub fn hold(&self) {
        self.shared.set(Mode::Swallow);
    }

    /// Holds every connection that is open now for good, without a word; new ones pass.
    pub fn abandon(&self) {
        let mut state = self.shared.state();
        state.abandoned_before += 1;
        state.open.clear();
    }

    /// Passes everything on again, what was held included, as a network does that was away for a while.
    pub fn forward(&self) {
        self.shared.set(Mode::Forward);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.set(Mode::Ended);
        self.shared.close_all();
        // The acceptor waits for a connection; this is its last.
        drop(TcpStream::connect_timeout(&self.address, Duration::from_secs(1)));
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, mode: Mode) {
        self.state().mode = mode;
        self.changed.notify_all();
    }

    fn close_all(&self) {
        for stream in self.state().open.drain(..).filter_map(|stream| stream.upgrade()) {
            stream.shutdown(Shutdown::Both).ok();
        }
    }

    /// Waits while nothing may pass on a connection of this number; whether something may pass now.
    fn may_pass(&self, number: u32) -> bool {
        let mut state = self.state();
        while state.mode == Mode::Swallow || (number < state.abandoned_before && state.mode != Mode::Ended) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.mode == Mode::Forward
    }

    /// Keeps a side of a new connection to be closed; `false` when connections are refused.
    fn keep(&self, stream: &Arc<TcpStream>) -> bool {
        let mut state = self.state();
        let kept = state.mode == Mode::Forward || state.mode == Mode::Swallow;
        if kept {
            state.open.retain(|other| other.strong_count() > 0);
            state.open.push(Arc::downgrade(stream));
        }
        kept
    }
}

fn accept(shared: &Arc<Shared>, listener: &TcpListener) {
    for client in listener.incoming() {
        let mode = shared.state().mode;
        match (mode, client) {
            (Mode::Ended, _) => return,
            (Mode::Refuse, _) | (_, Err(_)) => {}
            (Mode::Forward | Mode::Swallow, Ok(client)) => {
                let shared = Arc::clone(shared);
                std::thread::spawn(move || join(&shared, client));
            }
        }
    }
}

/// Joins a client with the target until one of them ends.
fn join(shared: &Arc<Shared>, client: TcpStream) {
    let client = Arc::new(client);
    let number = shared.state().abandoned_before;
    if !shared.keep(&client) || !shared.may_pass(number) {
        return;
    }
    let Ok(server) = TcpStream::connect(shared.target).map(Arc::new) else { return };
    if !shared.keep(&server) {
        return;
    }
    client.set_nodelay(true).ok();
    server.set_nodelay(true).ok();
    let (upstream, from, to) = (Arc::clone(shared), Arc::clone(&client), Arc::clone(&server));
    std::thread::spawn(move || pump(&upstream, number, &from, &to));
    pump(shared, number, &server, &client);
}

fn pump(shared: &Shared, number: u32, mut from: &TcpStream, mut to: &TcpStream) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if !shared.may_pass(number) || to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    // The end of a connection is held back like everything else.
    shared.may_pass(number);
    from.shutdown(Shutdown::Both).ok();
    to.shutdown(Shutdown::Both).ok();
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    /// A server that says back what it hears.
    fn echo() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || {
                    let mut writer = stream.try_clone().expect("a stream can be shared");
                    let mut reader = stream;
                    std::io::copy(&mut reader, &mut writer).ok();
                });
            }
        });
        port
    }

    fn connect(proxy: &FaultProxy) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", proxy.port())).expect("the proxy takes it");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
        stream
    }

    fn says(stream: &mut TcpStream, word: [u8; 3]) -> std::io::Result<[u8; 3]> {
        stream.write_all(&word)?;
        let mut heard = [0; 3];
        stream.read_exact(&mut heard)?;
        Ok(heard)
    }

    #[test]
    fn what_was_held_passes_when_the_network_is_back() {
        let proxy = FaultProxy::to(echo());
        let mut stream = connect(&proxy);
        assert_eq!(says(&mut stream, *b"one").expect("it passes"), *b"one");
        proxy.hold();
        stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a time limit");
        let held = says(&mut stream, *b"two").expect_err("nothing comes back");
        assert!(matches!(held.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "neither an answer nor an end: {held}");
        let mut new = connect(&proxy);
        proxy.forward();
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
        let mut heard = [0; 3];
        stream.read_exact(&mut heard).expect("late, but whole");
        assert_eq!(&heard, b"two");
        assert_eq!(says(&mut new, *b"new").expect("what came meanwhile passes, too"), *b"new");
    }

    #[test]
    fn what_was_abandoned_never_hears_again_and_what_is_new_passes() {
        let proxy = FaultProxy::to(echo());
        let mut stream = connect(&proxy);
        says(&mut stream, *b"one").expect("it passes");
        proxy.abandon();
        stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a time limit");
        let silent = says(&mut stream, *b"two").expect_err("nothing comes back");
        assert!(matches!(silent.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "neither an answer nor an end: {silent}");
        assert_eq!(says(&mut connect(&proxy), *b"new").expect("it passes"), *b"new");
    }

    #[test]
    fn a_cut_closes_what_is_open_and_a_refusal_also_what_comes() {
        let proxy = FaultProxy::to(echo());
        let mut stream = connect(&proxy);
        says(&mut stream, *b"one").expect("it passes");
        proxy.cut();
        assert!(says(&mut stream, *b"two").is_err(), "it was cut");
        let mut stream = connect(&proxy);
        says(&mut stream, *b"one").expect("a new one passes");
        proxy.refuse();
        assert!(says(&mut stream, *b"two").is_err(), "it was closed");
        assert!(says(&mut connect(&proxy), *b"new").is_err(), "a new one is closed, too");
        proxy.forward();
        assert_eq!(says(&mut connect(&proxy), *b"new").expect("it passes again"), *b"new");
    }
}
