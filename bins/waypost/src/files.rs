//! The files that commands name; `-` is standard input or output.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::fault::Fault;

/// What a file to read is called in messages.
pub(crate) fn name(file: &Path) -> Cow<'_, str> {
    if is_standard(file) {
        "standard input".into()
    } else {
        file.to_string_lossy()
    }
}

/// A file to read piece by piece, and how many octets it has, if that can be told.
pub(crate) fn open(file: &Path) -> Result<(Box<dyn Read>, Option<u64>), Fault> {
    if is_standard(file) {
        return Ok((Box::new(io::stdin().lock()), None));
    }
    let opened = File::open(file).map_err(|error| Fault::file(file, &error))?;
    let metadata = opened.metadata().ok().filter(std::fs::Metadata::is_file);
    Ok((Box::new(opened), metadata.map(|metadata| metadata.len())))
}

/// All octets of a file.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, Fault> {
    let mut octets = Vec::new();
    let read = if is_standard(file) {
        io::stdin().lock().read_to_end(&mut octets)
    } else {
        File::open(file).and_then(|mut file| file.read_to_end(&mut octets))
    };
    read.map(|_| octets)
        .map_err(|error| Fault::file(Path::new(&*name(file)), &error))
}

/// Makes octets the contents of a file, which only its owner can read if it is a new one.
pub(crate) fn write(file: &Path, octets: &[u8]) -> Result<(), Fault> {
    if is_standard(file) {
        let mut out = io::stdout().lock();
        if out.is_terminal() {
            let reason = "octets make no sense on a terminal: name a file, or send them to another program";
            return Err(Fault::Usage(reason.to_owned()));
        }
        return out
            .write_all(octets)
            .and_then(|()| out.flush())
            .map_err(Fault::Output);
    }
    let opened = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file);
    opened
        .and_then(|mut file| file.write_all(octets))
        .map_err(|error| Fault::file(file, &error))
}

fn is_standard(file: &Path) -> bool {
    file.as_os_str() == "-"
}
