//! A daemon in the test's namespace, and its client.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use waypost_api::client::{Client, ClientError};
use waypost_api::{Phase, StatusAnswer};
use waypost_routprot::Refusal;
use waypost_testkit::wait_for;

/// Nothing that these tests wait for takes so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a test in a namespace with the interfaces `eth0`, `eth1` and `eth2`, at whose far ends nobody listens.
pub(crate) fn isolated(test: impl FnOnce() + Send) {
    waypost_testkit::isolated(|| {
        for number in 0..3 {
            ip(&format!("link add eth{number} type veth peer name far{number}"));
            ip(&format!("link set far{number} up"));
            ip(&format!("link set eth{number} up"));
            ip(&format!("address add 10.0.{number}.1/24 dev eth{number}"));
        }
        test();
    })
    .unwrap();
}

/// Runs `ip` in the thread's namespace and returns what it says.
pub(crate) fn ip(arguments: &str) -> String {
    let output = Command::new("ip")
        .args(arguments.split_whitespace())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// A command that does not outlive the thread that starts it, whatever ends that.
pub(crate) fn mortal(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// Where a daemon lives: its state, its socket and its log.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    pub(crate) state: PathBuf,
    pub(crate) socket: PathBuf,
    log: PathBuf,
    /// The process whose mount namespace the daemon enters first.
    mounts: Option<u32>,
}

impl Home {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            state: folder.join("state"),
            socket: folder.join("waypost.sock"),
            log: folder.join("log"),
            mounts: None,
        }
    }

    /// With the mounts that another process sees.
    pub(crate) fn in_mounts_of(self, process: u32) -> Self {
        Self {
            mounts: Some(process),
            ..self
        }
    }

    fn command(&self) -> Command {
        let daemon = env!("CARGO_BIN_EXE_waypostd");
        let mut command = match self.mounts {
            None => mortal(daemon),
            Some(process) => {
                let mut command = mortal("nsenter");
                command.arg(format!("--mount=/proc/{process}/ns/mnt")).arg(daemon);
                command
            }
        };
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        command
            .arg("--state-dir")
            .arg(&self.state)
            .arg("--socket")
            .arg(&self.socket)
            .args(["--log", "info", "--log-to", "stderr"])
            // A fast disk takes more transactions than are kept by default, and tests look at old ones.
            .args(["--history", "1000000"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        command
    }

    /// What daemons have logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Starts a daemon that should not come up, and returns how it ended and what it said.
    pub(crate) fn start_in_vain(&self) -> (ExitStatus, String) {
        let before = self.log().len();
        let mut child = self.command().spawn().unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return (status, self.log().split_off(before));
            }
            if Instant::now() > deadline {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("the daemon runs:\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A daemon that runs. It is killed when this is dropped.
pub(crate) struct Daemon {
    pub(crate) home: Home,
    child: Child,
}

impl Daemon {
    /// Starts one and waits until it is up.
    pub(crate) fn start(home: &Home) -> Self {
        let mut daemon = Self {
            home: home.clone(),
            child: home.command().spawn().unwrap(),
        };
        let up = wait_for(PATIENCE, "the daemon to come up", || {
            if let Some(status) = daemon.child.try_wait().unwrap() {
                return Err(format!("it ended: {status}"));
            }
            let mut client = Client::connect(&home.socket).map_err(|error| error.to_string())?;
            let status = client.get::<StatusAnswer>("/v1/status");
            match status.map_err(|error| error.to_string())?.daemon {
                daemon if daemon.phase == Phase::Running => Ok(()),
                daemon => Err(format!("{:?}", daemon.phase)),
            }
        });
        up.unwrap_or_else(|error| panic!("{error}\n{}", home.log()));
        daemon
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.home.socket).unwrap()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // It may have ended by itself, which the test finds out by other means.
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Fails the test if the daemon has ended.
    pub(crate) fn assert_alive(&mut self) {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "{ended:?}\n{}", self.home.log());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.end();
    }
}

/// All that can be seen of a router's configuration.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    /// The configuration as text.
    pub(crate) text: String,
    pub(crate) tree: Value,
    /// The revisions, newest first.
    pub(crate) revisions: Vec<Value>,
}

/// Looks, and makes sure that what is stored, what is written as text and what the protocols say is one and the same.
pub(crate) fn look(client: &mut Client) -> Seen {
    let tree: Value = client.get("/v1/config").unwrap();
    let protocols: Value = client.get("/v1/config?source=protocols").unwrap();
    assert_eq!(tree, protocols, "protocols do something else than is configured");
    let text = client.get_text("/v1/config.toml").unwrap();
    assert_eq!(waypost_api::parse_toml(&text).unwrap(), tree);
    let revisions = client.get("/v1/revisions?limit=1000").unwrap();
    Seen {
        text,
        tree,
        revisions,
    }
}

/// A request for `/v1/apply` that sets options.
pub(crate) fn setting(options: &[(&str, Value)]) -> Value {
    let edits = options
        .iter()
        .map(|(path, value)| json!({ "set": { "path": path, "value": value } }));
    json!({ "edits": edits.collect::<Vec<_>>() })
}

pub(crate) fn apply(client: &mut Client, request: &Value) -> Result<Value, Vec<Refusal>> {
    match client.post("/v1/apply", request) {
        Ok(applied) => Ok(applied),
        Err(ClientError::Refused(refusals)) => Err(refusals),
        Err(error) => panic!("{error}"),
    }
}
