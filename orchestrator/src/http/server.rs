//! Serving the router on a listener that the caller owns, until the caller's stop signal.

use std::io;

use chiffon_process::Shutdown;
use tokio::net::TcpListener;

use super::routes::router;
use super::state::HttpState;

/// Serves until stage two of the stop; live views end then by themselves. In stage one it still answers, and `/health/ready`
/// says that it is leaving.
pub async fn serve(listener: TcpListener, state: HttpState, shutdown: Shutdown) -> io::Result<()> {
    let live = state.live.clone();
    let store = state.context.store.clone();
    let stop = shutdown.clone();
    let server = axum::serve(listener, router(state)).with_graceful_shutdown(async move { stop.stopping().await });
    tokio::select! {
        ended = server.into_future() => ended,
        () = live.listen(&store, &shutdown) => unreachable!("listening ends only with the server"),
    }
}
