//! Changes on trial, and two who change the same configuration, with the real daemon and the real command line.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use std::io::Write;
use waypost_testkit::{Lab, Make, Node, Router, run, wait_for};

use super::SOON;

const PORT: &str = "protocols.rip.port";

fn start(node: &Node) -> Result<Router> {
    Router::start(node, Make::Waypost, "[protocols.rip]\nport = 1520\n")
}

fn wait_for_port(router: &Router, port: &str, deadline: Duration) -> Result<()> {
    wait_for(deadline, "the port in force", || {
        let found = router
            .command(&["get", PORT])
            .map_err(|error| format!("{error:#}"))?;
        if found.trim() == port { Ok(()) } else { Err(found) }
    })
}

/// Nobody confirms: the change is taken back, and the log of revisions says so.
#[test]
fn what_is_not_confirmed_is_taken_back() {
    run(|lab: &Lab| -> Result<()> {
        let node = lab.node("r1")?;
        let router = start(&node)?;
        let made = router.command(&["set", "protocols.rip.port=1521", "--confirm-within", "2s"])?;
        assert!(
            made.contains("on trial: back to revision 1 in 2s unless 'waypost confirm' comes before"),
            "{made}"
        );
        let status = router.command(&["show", "status"])?;
        assert!(status.contains("trial"), "{status}");
        let (refused, text) = router.attempt(&["set", "protocols.rip.port=1522"])?;
        assert_eq!(refused.code(), Some(1));
        assert!(text.contains("revision 2 awaits its confirmation"), "{text}");
        wait_for_port(&router, "1520", SOON)?;
        let revisions = router.command(&["show", "revisions"])?;
        assert!(
            revisions.contains("back to revision 1: revision 2 was not confirmed in time"),
            "{revisions}"
        );
        let (gone, text) = router.attempt(&["confirm"])?;
        assert_eq!(gone.code(), Some(1));
        assert!(text.contains("no change awaits confirmation"), "{text}");
        // And what is confirmed stays.
        router.command(&["set", "protocols.rip.port=1523", "--confirm-within", "60s"])?;
        assert_eq!(router.command(&["confirm"])?, "revision 4 is confirmed\n");
        let revisions = router.command(&["show", "revisions"])?;
        assert!(!revisions.contains("on trial"), "{revisions}");
        assert_eq!(router.command(&["get", PORT])?, "1523\n");
        Ok(())
    });
}

/// The daemon is killed in the middle of a trial, once to come back before its end and once after it.
#[test]
fn a_trial_outlives_the_daemon() {
    run(|lab: &Lab| -> Result<()> {
        let node = lab.node("r1")?;
        let mut router = start(&node)?;
        router.command(&["set", "protocols.rip.port=1521", "--confirm-within", "1h"])?;
        router.kill()?;
        router.start_again()?;
        assert_eq!(router.command(&["get", PORT])?, "1521\n");
        assert!(
            router
                .command(&["show", "status"])?
                .contains("back to revision 1")
        );
        assert!(router.command(&["rollback"])?.contains("revision 3 is in force"));
        assert_eq!(router.command(&["get", PORT])?, "1520\n");

        router.command(&["set", "protocols.rip.port=1524", "--confirm-within", "1s"])?;
        router.kill()?;
        let killed = std::time::Instant::now();
        wait_for(SOON, "the end of the trial", || {
            if killed.elapsed() > Duration::from_secs(2) {
                Ok(())
            } else {
                Err("not yet".to_owned())
            }
        })?;
        router.start_again()?;
        assert_eq!(
            router.command(&["get", PORT])?,
            "1520\n",
            "taken back before anything started"
        );
        Ok(())
    });
}

