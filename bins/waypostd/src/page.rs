//! The page, if there is to be one.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, ensure};
use waypost_api::client::page_file;
use waypost_api::{Server, UserName};
use waypost_page::{Behind, Limits, Page};

use crate::daemon::Running;
use crate::options::Options;

/// Where the page is to be served. It is not encrypted, so other machines reach it only if the operator says so.
pub(crate) fn address(options: &Options) -> Result<Option<SocketAddr>> {
    let Some(address) = options.page else {
        return Ok(None);
    };
    ensure!(
        address.ip().to_canonical().is_loopback() || options.page_beyond_loopback,
        "--page {address}: other machines reach this address, and the page is not encrypted; serve it at 127.0.0.1:{port} and \
         use a tunnel (ssh -L {port}:127.0.0.1:{port}), or say --page-beyond-loopback",
        port = address.port()
    );
    Ok(Some(address))
}

/// Serves the page. A router does not end for want of it: what is wrong is in the log and in the status.
pub(crate) fn serve(
    address: SocketAddr,
    socket: &Path,
    user_name: UserName,
    server: &Server,
    running: &Running,
) -> Option<Page> {
    let service = server.service();
    let behind: Behind = Arc::new(move |request, author| {
        let service = service.clone();
        Box::pin(async move { service.answer(request, &author).await })
    });
    let options = waypost_page::Options {
        address,
        url_file: page_file(socket),
        user_name,
        limits: Limits::default(),
    };
    match Page::start(options, behind) {
        Ok(page) => {
            let address = page.address();
            tracing::info!(%address, "the page is served; `waypost page` prints its address with the token");
            Some(page)
        }
        Err(error) => {
            tracing::error!("{error}");
            running.note(&error.to_string());
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn asked(arguments: &[&str]) -> Result<Option<SocketAddr>, String> {
        let options = Options::parse_from([&["waypostd"], arguments].concat());
        address(&options).map_err(|error| error.to_string())
    }

    #[test]
    fn other_machines_reach_it_only_when_that_is_said() {
        assert_eq!(asked(&[]), Ok(None));
        for own in [
            "127.0.0.1:8480",
            "[::1]:8480",
            "127.9.9.9:1",
            "[::ffff:127.0.0.1]:80",
        ] {
            assert_eq!(asked(&["--page", own]), Ok(Some(own.parse().unwrap())), "{own}");
        }
        for reached in [
            "0.0.0.0:8480",
            "192.0.2.1:8480",
            "[::]:8480",
            "[2001:db8::1]:8480",
        ] {
            let said = asked(&["--page", reached]).unwrap_err();
            assert!(said.starts_with(&format!("--page {reached}: ")), "{said}");
            assert!(said.contains("--page-beyond-loopback"), "{said}");
            let told = asked(&["--page", reached, "--page-beyond-loopback"]);
            assert_eq!(told, Ok(Some(reached.parse().unwrap())));
        }
    }
}
