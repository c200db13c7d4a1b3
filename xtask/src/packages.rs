//! Debian packages with the programs that labs, tests and benchmarks start, and their installation.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{run, say};

/// A package, and the places where one of its programs may lie.
type Package = (&'static str, &'static [&'static str]);

/// What a network of namespaces takes.
pub(crate) const LAB: &[Package] = &[
    ("iproute2", &["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"]),
    ("iputils-ping", &["/usr/bin/ping", "/bin/ping"]),
    ("util-linux", &["/usr/bin/unshare"]),
];

/// The routers that Waypost is tested and measured beside.
pub(crate) const PEERS: &[Package] = &[("frr", &["/usr/lib/frr/ripd"]), ("bird2", &["/usr/sbin/bird"])];

/// The browser that the page is tested in, and what drives it.
pub(crate) const BROWSER: &[Package] = &[
    ("chromium", &["/usr/bin/chromium"]),
    ("chromium-driver", &["/usr/bin/chromedriver"]),
];

/// The compilers that the tests of the C headers, of the C library and of modules run. The last one brings the public-domain headers that ours are compared to.
pub(crate) const COMPILERS: &[Package] = &[
    ("gcc", &["/usr/bin/gcc"]),
    ("g++", &["/usr/bin/g++"]),
    ("gcc-mingw-w64-x86-64", &["/usr/bin/x86_64-w64-mingw32-gcc"]),
];

/// Installs those that are missing, or says how to when only root may. Their services are not wanted: labs start peers
/// themselves, in namespaces of their own.
pub(crate) fn install(packages: &[Package]) -> Result<()> {
    let missing: Vec<&str> = packages
        .iter()
        .filter(|(_, programs)| !programs.iter().any(|program| Path::new(program).exists()))
        .map(|(package, _)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !is_root()? {
        bail!(
            "these Debian packages are missing: install them with\n  sudo apt-get install {}",
            missing.join(" ")
        );
    }
    say(&format!("== installing {}", missing.join(", ")));
    // A policy that forbids starting services while packages are installed; removed again whatever happens.
    let policy = Path::new("/usr/sbin/policy-rc.d");
    let ours = !policy.exists();
    if ours {
        std::fs::write(policy, "#!/bin/sh\nexit 101\n").context("policy-rc.d")?;
        run(Command::new("chmod").args(["755"]).arg(policy))?;
    }
    let installed = apt(&missing);
    if ours {
        std::fs::remove_file(policy).context("policy-rc.d")?;
    }
    installed
}

fn apt(packages: &[&str]) -> Result<()> {
    let apt_get = |arguments: &[&str]| {
        run(Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(arguments))
    };
    apt_get(&["update", "-qq"])?;
    apt_get(&[&["install", "-y", "-qq", "--no-install-recommends"], packages].concat())
}

fn is_root() -> Result<bool> {
    let id = Command::new("id").arg("-u").output().context("id -u")?;
    Ok(String::from_utf8_lossy(&id.stdout).trim() == "0")
}
