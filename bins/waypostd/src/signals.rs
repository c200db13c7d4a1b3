//! What the daemon does on signals.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use waypost_host::daemon::{ManagerHandle, Signals};

use crate::companion::{Occasion, take_file};
use crate::daemon::Running;

/// Starts the thread that waits for signals.
pub(crate) fn watch(
    signals: Arc<Signals>,
    manager: ManagerHandle,
    config: Option<PathBuf>,
    running: Arc<Running>,
) -> Result<()> {
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
                        _ = reread.recv() => match config.clone() {
                            Some(path) => {
                                let running = running.clone();
                                manager.run(Box::new(move |manager, now, wall| {
                                    let result = take_file(manager, (now, wall), &path, Occasion::Asked);
                                    running.file_read(&result);
                                }));
                            }
                            None => tracing::warn!("SIGHUP is ignored: there is no --config to read again"),
                        },
                    }
                }
            });
        })?;
    Ok(())
}
