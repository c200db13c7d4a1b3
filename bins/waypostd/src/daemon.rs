//! The daemon, as the management API sees it.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use waypost_api::{
    Daemon, DaemonStatus, FibReply, LinkCounters, LoadReply, ManagerJob, Phase, ReloadReply, RouteQuery,
    RouteReply,
};
use waypost_host::daemon::ManagerHandle;
use waypost_host::table::TableHandle;
use waypost_manager::InterfaceChange;
use waypost_routprot::{Refusal, Status};
use waypost_sys::{clock, process};
use waypost_types::{InterfaceIndex, ProtocolId, RouteBatch, Time};

use crate::companion::{Occasion, take_file};
use crate::{answers, fib, forwarding, links};

/// Names of interfaces, for route rows.
pub(crate) type NameMap = BTreeMap<InterfaceIndex, String>;
pub(crate) type Names = Arc<RwLock<NameMap>>;

/// Settings are read for so many interfaces at most whenever somebody asks for the status.
const MOST_LOOKED_AT: usize = 256;

pub(crate) struct Running {
    manager: ManagerHandle,
    table: TableHandle,
    names: Names,
    infobase: String,
    /// The file of `--config`.
    config: Option<PathBuf>,
    start: Time,
    state: Arc<Mutex<State>>,
    /// Held by who compares the kernel with the table.
    audit: Arc<Mutex<()>>,
}

struct State {
    phase: Phase,
    /// What is to be said as long as the daemon lives.
    notes: Vec<String>,
    /// Why the file of `--config` was refused when it was read last.
    file: Vec<String>,
}

impl Running {
    pub(crate) fn new(
        manager: ManagerHandle,
        table: TableHandle,
        infobase: String,
        config: Option<PathBuf>,
    ) -> Self {
        Self {
            manager,
            table,
            names: Names::default(),
            infobase,
            config,
            start: clock::now(),
            state: Arc::new(Mutex::new(State {
                phase: Phase::Starting,
                notes: Vec::new(),
                file: Vec::new(),
            })),
            audit: Arc::default(),
        }
    }

    pub(crate) fn interfaces(&self, changes: &[InterfaceChange]) {
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            match change {
                InterfaceChange::Present(interface) => {
                    drop(names.insert(interface.index, interface.name.clone()));
                }
                InterfaceChange::Gone(index) => drop(names.remove(index)),
            }
        }
    }

    pub(crate) fn started(&self) {
        self.state().phase = Phase::Running;
    }

    /// What keeps packets from following the routes that the kernel has.
    fn obstacles(&self) -> Vec<String> {
        if self.table.installed() == 0 {
            return Vec::new();
        }
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        forwarding::obstacles(names.values().take(MOST_LOOKED_AT))
    }

    /// What `status` shows from now on.
    pub(crate) fn note(&self, note: &str) {
        self.state().notes.push(note.to_owned());
    }

    /// What `status` shows until the file of `--config` is read again: why it was refused, if it was.
    pub(crate) fn file_read<T>(&self, result: &Result<T, Vec<Refusal>>) {
        file_read(&self.state, result);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn file_read<T>(state: &Mutex<State>, result: &Result<T, Vec<Refusal>>) {
    let refusals = result.as_ref().err().into_iter().flatten();
    locked(state).file = refusals
        .map(|refusal| format!("--config was refused: {refusal}"))
        .collect();
}

impl Daemon for Running {
    fn manage(&self, job: ManagerJob) {
        self.manager.run(job);
    }

    fn routes(&self, query: RouteQuery, reply: RouteReply) {
        let names = self.names.clone();
        self.table.query(Box::new(move |view| {
            let names = names.read().unwrap_or_else(PoisonError::into_inner);
            reply(answers::answer(view, &names, &query));
        }));
    }

    fn fib(&self, limit: usize, reply: FibReply) {
        let (table, names, one) = (self.table.clone(), self.names.clone(), self.audit.clone());
        let audit = move || {
            process::name_thread("audit");
            // One at a time: each reads the whole kernel.
            let _one = one.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(report) = fib::report(&table, &names, limit) {
                reply(report);
            }
        };
        let started = std::thread::Builder::new().name("audit".to_owned()).spawn(audit);
        if let Err(error) = started {
            tracing::warn!(%error, "no thread to compare the kernel with");
        }
    }

    fn change_routes(&self, owner: ProtocolId, changes: RouteBatch, reply: LoadReply) {
        self.table.batch(owner, changes);
        self.table
            .query(Box::new(move |view| reply(answers::loaded(view, owner))));
    }

    fn remove_routes(&self, owner: ProtocolId, reply: LoadReply) {
        self.table.remove_protocol(owner);
        self.table
            .query(Box::new(move |view| reply(answers::loaded(view, owner))));
    }

    fn reload(&self, reply: ReloadReply) {
        let Some(path) = self.config.clone() else {
            tracing::warn!("there is no --config to read again");
            return reply(Err(vec![Refusal::new(
                Status::ERROR_NOT_SUPPORTED,
                "the daemon was not started with --config, so there is no file to read again",
            )]));
        };
        let state = self.state.clone();
        self.manager.run(Box::new(move |manager, now, wall| {
            let result = take_file(manager, (now, wall), &path, Occasion::Asked);
            file_read(&state, &result);
            reply(result);
        }));
    }

    fn link_counters(&self) -> io::Result<BTreeMap<String, LinkCounters>> {
        links::counters()
    }

    fn status(&self) -> DaemonStatus {
        let state = self.state();
        DaemonStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            phase: state.phase,
            uptime_seconds: clock::now().since(self.start).as_secs(),
            infobase: self.infobase.clone(),
            warnings: state
                .notes
                .iter()
                .chain(&state.file)
                .cloned()
                .chain(self.obstacles())
                .collect(),
        }
    }
}
