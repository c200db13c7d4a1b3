//! The daemon, as the commands see it: questions and answers as JSON.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use waypost_api::Snapshot;
use waypost_api::client::{Client, ClientError};

use crate::fault::Fault;

/// A connection, opened by the first question.
pub(crate) struct Router {
    socket: PathBuf,
    client: Option<Client>,
    timeout: Option<Duration>,
}

impl Router {
    /// The daemon behind a socket.
    pub(crate) fn at(socket: &Path) -> Self {
        Self {
            socket: socket.to_owned(),
            client: None,
            timeout: None,
        }
    }

    /// How long answers are waited for, instead of as long as the daemon gives itself.
    pub(crate) const fn within(mut self, timeout: Option<Duration>) -> Self {
        self.timeout = timeout;
        self
    }

    /// That the next answers take up to this long is no surprise, unless the operator has said how long to wait.
    pub(crate) fn expect_within(&mut self, usual: Duration) {
        self.timeout = self.timeout.or(Some(usual));
    }

    fn client(&mut self) -> Result<&mut Client, Fault> {
        let client = match self.client.take() {
            Some(client) => client,
            None => Client::connect(&self.socket).map_err(fault)?,
        };
        let client = self.client.insert(client);
        if let Some(timeout) = self.timeout {
            client.set_timeout(timeout);
        }
        Ok(client)
    }

    /// What is at a path such as `/v1/status`.
    pub(crate) fn get(&mut self, path: &str) -> Result<Value, Fault> {
        self.client()?.get(path).map_err(fault)
    }

    /// What is at a path whose answer is text, such as `/v1/config.toml`.
    pub(crate) fn text(&mut self, path: &str) -> Result<String, Fault> {
        self.client()?.get_text(path).map_err(fault)
    }

    /// The answer to a request with a body.
    pub(crate) fn post(&mut self, path: &str, body: &impl Serialize) -> Result<Value, Fault> {
        self.client()?.post(path, body).map_err(fault)
    }

    /// The state now and after every change, until `news` breaks.
    pub(crate) fn watch(&mut self, news: impl FnMut(Snapshot) -> ControlFlow<()>) -> Result<(), Fault> {
        self.client()?.watch(news).map_err(fault)
    }
}

fn fault(error: ClientError) -> Fault {
    match error {
        ClientError::NoDaemon { path, cause } => Fault::NoDaemon {
            socket: path,
            error: cause,
        },
        ClientError::Silent { path, .. } => Fault::NoDaemon {
            socket: path,
            error: std::io::ErrorKind::TimedOut.into(),
        },
        ClientError::Refused(refusals) => Fault::Refused(refusals),
        ClientError::Protocol(reason) => Fault::Strange(reason),
    }
}
