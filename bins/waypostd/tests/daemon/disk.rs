//! A full disk under the daemon's state.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use serde_json::{Value, json};
use waypost_routprot::Status;

use crate::rig::{Daemon, Home, apply, ip, isolated, look, mortal, setting};

/// A small filesystem, mounted where only a process of ours and those it lends its eyes to see it.
struct SmallDisk {
    holder: Child,
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts one at `folder`, by the words that follow `mount`; says why if the system does not.
    fn mount(folder: PathBuf, how: &str) -> Result<Self, String> {
        fs::create_dir(&folder).unwrap();
        // The mount is seen by this shell and by nobody else; it goes away with the last process that sees it.
        let script = format!(
            "mount {how} {} 2>&1 && echo mounted && exec sleep 3600",
            folder.display()
        );
        let mut holder = mortal("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", &script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(holder.stdout.take().unwrap())
            .read_line(&mut said)
            .unwrap();
        let disk = Self { holder, folder };
        if said == "mounted\n" { Ok(disk) } else { Err(said) }
    }

    /// The filesystem's root as this process gets at it.
    fn path(&self) -> PathBuf {
        let inside = self.folder.strip_prefix("/").unwrap();
        PathBuf::from(format!("/proc/{}/root", self.holder.id())).join(inside)
    }

    /// Takes all the space that is left.
    fn fill(&self) {
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(self.path().join("filler"))
            .unwrap();
        for size in [64 * 1024, 4096, 256, 1] {
            let octets = vec![0xA5; size];
            let full = loop {
                if let Err(error) = file.write_all(&octets).and_then(|()| file.sync_data()) {
                    break error;
                }
            };
            assert_eq!(full.kind(), ErrorKind::StorageFull);
        }
    }

    fn free(&self) {
        fs::remove_file(self.path().join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}

/// More than fits into what a filesystem may still find for a file that it knows.
fn large(metric: u32) -> Value {
    let routes: Vec<Value> = (0..6000)
        .map(|number| {
            let prefix = format!(
                "10.{}.{}.{}/32",
                128 + number / 65536,
                number / 256 % 256,
                number % 256
            );
            json!({ "prefix": prefix, "kind": "blackhole", "metric": metric })
        })
        .collect();
    setting(&[
        ("protocols.static.routes", Value::Array(routes)),
        ("interfaces.eth0.rip.metric", json!(metric)),
    ])
}

fn refused_for_space(client: &mut waypost_api::client::Client, request: &Value, home: &Home) {
    let refusals = apply(client, request).unwrap_err();
    let refusal = &refusals[0];
    assert_eq!(refusal.status, Status::ERROR_DISK_FULL, "{refusal}");
    let expected = format!(
        "{}/infobase.redb: no space left on the device",
        home.state.display()
    );
    assert!(refusal.reason.contains(&expected), "{refusal}");
}

fn outlives_a_full_disk(name: &str, how: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let disk = SmallDisk::mount(folder.path().join("disk"), how)?;
    let mut home = Home::new(folder.path()).in_mounts_of(disk.holder.id());
    home.state = disk.folder.join("state");
    let mut daemon = Daemon::start(&home);
    let mut client = daemon.client();
    let begin = setting(&[
        ("protocols.rip", json!({})),
        ("interfaces.eth0.rip.metric", json!(2)),
        (
            "protocols.static.routes",
            json!([{ "prefix": "10.200.0.0/16", "kind": "blackhole" }]),
        ),
    ]);
    apply(&mut client, &begin).unwrap();
    let before = look(&mut client);
    let kernel = || {
        let routes = ip("route show table all");
        let ours: Vec<String> = routes
            .lines()
            .filter(|line| line.contains("10.200.") || line.contains("10.128."))
            .map(str::to_owned)
            .collect();
        ours
    };
    waypost_testkit::wait_for(crate::rig::PATIENCE, "the route in the kernel", || {
        if kernel().len() == 1 {
            Ok(())
        } else {
            Err(kernel().join("\n"))
        }
    })
    .unwrap();

    disk.fill();
    for _ in 0..3 {
        refused_for_space(&mut client, &large(3), &home);
        assert_eq!(look(&mut client), before, "{name}");
        assert_eq!(kernel().len(), 1, "{name}");
    }
    daemon.assert_alive();

    // Killed and started again while the disk is full: it comes up with what was acknowledged.
    daemon.kill();
    daemon = Daemon::start(&home);
    client = daemon.client();
    assert_eq!(
        look(&mut client),
        before,
        "{name}, after a start on the full disk"
    );
    refused_for_space(&mut client, &large(3), &home);
    assert_eq!(look(&mut client), before, "{name}");

    // Space again: the same request, the same daemon.
    disk.free();
    let applied = apply(&mut client, &large(3)).unwrap();
    let after = look(&mut client);
    assert_eq!(after.revisions[0]["number"], applied["revision"]);
    assert_eq!(after.revisions.len(), before.revisions.len() + 1);
    assert_eq!(after.tree["interfaces"]["eth0"]["rip"]["metric"], 3);
    daemon.assert_alive();
    daemon.kill();
    let daemon = Daemon::start(&home);
    assert_eq!(look(&mut daemon.client()), after, "{name}, after a kill");
    Ok(())
}

#[test]
fn a_full_disk_refuses_and_nothing_else() {
    isolated(|| {
        outlives_a_full_disk("tmpfs", "-t tmpfs -o size=12m tmpfs").unwrap();
    });
}

/// The same on a filesystem with blocks, a journal and delayed allocation. Not every system lends a loop device.
#[test]
fn a_full_disk_of_a_journalling_filesystem_too() {
    isolated(|| {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("image");
        File::create(&image).unwrap().set_len(24 << 20).unwrap();
        let made = std::process::Command::new("mkfs.ext4")
            .args(["-q", "-F", "-m", "0"])
            .arg(&image)
            .status();
        let mounted = match made {
            Ok(status) if status.success() => {
                outlives_a_full_disk("ext4", &format!("-t ext4 -o loop {}", image.display()))
            }
            other => Err(format!("mkfs.ext4: {other:?}")),
        };
        if let Err(reason) = mounted {
            println!("not tested on ext4: {reason}");
        }
    });
}
