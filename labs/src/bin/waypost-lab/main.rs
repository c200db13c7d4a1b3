//! `cargo xtask lab`: three routers in network namespaces, reconfigured, refused and killed while packets flow.

mod forward;
mod network;
mod page;
mod story;
mod view;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use anyhow::{Context, Result, bail};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use waypost_testkit::{Lab, Make, gain_privileges};

use crate::page::Page;

/// Three routers in network namespaces of their own, r1 - r2 - r3, each with a waypostd: they converge, an interface is
/// changed live while packets flow, a mistake is refused, a daemon is killed. Nothing of the machine's own network is touched.
#[derive(Parser)]
#[command(name = "waypost-lab", max_term_width = 100)]
struct Arguments {
    /// Leave the lab running at the end, until Ctrl-C, and print how to talk to it
    #[arg(long)]
    keep: bool,
}

/// What ends the lab.
enum End {
    Told(Result<()>),
    Interrupted,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match lab(&arguments) {
        Ok(code) => code,
        Err(error) => {
            Page::complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn lab(arguments: &Arguments) -> Result<ExitCode> {
    gain_privileges()?;
    if !Make::Waypost.is_installed() {
        bail!("there is no waypostd beside this program: run `cargo xtask lab`, which builds it");
    }
    let (send, end) = channel();
    // Before anything is made: a Ctrl-C that comes early is not lost.
    listen_to_signals(send.clone())?;
    let lab = Arc::new(Lab::new("the demonstration")?);
    let keep = arguments.keep;
    // Not joined: when the operator has had enough, the lab ends under it.
    thread::spawn({
        let lab = Arc::clone(&lab);
        move || drop(send.send(End::Told(story::tell(&lab, keep))))
    });
    let end = end.recv().context("the demonstration broke off")?;
    let code = match end {
        End::Told(Ok(())) => ExitCode::SUCCESS,
        End::Told(Err(error)) => {
            Page::complain(&lab.report());
            Page::complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
        End::Interrupted => {
            Page::complain("\ninterrupted; the routers and their namespaces are gone");
            ExitCode::from(130)
        }
    };
    lab.end();
    Ok(code)
}

/// A thread that waits for the signals that end the lab.
fn listen_to_signals(send: Sender<End>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let entered = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    drop(entered);
    thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
        });
        drop(send.send(End::Interrupted));
    });
    Ok(())
}
