//! What the daemon does on signals.

use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use waypost_api::Daemon as _;
use waypost_host::daemon::Signals;

use crate::daemon::Running;

/// Starts the thread that waits for signals.
pub(crate) fn watch(signals: Arc<Signals>, running: Arc<Running>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // The handlers are in place when this returns: a signal that comes early is not lost.
    let entered = runtime.enter();
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
    let mut leave = signal(SignalKind::user_defined1()).context("SIGUSR1")?;
    let mut reread = signal(SignalKind::hangup()).context("SIGHUP")?;
    drop(entered);
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            runtime.block_on(async move {
                loop {
                    tokio::select! {
                        _ = terminate.recv() => signals.stop(),
                        _ = interrupt.recv() => signals.stop(),
                        _ = leave.recv() => signals.leave(),
                        // Whatever comes of it is in the log.
                        _ = reread.recv() => running.reload(Box::new(drop)),
                    }
                }
            });
        })?;
    Ok(())
}
