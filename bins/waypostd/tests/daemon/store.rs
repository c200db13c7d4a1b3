//! A store that cannot be used: the daemon says why and does not start; packets go on where they went, and nothing is
//! written over.

use std::fs;
use std::path::Path;

use serde_json::json;
use waypost_infobase::{FILE_NAME, FORMAT_VERSION};

use crate::rig::{Daemon, Home, apply, ip, isolated, look, setting};

/// A route that an earlier life of the daemon left in the kernel.
const ROUTE: &str = "10.77.0.0/16 via 10.0.0.2 dev eth0 proto rip";

/// A home whose store holds a revision.
fn lived_in(folder: &Path) -> Home {
    let home = Home::new(folder);
    let daemon = Daemon::start(&home);
    apply(
        &mut daemon.client(),
        &setting(&[("router.annotate", json!("precious"))]),
    )
    .unwrap();
    daemon.kill();
    home
}

/// The daemon must end with `says`; file and kernel must be as before.
fn is_refused(home: &Home, says: &[&str]) {
    let file = home.state.join(FILE_NAME);
    let before = fs::read(&file).ok();
    let (status, said) = home.start_in_vain();
    assert_eq!(status.code(), Some(1), "{said}");
    for says in says {
        assert!(said.contains(says), "no '{says}' in:\n{said}");
    }
    assert!(said.contains(&file.display().to_string()), "no path in:\n{said}");
    assert!(fs::read(&file).ok() == before, "the file was written to");
    assert!(ip("route show").contains(ROUTE), "{}", ip("route show"));
    assert!(!home.socket.exists() || std::os::unix::net::UnixStream::connect(&home.socket).is_err());
}

#[test]
fn a_store_that_cannot_be_used_is_left_alone() {
    isolated(|| {
        let folder = tempfile::tempdir().unwrap();
        let home = lived_in(folder.path());
        ip(&format!("route add {ROUTE}"));
        let file = home.state.join(FILE_NAME);
        let good = fs::read(&file).unwrap();

        let mut damaged = good.clone();
        damaged[..4096].fill(0x5A);
        fs::write(&file, &damaged).unwrap();
        is_refused(&home, &["the infobase can not be read", "nothing was changed"]);

        fs::write(&file, "# not a database\n").unwrap();
        is_refused(&home, &["the infobase can not be read"]);

        fs::write(&file, &good).unwrap();
        let format: redb::TableDefinition<'_, &str, u64> = redb::TableDefinition::new("format");
        let database = redb::Database::open(&file).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction
            .open_table(format)
            .unwrap()
            .insert("version", FORMAT_VERSION + 1)
            .unwrap();
        transaction.commit().unwrap();
        drop(database);
        let newer = format!("written in format {}", FORMAT_VERSION + 1);
        is_refused(&home, &[&newer, "reads formats up to"]);

        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        is_refused(&home, &["can not open"]);

        // Put back, it is what it was.
        fs::remove_dir(&file).unwrap();
        fs::write(&file, &good).unwrap();
        let daemon = Daemon::start(&home);
        assert_eq!(look(&mut daemon.client()).tree["router"]["annotate"], "precious");
    });
}

#[test]
fn a_second_daemon_finds_the_state_in_use_and_disturbs_nobody() {
    isolated(|| {
        let folder = tempfile::tempdir().unwrap();
        let home = lived_in(folder.path());
        let mut first = Daemon::start(&home);
        let before = look(&mut first.client());
        let (status, said) = home.start_in_vain();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains("another daemon"), "{said}");
        assert!(said.contains(&home.state.display().to_string()), "{said}");
        first.assert_alive();
        let mut client = first.client();
        assert_eq!(look(&mut client), before);
        apply(&mut client, &setting(&[("router.annotate", json!("still mine"))])).unwrap();
        // Once the first is gone, so is the lock.
        first.kill();
        let second = Daemon::start(&home);
        assert_eq!(
            look(&mut second.client()).tree["router"]["annotate"],
            "still mine"
        );
    });
}
