//! `waypost page`: where the page is.

use std::io::ErrorKind;
use std::path::Path;

use waypost_api::client::page_file;
use waypost_routprot::{Refusal, Status};

use crate::fault::Fault;

/// The address of the page of the daemon behind a socket, with the token in it.
pub(crate) fn url(socket: &Path) -> Result<String, Fault> {
    let file = page_file(socket);
    let name = file.display();
    match std::fs::read_to_string(&file) {
        Ok(text) => Ok(text.trim_end().to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Fault::refused(Refusal::new(
            Status::ERROR_NOT_FOUND,
            format!("there is no {name}: start waypostd with --page 127.0.0.1:8480 to have a page"),
        ))),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(Fault::refused(Refusal::new(
            Status::ERROR_ACCESS_DENIED,
            format!("only root and the user of the daemon may read {name}"),
        ))),
        Err(error) => Err(Fault::file(&file, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_in_a_file_beside_the_socket() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("waypost.sock");
        let missing = url(&socket).unwrap_err().to_string();
        assert!(
            missing.contains("waypost.page: start waypostd with --page"),
            "{missing}"
        );
        std::fs::write(
            directory.path().join("waypost.page"),
            "http://127.0.0.1:8480/#token=1\n",
        )
        .unwrap();
        assert_eq!(url(&socket).unwrap(), "http://127.0.0.1:8480/#token=1");
    }
}
