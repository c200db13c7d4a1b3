//! The right to make network namespaces.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::{any, env};

use anyhow::{Context, Result, anyhow, bail};
use waypost_sys::namespace;

/// Set in a process that was started again inside namespaces of its own, so that it does not do so for ever.
const INSIDE: &str = "WAYPOST_LAB_INSIDE";

/// New user, network and mount namespaces, in which the caller is root.
const UNSHARE: [&str; 5] = ["--user", "--map-root-user", "--net", "--mount", "--"];

fn privileged() -> bool {
    namespace::in_new_network_namespace(|| ()).is_ok()
}

fn refused() -> anyhow::Error {
    anyhow!(
        "no right to make network namespaces: run as root, or allow unprivileged user namespaces \
         (sysctl kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)"
    )
}

/// Makes sure that this program may make labs. Without root it starts the whole program again, with the same arguments,
/// as root of a user namespace of its own, and does not return unless that is refused too. Call it first in `main`.
pub fn gain_privileges() -> Result<()> {
    if privileged() {
        return Ok(());
    }
    if env::var_os(INSIDE).is_some() {
        return Err(refused());
    }
    let program = env::current_exe().context("finding this program")?;
    let error = Command::new("unshare")
        .args(UNSHARE)
        .arg(program)
        .args(env::args_os().skip(1))
        .env(INSIDE, "1")
        .exec();
    Err(error).context("starting again inside a user namespace (unshare)")
}

/// The same for one test of a test binary, whose other tests run on: `Ok(false)` says that the test has been run by
/// another process and has passed.
///
/// `body` is the closure of the test; its type tells the test's name where the thread does not.
pub(crate) fn here_or_there<F>(body: &F) -> Result<bool> {
    if privileged() {
        return Ok(true);
    }
    if env::var_os(INSIDE).is_some() {
        return Err(refused());
    }
    let name = test_name(thread::current().name(), any::type_name_of_val(body));
    let output = Command::new("unshare")
        .args(UNSHARE)
        .arg(env::current_exe().context("finding this program")?)
        .args(["--exact", &name, "--include-ignored", "--nocapture"])
        .env(INSIDE, "1")
        .stdin(Stdio::null())
        .output()
        .context("starting again inside a user namespace (unshare)")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!(
            "in a user namespace:\n{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    if !text.contains("1 passed") {
        bail!("no test is called '{name}', so none was run in a user namespace:\n{text}");
    }
    Ok(false)
}

/// The path of a test as the test harness knows it. The harness names its threads after their tests, but runs a single
/// test on the main thread.
fn test_name(thread: Option<&str>, closure: &str) -> String {
    match thread {
        Some(name) if name != "main" => name.to_owned(),
        _ => {
            let path = closure.split("::{{closure}}").next().unwrap_or(closure);
            path.split_once("::")
                .map_or(path, |(_crate, rest)| rest)
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::test_name;

    #[test]
    fn names_of_tests() {
        assert_eq!(test_name(Some("rip::default_route"), "x"), "rip::default_route");
        assert_eq!(
            test_name(Some("main"), "labs::rip::default_route::{{closure}}"),
            "rip::default_route"
        );
        assert_eq!(test_name(None, "labs::alone::{{closure}}::{{closure}}"), "alone");
    }
}
