//! The Waypost router daemon: wiring only.

mod access;
mod answers;
mod companion;
mod daemon;
mod logging;
mod options;
mod protocols;
mod rescue;
mod signals;
mod surroundings;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Parser;
use waypost_api::{Limits, Server};
use waypost_host::daemon::{Signals, desk, run};
use waypost_host::table::{self, TableOptions};
use waypost_infobase::{FileStore, Store};
use waypost_manager::Manager;
use waypost_sys::process::{self, LockFile};

use crate::companion::Wired;
use crate::daemon::Running;
use crate::options::Options;
use crate::rescue::Rescue;
use crate::surroundings::Around;

fn main() -> ExitCode {
    let options = Options::parse();
    if let Err(error) = logging::start(&options.log, options.log_to) {
        drop(writeln!(std::io::stderr(), "waypostd: {error:#}"));
        return ExitCode::FAILURE;
    }
    if let Err(error) = serve(&options) {
        tracing::error!("{error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn serve(options: &Options) -> Result<()> {
    let state = &options.state_dir;
    std::fs::create_dir_all(state)
        .with_context(|| format!("the state directory {} cannot be made", state.display()))?;
    let _lock = LockFile::acquire(state.join("lock")).context("another daemon may be running")?;
    // Forwarding goes on whatever is wrong with the store: routes are in the kernel and nothing has touched them yet.
    let store: Box<dyn Store> =
        Box::new(FileStore::open(state).context("the infobase cannot be used; nothing was changed")?);
    let (manager_handle, desk) = desk()?;
    let signals = Arc::new(Signals::new(desk.waker()));
    let table = table::spawn(TableOptions {
        nexthop_objects: !options.inline_gateways,
        ..TableOptions::new(options.restart_time, process::random_seed()?)
    })
    .context("the routing table cannot be started")?;
    let configuration = protocols::configuration();
    let around = Arc::new(Around::new(table.clone(), signals.clone()));
    let built_in = protocols::BuiltIn::new(process::random_seed()?, around);
    let routes = surroundings::Routes::new(table.clone());
    let manager = Manager::new(
        store,
        Box::new(built_in),
        Box::new(routes),
        configuration.clone(),
        signals.clone(),
    )?;
    signals::watch(signals.clone(), manager_handle.clone(), options.config.clone())?;
    let socket = &options.socket;
    if let Some(folder) = socket.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    let mode = if options.private { 0o660 } else { 0o666 };
    let listener =
        waypost_api::bind(socket, mode).with_context(|| format!("the socket {}", socket.display()))?;
    let running = Arc::new(Running::new(
        manager_handle,
        table.clone(),
        state.display().to_string(),
    ));
    let server = Server::start(
        listener,
        running.clone(),
        access::policy(options)?,
        Limits::default(),
    )?;
    let rescue = Rescue::start(state.join("running.toml"), configuration)?;
    let mut wired = Wired::new(table.clone(), running, rescue, options.config.clone());
    let ended = run(manager, &desk, &signals, &mut wired).context("the router manager failed");
    drop(server);
    drop(std::fs::remove_file(socket));
    table.shutdown(signals.is_leaving());
    ended
}
