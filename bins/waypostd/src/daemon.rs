//! The daemon, as the management API sees it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use waypost_api::{Daemon, DaemonStatus, ManagerJob, Phase, RouteQuery, RouteReply};
use waypost_host::daemon::ManagerHandle;
use waypost_host::table::TableHandle;
use waypost_manager::InterfaceChange;
use waypost_routprot::Refusal;
use waypost_sys::clock;
use waypost_types::{InterfaceIndex, Time};

use crate::{answers, forwarding};

/// Names of interfaces, for route rows.
pub(crate) type NameMap = BTreeMap<InterfaceIndex, String>;
type Names = Arc<RwLock<NameMap>>;

/// Settings are read for so many interfaces at most whenever somebody asks for the status.
const MOST_LOOKED_AT: usize = 256;

pub(crate) struct Running {
    manager: ManagerHandle,
    table: TableHandle,
    names: Names,
    infobase: String,
    start: Time,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    warnings: Vec<String>,
}

impl Running {
    pub(crate) fn new(manager: ManagerHandle, table: TableHandle, infobase: String) -> Self {
        Self {
            manager,
            table,
            names: Names::default(),
            infobase,
            start: clock::now(),
            state: Mutex::new(State {
                phase: Phase::Starting,
                warnings: Vec::new(),
            }),
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
        self.state.lock().unwrap_or_else(PoisonError::into_inner).phase = Phase::Running;
    }

    /// What keeps packets from following the routes that the kernel has.
    fn obstacles(&self) -> Vec<String> {
        if self.table.installed() == 0 {
            return Vec::new();
        }
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        forwarding::obstacles(names.values().take(MOST_LOOKED_AT))
    }

    /// What `status` shows until the next start: the file at start was refused.
    pub(crate) fn warn(&self, refusals: &[Refusal]) {
        let warnings = refusals
            .iter()
            .map(|refusal| format!("--config was refused: {refusal}"));
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .warnings
            .extend(warnings);
    }
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

    fn status(&self) -> DaemonStatus {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        DaemonStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            phase: state.phase,
            uptime_seconds: clock::now().since(self.start).as_secs(),
            infobase: self.infobase.clone(),
            warnings: state.warnings.iter().cloned().chain(self.obstacles()).collect(),
        }
    }
}
