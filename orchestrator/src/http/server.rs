//! Serving the router on a listener that the caller owns, until the caller's stop signal.
//!
//! Whoever only opens connections costs little: there is a limit of them in all and for each address, and one on which no call is begun
//! within a time is closed. The router is made once; a connection holds a pointer to it.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use chiffon_kernel::http::HttpState;
use chiffon_kernel::http::limits::Peer;
use chiffon_kernel::http::places::{Most, Place, Places};
use chiffon_kernel::http::state::HttpOptions;
use chiffon_kernel::http::table::Routes;
use chiffon_process::Shutdown;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::Service as _;

use super::routes::router;

/// Where no connection can be taken (no file descriptors are left, say), the next try is made after this.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// What is said to a connection that is one too many.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nContent-Type: text/plain\r\n\
    Content-Length: 58\r\n\r\nThere are too many connections; see http.max_connections.\n";

/// How long such a connection is kept until it has begun a call and read the answer.
const REFUSED_WITHIN: Duration = Duration::from_secs(1);
/// More such connections at once are told without waiting for their call.
const REFUSED_AT_ONCE: usize = 64;

/// Serves until stage two of the stop; live views end then by themselves. In stage one it still answers, and `/health/ready`
/// says that it is leaving.
pub async fn serve(listener: TcpListener, state: HttpState, endpoints: Routes, shutdown: Shutdown) -> io::Result<()> {
    let (live, store, options) = (state.live.clone(), state.context.store.clone(), state.options.clone());
    let router = router(state, endpoints);
    tokio::select! {
        () = accept(&listener, &router, &options, &shutdown) => Ok(()),
        () = live.listen(&store, &shutdown) => unreachable!("listening ends only with the server"),
    }
}

/// Takes connections until the stop, and ends when the last of them has ended.
async fn accept(listener: &TcpListener, router: &Router, options: &HttpOptions, stop: &Shutdown) {
    let doors = Places::new(Most { all: options.max_connections, of_one: options.max_connections_per_address });
    let (mut connections, mut refusals) = (JoinSet::new(), JoinSet::new());
    loop {
        tokio::select! {
            () = stop.stopping() => break,
            Some(_) = connections.join_next() => {}
            Some(_) = refusals.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match enter(&doors, peer.ip()) {
                    Some(place) => {
                        let connection = Connection { stream, peer: Peer(peer.ip()), place };
                        drop(connections.spawn(converse(connection, router.clone(), options.header_timeout, stop.clone())));
                    }
                    None if refusals.len() < REFUSED_AT_ONCE => drop(refusals.spawn(refuse(stream))),
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

/// Answers the call of a connection that is one too many. A client takes an answer only for one to a call that it has sent, and loses
/// it where the connection ends before all that it has sent is read.
async fn refuse(mut stream: TcpStream) {
    let mut call = [0; 4096];
    let answered = async {
        let _begun = stream.read(&mut call).await?;
        stream.write_all(TOO_MANY).await?;
        stream.shutdown().await?;
        while stream.read(&mut call).await? > 0 {}
        io::Result::Ok(())
    };
    drop(tokio::time::timeout(REFUSED_WITHIN, answered).await);
}

fn is_the_clients(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

/// A connection, whose it is, and its place.
struct Connection {
    stream: TcpStream,
    peer: Peer,
    place: Place<IpAddr>,
}

/// One connection, until its client leaves, begins no call in time, or the stop lets its last call end.
async fn converse(connection: Connection, router: Router, header_timeout: Duration, stop: Shutdown) {
    let Connection { stream, peer, place } = connection;
    drop(stream.set_nodelay(true));
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(peer);
        router.clone().call(request)
    });
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

/// This machine's own programs, a proxy among them, have no limit of their own.
fn enter(doors: &Arc<Places<IpAddr>>, address: IpAddr) -> Option<Place<IpAddr>> {
    let address = address.to_canonical();
    doors.take(address, !address.is_loopback()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_however_it_is_written_and_this_machines_own_have_no_limit_but_that_of_all() {
        let doors = Places::new(Most { all: 4, of_one: 2 });
        let [a, mapped, own]: [IpAddr; 3] = ["192.0.2.1", "::ffff:192.0.2.1", "::1"].map(|text| text.parse().unwrap());
        let places = [enter(&doors, a).unwrap(), enter(&doors, mapped).unwrap()];
        assert!(enter(&doors, a).is_none(), "two of one address");
        let more = [enter(&doors, own).unwrap(), enter(&doors, own).unwrap()];
        assert!(enter(&doors, own).is_none(), "four in all");
        drop((places, more));
        assert!(enter(&doors, a).is_some());
    }

    #[test]
    fn what_is_said_to_one_too_many_has_the_length_it_states() {
        let text = std::str::from_utf8(TOO_MANY).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{}", body.len());
    }
}
