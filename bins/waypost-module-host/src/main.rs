//! Runs one module of Waypost in a process of its own: started by `waypostd`, which is at the other end of its standard input.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use waypost_routprot_abi::{Object, Privileges, WITH_TABLE, confine, serve, take_standard_output};

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let path = arguments.next();
    let privileges = arguments
        .next()
        .and_then(|given| Privileges::from_argument(&given));
    let (path, privileges, with_table) = match (path, privileges, arguments.next(), arguments.next()) {
        (Some(path), Some(privileges), None, None) => (path, privileges, false),
        (Some(path), Some(privileges), Some(with), None) if with == WITH_TABLE => (path, privileges, true),
        _ => bail!(
            "waypostd starts this program with the file of a module; to try a module, use `waypost module check`"
        ),
    };
    let memory = take_standard_output()?;
    let object = Object::read(PathBuf::from(path));
    confine(privileges).context("the process cannot be confined")?;
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    serve(UnixStream::from(socket), &memory, with_table, object).context("speaking with waypostd failed")
}