/// `waypost edit` with a script for an editor and answers on standard input.
fn edit(node: &Node, script: &str, words: &[&str], answers: &str) -> Result<Output> {
    let program: PathBuf = Make::program_directory()
        .context("waypost is not built")?
        .join("waypost");
    let mut child = Command::new(program)
        .arg("--socket")
        .arg(node.directory().join("waypost.sock"))
        .arg("edit")
        .args(words)
        .env("VISUAL", script)
        .env("TMPDIR", node.directory())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    stdin.write_all(answers.as_bytes())?;
    drop(stdin);
    Ok(child.wait_with_output()?)
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A shell script in a file, as a command for the editor.
fn script(node: &Node, name: &str, lines: &str) -> Result<String> {
    let path = node.directory().join(name);
    std::fs::write(&path, lines)?;
    Ok(format!("sh {}", path.display()))
}

#[test]
fn an_editor_changes_the_configuration() {
    run(|lab: &Lab| -> Result<()> {
        let node = lab.node("r1")?;
        let router = start(&node)?;
        let change = script(&node, "change", "sed -i 's/port = 1520/port = 1521/' \"$1\"\n")?;
        let done = edit(&node, &change, &["--note", "by hand"], "y\n")?;
        assert!(done.status.success(), "{}", text(&done));
        assert!(text(&done).contains("port: 1520 -> 1521"), "{}", text(&done));
        assert!(text(&done).contains("revision 2 is in force"), "{}", text(&done));
        assert!(router.command(&["show", "revisions"])?.contains("by hand"));

        // Whoever says no, or nothing, keeps the text and changes nothing.
        for answers in ["n\n", ""] {
            let back = script(&node, "back", "sed -i 's/port = 1521/port = 1520/' \"$1\"\n")?;
            let refused = edit(&node, &back, &[], answers)?;
            assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
            assert!(text(&refused).contains("your text is in "), "{}", text(&refused));
        }
        let nothing = edit(&node, "true", &[], "")?;
        assert_eq!(text(&nothing), "nothing changed\n");
        assert_eq!(router.command(&["get", PORT])?, "1521\n");

        // A mistake is told with its line, and the editor opened again.
        let twice = script(
            &node,
            "twice",
            "if grep -q port=99999 \"$1\"; then sed -i 's/port=99999/port = 1522/' \"$1\"\n\
             else sed -i 's/port = 1521/port=99999/' \"$1\"; fi\n",
        )?;
        let done = edit(&node, &twice, &["--confirm-within", "60s"], "y\ny\n")?;
        assert!(done.status.success(), "{}", text(&done));
        assert!(
            text(&done).contains("protocols.rip.port: value is out of range: 99999"),
            "{}",
            text(&done)
        );
        assert!(text(&done).contains("on trial"), "{}", text(&done));
        router.command(&["confirm"])?;
        Ok(())
    });
}

#[test]
fn two_who_change_the_configuration_see_each_other() {
    run(|lab: &Lab| -> Result<()> {
        let node = lab.node("r1")?;
        let router = start(&node)?;
        let waypost = Make::program_directory()
            .context("waypost is not built")?
            .join("waypost");
        let other = format!(
            "{} --socket {}",
            waypost.display(),
            node.directory().join("waypost.sock").display()
        );
        // Somebody else sets a timer while the editor is open, then the port itself.
        let apart = script(
            &node,
            "apart",
            &format!(
                "{other} set protocols.rip.update-interval=25 --note theirs >/dev/null\nsed -i 's/port = 1520/port = 1521/' \"$1\"\n"
            ),
        )?;
        let done = edit(&node, &apart, &[], "y\ny\n")?;
        let said = text(&done);
        assert!(done.status.success(), "{said}");
        assert!(said.contains("revision 2 is in force by root"), "{said}");
        assert!(said.contains("Your changes on top of theirs"), "{said}");
        let both = router.command(&["get", "protocols.rip"])?;
        assert!(both.contains("1521") && both.contains("25"), "{both}");

        let meets = script(
            &node,
            "meets",
            &format!(
                "grep -q 'both changed' \"$1\" && exit 0\n{other} set protocols.rip.port=1530 >/dev/null\nsed -i 's/port = 1521/port = 1540/' \"$1\"\n"
            ),
        )?;
        let done = edit(&node, &meets, &[], "y\ny\ny\n")?;
        let said = text(&done);
        assert!(done.status.success(), "{said}");
        assert!(said.contains("! both changed it, to different values"), "{said}");
        assert_eq!(router.command(&["get", PORT])?, "1540\n");

        // The same for a file that says from which revision it was made.
        let file = node.directory().join("mine.toml");
        std::fs::write(&file, "[protocols.rip]\nport = 1550\n")?;
        let name = file.display().to_string();
        let (refused, said) = router.attempt(&["apply", &name, "--if-revision", "1"])?;
        assert_eq!(refused.code(), Some(1));
        assert!(said.contains("protocols.rip.port"), "{said}");
        assert!(
            said.contains("nothing was changed: revision: this was said of revision 1"),
            "{said}"
        );
        // And any two configurations can be compared.
        let differs = router.command(&["diff", "1", &name])?;
        assert!(differs.contains("-port = 1520\n+port = 1550\n"), "{differs}");
        let itself = format!("unix:{}", node.directory().join("waypost.sock").display());
        assert_eq!(router.command(&["diff", "running", &itself])?, "no difference\n");
        Ok(())
    });
}
