//! The page of a router in its namespace, at the same address of the machine.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use anyhow::{Context, Result, bail};
use waypost_testkit::{Node, Router, in_user_namespace};

/// Takes connections to the page's address here and carries them to the same address there, for as long as this process runs.
pub(crate) fn serve(node: &Node) -> Result<()> {
    if in_user_namespace() {
        bail!("without root the whole lab is in a namespace of its own");
    }
    let listener = TcpListener::bind(Router::PAGE).context(Router::PAGE)?;
    let node = node.clone();
    thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            // A connection that cannot be carried is closed: the browser says so.
            let Ok(Ok(far)) = node.inside(|| TcpStream::connect(Router::PAGE)) else {
                continue;
            };
            drop(carry(&near, &far));
        }
    });
    Ok(())
}

/// Both ways, each on a thread of its own, until either end has had enough.
fn carry(near: &TcpStream, far: &TcpStream) -> io::Result<()> {
    for (mut from, mut to) in [
        (near.try_clone()?, far.try_clone()?),
        (far.try_clone()?, near.try_clone()?),
    ] {
        thread::spawn(move || {
            drop(io::copy(&mut from, &mut to));
            drop(to.shutdown(Shutdown::Write));
        });
    }
    Ok(())
}
