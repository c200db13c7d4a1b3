//! The Waypost router daemon: wiring only.

mod access;
mod answers;
mod check;
mod companion;
mod daemon;
mod fib;
mod forwarding;
mod links;
mod logging;
mod modules;
mod options;
mod page;
mod privileges;
mod protocols;
mod rescue;
mod signals;
mod surroundings;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Parser;
use waypost_api::{Limits, Server};
use waypost_host::daemon::{Signals, ask, desk, run};
use waypost_host::table::{self, TableOptions};
use waypost_infobase::{Directory, FileStore, Store, StoreError};
use waypost_manager::Manager;
use waypost_sys::claim::{Claim, ClaimError};
use waypost_sys::descriptors;
use waypost_sys::process::{self, LockFile};

use crate::companion::Wired;
use crate::daemon::Running;
use crate::modules::Modules;
use crate::options::Options;
use crate::rescue::Rescue;
use crate::surroundings::Around;

fn main() -> ExitCode {
    let options = Options::parse();
    if let Err(error) = logging::start(&options.log, options.log_to) {
        drop(writeln!(std::io::stderr(), "waypostd: {error:#}"));
        return ExitCode::FAILURE;
    }
    if let Some(file) = &options.check {
        return match check::check(file, &options.modules) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                drop(writeln!(std::io::stderr(), "waypostd: {error:#}"));
                ExitCode::FAILURE
            }
        };
    }
    if let Err(error) = serve(&options) {
        tracing::error!("{error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn open(state: &Path, history: u64) -> Result<FileStore, StoreError> {
    FileStore::open_on(Box::new(Directory::new(state)), history)
}

fn serve(options: &Options) -> Result<()> {
    match descriptors::raise_limit() {
        Ok(limit) => tracing::debug!(limit = limit.current, "file descriptors"),
        Err(error) => tracing::warn!(%error, "the limit of file descriptors is not raised"),
    }
    let page_address = page::address(options)?;
    let state = &options.state_dir;
    if let Some(config) = &options.config {
        rescue::refuse_as_source(state, config)?;
    }
    std::fs::create_dir_all(state)
        .with_context(|| format!("the state directory {} cannot be made", state.display()))?;
    let _lock = LockFile::acquire(state.join("lock")).context("another daemon may be running")?;
    let _claim = claim()?;
    // Forwarding goes on whatever is wrong with the store: routes are in the kernel and nothing has touched them yet.
    let store: Box<dyn Store> =
        Box::new(open(state, options.history).context("the infobase cannot be used; nothing was changed")?);
    let (manager_handle, desk) = desk()?;
    let signals = Arc::new(Signals::new(desk.waker()));
    let table_options = TableOptions {
        restart_hold: table::RESTART_HOLD,
        nexthop_objects: !options.inline_gateways,
        ..TableOptions::new(options.restart_time, process::random_seed()?)
    };
    let failing = signals.clone();
    let table = table::spawn(table_options, move |reason| failing.fail(reason))
        .context("the routing table cannot be started")?;
    let built_in = protocols::configuration();
    let known: Vec<_> = built_in.protocols().collect();
    let modules = Modules::read(&options.modules, &known)?;
    let configuration = built_in.with(modules.codecs());
    let around = Around::new(table.clone(), signals.clone());
    let installed = protocols::Installed::new(process::random_seed()?, around, table.clone(), modules);
    let routes = surroundings::Routes::new(table.clone());
    let manager = Manager::new(
        store,
        Box::new(installed),
        Box::new(routes),
        configuration.clone(),
        signals.clone(),
    )?;
    let running = Arc::new(Running::new(
        manager_handle.clone(),
        table.clone(),
        state.display().to_string(),
        options.config.clone(),
    ));
    let asked = manager_handle;
    let in_force = move || ask(&asked, |manager, _, _| companion::in_force(manager)).ok();
    signals::watch(signals.clone(), running.clone())?;
    let group = access::Group::named(&options.group)?;
    let socket = &options.socket;
    if let Some(folder) = socket.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    let mode = if options.private { 0o660 } else { 0o666 };
    let listener =
        waypost_api::bind(socket, mode).with_context(|| format!("the socket {}", socket.display()))?;
    match group.own(socket) {
        // Who may connect anyway does not miss it.
        Err(reason) if options.private => {
            tracing::warn!("{reason}");
            running.note(&reason);
        }
        _ => {}
    }
    let policy = access::policy(options, &group);
    let user_name = policy.user_name.clone();
    let server = Server::start(listener, running.clone(), policy, Limits::default())?;
    let page = page_address.and_then(|address| page::serve(address, socket, user_name, &server, &running));
    let rescue = Rescue::start(state, configuration, Box::new(in_force))?;
    let mut wired = Wired::new(table.clone(), running, rescue, options.config.clone());
    let ended = run(manager, desk, &signals, &mut wired).context("the router manager failed");
    drop(page);
    drop(server);
    drop(std::fs::remove_file(socket));
    // Whatever failed, forwarding goes on until the daemon is back.
    table.shutdown(signals.is_leaving() || ended.is_err());
    if ended.is_ok() {
        tracing::info!("the daemon ends");
    }
    ended
}

/// The abstract address by which daemons in one network namespace know of each other.
const CLAIM: &str = "waypostd";

/// Two daemons over one routing table would sweep each other's routes as strays: there is one in a network namespace.
///
/// A name of a user who cannot be the one behind a router does not keep it from starting.
fn claim() -> Result<Option<Claim>> {
    match Claim::acquire(CLAIM) {
        Ok(claim) => Ok(Some(claim)),
        Err(ClaimError::Held(Some(holder))) if ![0, process::effective_user()].contains(&holder.uid) => {
            tracing::warn!(
                pid = holder.pid,
                user = holder.uid,
                "a process of another user holds the address @{CLAIM}, which is for daemons: a second daemon would not be noticed"
            );
            Ok(None)
        }
        Err(error @ ClaimError::Held(_)) => {
            Err(error).context("another daemon manages this network namespace; its routes would be lost")
        }
        Err(error) => Err(error).context("it cannot be seen whether another daemon runs"),
    }
}
