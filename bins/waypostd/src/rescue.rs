//! A readable copy of the configuration in force, for people who have to repair a router without its daemon.
//!
//! The infobase is the truth: a change is acknowledged once it is durable there, and the daemon starts from there. This copy
//! is written a moment later, by a thread of its own, so that no change waits for it; whole or not at all, so that nobody
//! reads half of it; and again until it succeeds, so that it does not stay behind on a disk that was full for a while. The
//! daemon never reads it, and refuses to be told to.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Result, ensure};
use waypost_api::write_toml;
use waypost_infobase::{Tree, write_atomically};
use waypost_manager::Configuration;

/// The name of the copy in the state directory.
pub(crate) const FILE_NAME: &str = "running.toml";

/// How long after a revision the copy is written: those that follow each other closely are written once, so that the copy does
/// not fight the next one for the disk.
const MOMENT: Duration = Duration::from_secs(1);
/// How long after a failure the copy is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// A revision and its blocks.
#[derive(Clone)]
pub(crate) struct Revision {
    pub(crate) number: Option<u64>,
    pub(crate) tree: Arc<Tree>,
}

/// Gives the revision in force; none when there is nobody left to ask.
pub(crate) type InForce = Box<dyn Fn() -> Option<Revision> + Send>;

#[derive(Default)]
struct Slot {
    /// There is something newer than the copy.
    stale: bool,
    /// The last revision there will be.
    last: Option<Revision>,
    ends: bool,
}

type Shared = Arc<(Mutex<Slot>, Condvar)>;

/// Writes the copy.
pub(crate) struct Rescue {
    shared: Shared,
    thread: Option<JoinHandle<()>>,
}

impl Rescue {
    /// Starts the thread, which writes into this directory what is in force by the time it writes.
    pub(crate) fn start(
        state: &Path,
        configuration: Configuration,
        in_force: InForce,
    ) -> std::io::Result<Self> {
        Self::with_retry(state.join(FILE_NAME), configuration, in_force, RETRY)
    }

