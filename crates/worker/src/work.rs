//! Working until a signal ends it, and answering those who ask how it is.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::{App as Actix, HttpServer};
use response_app::shutdown::{Patience, Signals};
use response_app::{App, Process, build};
use response_http::{HealthFace, Metrics, Payloads, mount_health};
use response_settings::{Settings, Worker};

/// Works until a signal ends it.
pub(crate) async fn work(settings: Settings) -> Result<(), Box<dyn Error>> {
    let mut signals = Signals::listen()?;
    let app = build(settings, Process::Worker, Arc::new(Payloads)).await?;
    let start = listen(&app)?;
    // Whoever cannot have its socket takes nothing on.
    app.engine.sign_on().await;
    let server = start();
    let handle = server.handle();
    let patience = Patience {
        soft: app.http.shutdown_soft,
        hard: app.http.shutdown_hard,
    };
    let ending = async {
        signals.next().await;
        tracing::info!("shutting down: nothing more is claimed, waiting for the runs under way");
        app.shut_down(&mut signals, patience).await;
        handle.stop(true).await;
    };
    tokio::select! {
        outcome = server => outcome?,
        () = ending => {}
    }
    tracing::info!("ended");
    Ok(())
}

/// The face on its socket, ready to start.
fn listen(app: &App) -> Result<impl FnOnce() -> Server + use<>, Box<dyn Error>> {
    let Worker { host, port } = app.worker;
    let metrics = app.metrics.clone();
    let face = HealthFace {
        engine: app.engine.clone(),
        ids: Arc::clone(&app.ids),
        metrics: Metrics::new(move || metrics.text()),
    };
    let socket = HttpServer::new(move || Actix::new().configure(mount_health(face.clone())))
        .workers(1)
        .shutdown_timeout(1)
        .disable_signals()
        .bind(SocketAddr::new(host, port))
        .map_err(|source| {
            format!(
                "cannot listen on {host}:{port} (RESPONSE_WORKER_HOST, RESPONSE_WORKER_PORT): {source}"
            )
        })?;
    for address in socket.addrs() {
        tracing::info!(server.address = %address, "answering health checks on http://{address}");
    }
    Ok(move || socket.run())
}
