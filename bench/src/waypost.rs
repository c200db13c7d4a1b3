//! The real daemon in a lab, and a connection to it.

use std::path::PathBuf;

use anyhow::{Context, Result};
use waypost_api::client::Client;
use waypost_api::{ChangeRequest, EditRequest, SetRequest};
use waypost_manager::Applied;
use waypost_testkit::{Make, Node, Router};

/// A daemon with a connection that stays open.
pub(crate) struct Waypost {
    /// The daemon.
    pub(crate) router: Router,
    client: Client,
}

impl Waypost {
    /// Starts the daemon on a node; its state lies in the node's directory.
    pub(crate) fn start(node: &Node, configuration: &str) -> Result<Self> {
        let router = Router::start(node, Make::Waypost, configuration)?;
        let client = Client::connect(socket(node)).context("connecting to the daemon")?;
        Ok(Self { router, client })
    }

    /// Applies edits through the connection; returns when they are acknowledged.
    pub(crate) fn apply(&mut self, edits: Vec<EditRequest>) -> Result<Applied> {
        self.send(&ChangeRequest {
            edits: Some(edits),
            ..ChangeRequest::default()
        })
    }

    /// The same with a request made before.
    pub(crate) fn send(&mut self, request: &ChangeRequest) -> Result<Applied> {
        Ok(self.client.post("/v1/apply", request)?)
    }
}

/// The socket of the daemon of a node.
pub(crate) fn socket(node: &Node) -> PathBuf {
    node.directory().join("waypost.sock")
}

/// The edit that sets a number at a path.
pub(crate) fn set(path: String, value: u32) -> EditRequest {
    EditRequest::Set(SetRequest {
        path,
        value: value.into(),
        typed: None,
    })
}