    fn with_retry(
        path: PathBuf,
        configuration: Configuration,
        in_force: InForce,
        retry: Duration,
    ) -> std::io::Result<Self> {
        let shared = Shared::default();
        let work = shared.clone();
        let thread = std::thread::Builder::new()
            .name("rescue".to_owned())
            .spawn(move || keep(&path, &configuration, &in_force, &work, retry))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// There is another revision: it is written in a moment, unless a later one comes first.
    pub(crate) fn stale(&self) {
        self.tell(|slot| slot.stale = true);
    }

    /// Has this revision written, after which there is none.
    pub(crate) fn last(&self, revision: Revision) {
        self.tell(|slot| slot.last = Some(revision));
    }

    fn tell(&self, what: impl FnOnce(&mut Slot)) {
        let (slot, told) = &*self.shared;
        what(&mut slot.lock().unwrap_or_else(PoisonError::into_inner));
        told.notify_one();
    }
}

/// Waits until the last revision is written, or has failed once more.
impl Drop for Rescue {
    fn drop(&mut self) {
        self.tell(|slot| slot.ends = true);
        if let Some(thread) = self.thread.take() {
            // A panic there was reported when it happened.
            drop(thread.join());
        }
    }
}

/// The thread.
fn keep(path: &Path, configuration: &Configuration, in_force: &InForce, shared: &Shared, retry: Duration) {
    let mut failed = false;
    while let Some(revision) = next(shared, in_force, failed, retry) {
        let written = write(path, configuration, &revision);
        failed = written.is_err();
        match written {
            Ok(()) => tracing::debug!(path = %path.display(), revision = revision.number, "copied"),
            Err(error) => {
                tracing::warn!(
                    path = %path.display(), %error,
                    "the readable copy of the configuration is not written; it will be tried again"
                );
            }
        }
    }
}

/// The next revision to write: a new one after a moment, or again after a while if writing failed. `None`: that was all.
fn next(shared: &Shared, in_force: &InForce, failed: bool, retry: Duration) -> Option<Revision> {
    let (slot, told) = &**shared;
    let locked = slot.lock().unwrap_or_else(PoisonError::into_inner);
    let news = |slot: &mut Slot| !slot.stale && slot.last.is_none() && !slot.ends;
    let mut slot = if failed {
        let waited = told.wait_timeout_while(locked, retry, news);
        waited.unwrap_or_else(PoisonError::into_inner).0
    } else {
        let waited = told.wait_while(locked, news);
        waited.unwrap_or_else(PoisonError::into_inner)
    };
    if slot.stale {
        let waited = told.wait_timeout_while(slot, MOMENT, |slot| slot.last.is_none() && !slot.ends);
        slot = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
    slot.stale = false;
    if let Some(last) = slot.last.take() {
        return Some(last);
    }
    if slot.ends {
        return None;
    }
    // Asked for without the lock: whoever answers may be about to say that there is another.
    drop(slot);
    match in_force() {
        Some(revision) => Some(revision),
        // Nobody answers any more, so the end is near, and with it the last revision.
        None => next(shared, in_force, false, retry),
    }
}

fn write(path: &Path, configuration: &Configuration, revision: &Revision) -> Result<()> {
    let text = configuration.text_of(&revision.tree)?;
    let number = revision
        .number
        .map_or_else(String::new, |number| format!("revision {number} of "));
    let text = format!(
        "# A copy of {number}the configuration in force, for people. The router keeps its configuration in\n\
         # {} and never reads this file: what is changed here changes nothing.\n\n{}",
        waypost_infobase::FILE_NAME,
        write_toml(&text)?
    );
    Ok(write_atomically(path, text.as_bytes())?)
}

/// Refuses a configuration file that is the copy: the daemon would feed on what it wrote itself.
pub(crate) fn refuse_as_source(state: &Path, config: &Path) -> Result<()> {
    let copy = state.join(FILE_NAME);
    let same = match (copy.canonicalize(), config.canonicalize()) {
        (Ok(copy), Ok(config)) => copy == config,
        _ => copy == config,
    };
    ensure!(
        !same,
        "--config {}: the daemon writes this file itself; make a copy of it elsewhere",
        config.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Instant;

    use serde_json::{Value, json};
    use waypost_api::parse_toml;

    use super::*;
    use crate::protocols;

    fn revision(metric: u8) -> (Value, Revision) {
        let text = json!({ "interfaces": { "eth0": { "rip": { "metric": metric } } } });
        let tree = Arc::new(protocols::configuration().blocks_of(&text).unwrap());
        let number = Some(metric.into());
        (text, Revision { number, tree })
    }

    fn in_force(metric: &Arc<Mutex<u8>>) -> InForce {
        let metric = metric.clone();
        Box::new(move || Some(revision(*metric.lock().unwrap()).1))
    }

    fn until(told: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !holds() {
            assert!(Instant::now() < deadline, "{told}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn what_is_written_can_be_read_and_says_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let metric = Arc::new(Mutex::new(1));
        let rescue = Rescue::start(folder.path(), protocols::configuration(), in_force(&metric)).unwrap();
        rescue.stale();
        let copy = folder.path().join(FILE_NAME);
        until("the copy is not written", || copy.exists());
        assert_eq!(
            parse_toml(&fs::read_to_string(&copy).unwrap()).unwrap(),
            revision(1).0
        );
        rescue.stale();
        // The last one is written before the daemon ends, however soon that is.
        rescue.last(revision(9).1);
        drop(rescue);
        let text = fs::read_to_string(folder.path().join(FILE_NAME)).unwrap();
        assert!(
            text.starts_with("# A copy of revision 9 of the configuration"),
            "{text}"
        );
        assert_eq!(parse_toml(&text).unwrap(), revision(9).0);
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "no half-written file"
        );
    }

    #[test]
    fn it_is_tried_again_until_it_succeeds() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("not-there-yet");
        let path = state.join(FILE_NAME);
        let retry = Duration::from_millis(5);
        let metric = Arc::new(Mutex::new(3));
        let rescue =
            Rescue::with_retry(path.clone(), protocols::configuration(), in_force(&metric), retry).unwrap();
        rescue.last(revision(2).1);
        // By now it has failed at least once, or will.
        std::thread::sleep(retry * 3);
        assert!(!path.exists());
        fs::create_dir(&state).unwrap();
        until("it was not tried again", || path.exists());
        drop(rescue);
        assert_eq!(
            parse_toml(&fs::read_to_string(&path).unwrap()).unwrap(),
            revision(3).0
        );
    }

    #[test]
    fn it_is_no_source() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join(FILE_NAME);
        let other = folder.path().join("mine.toml");
        let link = folder.path().join("link.toml");
        std::os::unix::fs::symlink(&copy, &link).unwrap();
        // Before there is one, and after.
        assert!(refuse_as_source(folder.path(), &copy).is_err());
        fs::write(&copy, "").unwrap();
        fs::write(&other, "").unwrap();
        for source in [&copy, &link, &folder.path().join("./running.toml")] {
            let error = refuse_as_source(folder.path(), source).unwrap_err().to_string();
            assert!(error.contains("writes this file itself"), "{error}");
        }
        refuse_as_source(folder.path(), &other).unwrap();
        refuse_as_source(folder.path(), &folder.path().join("missing.toml")).unwrap();
    }
}
