//! A readable copy of the configuration in force, for people who have to repair a router without its daemon.
//!
//! The infobase is the truth; this copy is written a moment after each revision, by a thread of its own, and read by nobody.
//! Revisions that follow each other closely are written once, so that the copy does not fight the next one for the disk.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use waypost_api::write_toml;
use waypost_infobase::{Tree, write_atomically};
use waypost_manager::Configuration;

/// How long after a revision the copy is written, and the least time between two.
const MOMENT: Duration = Duration::from_secs(1);

/// The tree to write next: the latest one only.
type Slot = Arc<(Mutex<Option<Tree>>, Condvar)>;

/// Writes `running.toml`.
pub(crate) struct Rescue {
    slot: Slot,
}

impl Rescue {
    /// Starts the thread.
    pub(crate) fn start(path: PathBuf, configuration: Configuration) -> std::io::Result<Self> {
        let slot = Slot::default();
        let work = slot.clone();
        std::thread::Builder::new().name("rescue".to_owned()).spawn(move || {
            loop {
                let tree = next(&work);
                let text = configuration.text_of(&tree).and_then(|text| write_toml(&text));
                let written = match text {
                    Ok(text) => write_atomically(&path, text.as_bytes()).map_err(|error| error.to_string()),
                    Err(refusal) => Err(refusal.to_string()),
                };
                if let Err(error) = written {
                    tracing::warn!(path = %path.display(), %error, "the readable copy of the configuration is not written");
                }
            }
        })?;
        Ok(Self { slot })
    }

    /// Has this tree written, unless a later one comes first.
    pub(crate) fn write(&self, tree: Tree) {
        let (slot, filled) = &*self.slot;
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(tree);
        filled.notify_one();
    }
}

fn next((latest, filled): &(Mutex<Option<Tree>>, Condvar)) -> Tree {
    let locked = || latest.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        drop(filled.wait_while(locked(), |tree| tree.is_none()));
        std::thread::sleep(MOMENT);
        if let Some(tree) = locked().take() {
            return tree;
        }
    }
}
