//! Serving the router on a listener that the caller owns, until the caller's stop signal.
//!
//! Whoever only opens connections costs little: there is a limit of them in all and for each address, and one on which no call is begun
//! within a time is closed. The router is made once; a connection holds a pointer to it.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use chiffon_process::Shutdown;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::Service as _;

use super::routes::router;
use super::state::{HttpOptions, HttpState};

/// Where no connection can be taken (no file descriptors are left, say), the next try is made after this.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// What is said to a connection that is one too many.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nContent-Type: text/plain\r\n\
    Content-Length: 58\r\n\r\nThere are too many connections; see http.max_connections.\n";

/// Serves until stage two of the stop; live views end then by themselves. In stage one it still answers, and `/health/ready`
/// says that it is leaving.
pub async fn serve(listener: TcpListener, state: HttpState, shutdown: Shutdown) -> io::Result<()> {
    let (live, store, options) = (state.live.clone(), state.context.store.clone(), state.options.clone());
    let router = router(state);
    tokio::select! {
        () = accept(&listener, &router, &options, &shutdown) => Ok(()),
        () = live.listen(&store, &shutdown) => unreachable!("listening ends only with the server"),
    }
}

/// Takes connections until the stop, and ends when the last of them has ended.
async fn accept(listener: &TcpListener, router: &Router, options: &HttpOptions, stop: &Shutdown) {
    let doors = Arc::new(Doors::new(options));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.stopping() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match doors.enter(peer.ip()) {
                    Some(place) => drop(connections.spawn(converse(stream, router.clone(), options.header_timeout, stop.clone(), place))),
                    None => drop(stream.try_write(TOO_MANY)),
                },
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "no connection can be taken; it is tried again");
                    tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
                }
            },
        }
    }
    while connections.join_next().await.is_some() {}
}

fn is_the_clients(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

/// One connection, until its client leaves, begins no call in time, or the stop lets its last call end.
async fn converse(stream: TcpStream, router: Router, header_timeout: Duration, stop: Shutdown, place: Place) {
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| router.clone().call(request));
    let connection =
        http1::Builder::new().timer(TokioTimer::new()).header_read_timeout(header_timeout).serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.stopping() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection broke off");
    }
    drop(place);
}

/// How many connections there are, in all and from each address.
#[derive(Debug)]
struct Doors {
    most: usize,
    most_of_address: usize,
    inside: Mutex<(usize, HashMap<IpAddr, usize>)>,
}

impl Doors {
    fn new(options: &HttpOptions) -> Self {
        Self { most: options.max_connections, most_of_address: options.max_connections_per_address, inside: Mutex::default() }
    }

    /// A place for a connection of this address, if there is one. This machine's own programs, a proxy among them, have no limit of
    /// their own.
    fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, by_address) = &mut *inside;
        let of_address = by_address.get(&address).copied().unwrap_or_default();
        if *all >= self.most || (of_address >= self.most_of_address && !address.is_loopback()) {
            return None;
        }
        *all += 1;
        by_address.insert(address, of_address + 1);
        Some(Place { doors: Arc::clone(self), address })
    }

    fn leave(&self, address: IpAddr) {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, by_address) = &mut *inside;
        *all = all.saturating_sub(1);
        if let Some(of_address) = by_address.get_mut(&address) {
            *of_address = of_address.saturating_sub(1);
            if *of_address == 0 {
                by_address.remove(&address);
            }
        }
    }
}

/// A connection's place; given back with the value.
#[derive(Debug)]
struct Place {
    doors: Arc<Doors>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.doors.leave(self.address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doors(most: usize, most_of_address: usize) -> Arc<Doors> {
        Arc::new(Doors::new(&HttpOptions { max_connections: most, max_connections_per_address: most_of_address, ..HttpOptions::default() }))
    }

    #[test]
    fn an_address_has_its_limit_and_all_have_one_and_places_come_back() {
        let doors = doors(4, 2);
        let [a, b, own]: [IpAddr; 3] = ["192.0.2.1", "192.0.2.2", "::1"].map(|text| text.parse().unwrap());
        let first = doors.enter(a).unwrap();
        let second = doors.enter("::ffff:192.0.2.1".parse().unwrap()).unwrap();
        assert!(doors.enter(a).is_none(), "two of one address, however it is written");
        let third = doors.enter(own).unwrap();
        let fourth = doors.enter(b).unwrap();
        assert!(doors.enter(own).is_none(), "four in all");
        drop((first, second, third, fourth));
        assert_eq!(*doors.inside.lock().unwrap(), (0, HashMap::new()));
    }

    #[test]
    fn what_is_said_to_one_too_many_has_the_length_it_states() {
        let text = std::str::from_utf8(TOO_MANY).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{}", body.len());
    }
}
