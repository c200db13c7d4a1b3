//! What goes on beside the manager on its thread.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use waypost_api::parse_toml;
use waypost_host::daemon::Companion;
use waypost_host::table::TableHandle;
use waypost_manager::{Applied, Author, Declared, InterfaceChange, Manager, Plan};
use waypost_routprot::Refusal;
use waypost_sys::clock;
use waypost_types::{Time, WallTime};

use crate::daemon::Running;
use crate::forwarding;
use crate::rescue::{Rescue, Revision};

pub(crate) struct Wired {
    table: TableHandle,
    running: Arc<Running>,
    rescue: Rescue,
    config: Option<PathBuf>,
}

impl Wired {
    pub(crate) const fn new(
        table: TableHandle,
        running: Arc<Running>,
        rescue: Rescue,
        config: Option<PathBuf>,
    ) -> Self {
        Self {
            table,
            running,
            rescue,
            config,
        }
    }
}

impl Companion for Wired {
    fn interfaces(&mut self, changes: &[InterfaceChange]) {
        self.table.interfaces(changes.to_vec());
        self.running.interfaces(changes);
    }

    fn ready(&mut self, manager: &mut Manager) {
        if let Some(path) = &self.config {
            let result = take_file(manager, (clock::now(), clock::wall()), path, Occasion::Start);
            self.running.file_read(&result);
        }
        self.table.start_complete();
        self.running.started();
        // Without systemd there is nobody to tell.
        drop(sd_notify::notify(&[sd_notify::NotifyState::Ready]));
        if manager.has_protocols() {
            for obstacle in
                forwarding::obstacles(manager.interfaces().iter().map(|interface| &interface.name))
            {
                tracing::warn!("{obstacle}");
            }
        }
        tracing::info!(revision = manager.revision_in_force(), "the router is up");
    }

    fn revision(&mut self) {
        self.rescue.stale();
    }

    fn ends(&mut self, manager: &Manager) {
        self.rescue.last(in_force(manager));
    }
}

/// The revision in force, its tree shared rather than copied.
pub(crate) fn in_force(manager: &Manager) -> Revision {
    Revision {
        number: manager.revision_in_force(),
        tree: manager.shared_tree(),
    }
}

/// Why a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// The daemon starts: the file is taken if it changed.
    Start,
    /// The operator asked for it.
    Asked,
}

/// Makes a file the configuration. When it is refused, what is in force stays in force.
pub(crate) fn take_file(
    manager: &mut Manager,
    (now, wall): (Time, WallTime),
    path: &Path,
    occasion: Occasion,
) -> Result<Applied, Vec<Refusal>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| vec![Refusal::failed(format!("{}: {error}", path.display()))]);
    let tree = text.and_then(|text| parse_toml(&text).map_err(|refusal| vec![refusal]));
    let author = Author {
        name: "waypostd".to_owned(),
        note: format!("file {}", path.display()),
    };
    let declared = tree.and_then(|tree| match occasion {
        Occasion::Start => manager.declare(now, wall, tree, &author),
        Occasion::Asked => manager
            .declare_again(now, wall, tree, &author)
            .map(Declared::Taken),
    });
    let declared = declared.inspect_err(|refusals| {
        for refusal in refusals {
            tracing::error!(path = %path.display(), "the file is refused and nothing was changed: {refusal}");
        }
    })?;
    Ok(match declared {
        Declared::Taken(applied) => {
            if applied.changed {
                let changes = applied.plan.changes.len();
                tracing::info!(path = %path.display(), changes, revision = applied.revision, "the file is in force");
            } else {
                tracing::info!(path = %path.display(), "the file says what is in force already");
            }
            applied
        }
        Declared::Unchanged(plan) => {
            let changed_since = plan.changes.len();
            tracing::info!(path = %path.display(), changed_since, "the file has not changed since it was taken last");
            Applied {
                revision: manager.revision_in_force(),
                changed: false,
                trial: manager.on_trial(wall),
                plan: Plan::default(),
            }
        }
    })
}
