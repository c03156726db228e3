//! Connections: how many, how long a client may dawdle, and how the server stops.

use std::{
    future::Future,
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_io_timeout::TimeoutStream;

use super::{Server, router};

/// Bytes of a request's head and of what is read ahead.
const HEAD: usize = 64 << 10;

/// Headers of a request.
const HEADERS: usize = 64;

/// How patient the server is.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Open connections at once; others wait in the kernel.
    pub connections: usize,
    /// For a request's head, on a fresh connection or between requests.
    pub head: Duration,
    /// For a client to take what was written to it.
    pub write: Duration,
    /// For answers under way when the server stops.
    pub stop: Duration,
}

/// Serves until `stop` is done, then finishes what it has accepted.
pub async fn listen(listener: TcpListener, server: Arc<Server>, patience: Patience, stop: impl Future<Output = ()>) {
    let (slots, graceful) = (Arc::new(Semaphore::new(patience.connections)), GracefulShutdown::new());
    let service = TowerToHyperService::new(router(Arc::clone(&server)));
    let mut stop = pin!(stop);
    loop {
        let accepted = async {
            let slot = Arc::clone(&slots).acquire_owned().await.ok()?;
            Some((listener.accept().await, slot))
        };
        let (accepted, slot) = tokio::select! {
            next = accepted => match next { Some(next) => next, None => break },
            () = &mut stop => break,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, or a client that left at once: neither is a reason to stop.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(patience.write));
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(patience.head).max_buf_size(HEAD).max_headers(HEADERS);
        let connection = graceful.watch(builder.serve_connection(TokioIo::new(Box::pin(stream)), service.clone()));
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            server.metrics.connections.fetch_add(1, Ordering::Relaxed);
            // How a connection ends is the client's affair.
            let _ = connection.await;
            server.metrics.connections.fetch_sub(1, Ordering::Relaxed);
            drop(slot);
        });
    }
    drop(listener);
    server.stopping.store(true, Ordering::Relaxed);
    server.queue.close();
    let _ = tokio::time::timeout(patience.stop, graceful.shutdown()).await;
}
