//! Where log lines go.

use std::io::IsTerminal;

use anyhow::{Context, Result};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::options::LogTarget;

pub(crate) fn start(filter: &str, target: LogTarget) -> Result<()> {
    let filter =
        EnvFilter::try_new(filter).with_context(|| format!("--log: '{filter}' is not a log filter"))?;
    // systemd says that the standard error stream is the journal's.
    let in_journal = std::env::var_os("JOURNAL_STREAM").is_some();
    let layer = match target {
        LogTarget::Auto if in_journal => tracing_journald::layer()
            .context("the journal cannot be reached")?
            .boxed(),
        LogTarget::Journal => tracing_journald::layer()
            .context("the journal cannot be reached")?
            .boxed(),
        LogTarget::Auto | LogTarget::Stderr => fmt::layer()
            .with_writer(std::io::stderr)
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .boxed(),
        LogTarget::Json => fmt::layer().json().with_writer(std::io::stderr).boxed(),
    };
    tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .init();
    Ok(())
}
