//! The right to make network namespaces.

use std::os::unix::process::CommandExt;
use std::process::{self, Command, Stdio};
use std::sync::Once;
use std::{any, env, io, thread};

use anyhow::{Context, Result, anyhow, bail};
use waypost_sys::namespace;

/// Set in a process that was started again inside namespaces of its own, so that it does not do so for ever. The value
/// says what was started again: the program, or one test of it.
const INSIDE: &str = "WAYPOST_LAB_INSIDE";
const PROGRAM: &str = "program";
const TEST: &str = "test";

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
        .env(INSIDE, PROGRAM)
        .exec();
    Err(error).context("starting again inside a user namespace (unshare)")
}

/// Whether [`gain_privileges`] had to make a user namespace: whoever wants to reach the lab from outside has to enter it.
#[must_use]
pub fn in_user_namespace() -> bool {
    env::var_os(INSIDE).is_some()
}

/// Runs one test of a test binary in a new network namespace with loopback up and nothing else.
///
/// Without root it starts that one test again, in a process that is root of a user namespace of its own.
pub fn isolated(body: impl FnOnce() + Send) -> Result<()> {
    if here_or_there(&body)? {
        namespace::in_new_network_namespace(body).context("making a network namespace")?;
    }
    Ok(())
}

/// The same for one test of a test binary, whose other tests run on: `Ok(false)` says that the test has been run by
/// another process and has passed.
///
/// `body` is the closure of the test; its type tells the test's name where the thread does not.
pub(crate) fn here_or_there<F>(body: &F) -> Result<bool> {
    if privileged() {
        if env::var_os(INSIDE).is_some_and(|what| what == TEST) {
            end_with_input();
        }
        return Ok(true);
    }
    if env::var_os(INSIDE).is_some() {
        return Err(refused());
    }
    let name = test_name(thread::current().name(), any::type_name_of_val(body));
    let mut child = Command::new("unshare")
        .args(UNSHARE)
        .arg(env::current_exe().context("finding this program")?)
        .args(["--exact", &name, "--include-ignored", "--nocapture"])
        .env(INSIDE, TEST)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting again inside a user namespace (unshare)")?;
    // Held while the child runs: it ends when this end of the pipe goes, however this process ends.
    let _line = child.stdin.take();
    let output = child.wait_with_output()?;
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

/// Ends this process when its standard input ends, which is when the process that started it is no more.
fn end_with_input() {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| {
        thread::spawn(|| {
            drop(io::copy(&mut io::stdin(), &mut io::sink()));
            process::exit(1);
        });
    });
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
