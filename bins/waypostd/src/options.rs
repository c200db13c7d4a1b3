//! The command line of the daemon.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use waypost_infobase::DEFAULT_HISTORY;

/// The Waypost router.
///
/// One daemon runs for each network namespace. Configuration is kept in the state directory: what a change was acknowledged
/// for is in force again after any restart. Talk to the daemon with `waypost`.
#[derive(Clone, Debug, Parser)]
#[command(name = "waypostd", version, after_help = AFTER)]
pub(crate) struct Options {
    /// Make this file the configuration: at start if it has changed since it was taken last, and at every SIGHUP. While it
    /// has not changed, what was changed otherwise stays in force over restarts.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Where configuration and its history are kept.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/waypost")]
    pub(crate) state_dir: PathBuf,

    /// The socket of the management API.
    #[arg(long, value_name = "PATH", default_value = "/run/waypost/waypost.sock")]
    pub(crate) socket: PathBuf,

    /// Members of this group may change the configuration, beside root.
    #[arg(long, value_name = "NAME", default_value = "waypost")]
    pub(crate) group: String,

    /// Refuse other users even read access: only root and the group can connect.
    #[arg(long)]
    pub(crate) private: bool,

    /// Serve the page, the router in a browser, at this address: 127.0.0.1:8480, or a port of [::1]. `waypost page` prints where
    /// it is and signs in.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) page: Option<SocketAddr>,

    /// Serve the page also at an address that other machines reach. It is not encrypted: whoever sees the packets can do what
    /// the operator can.
    #[arg(long, requires = "page")]
    pub(crate) page_beyond_loopback: bool,

    /// How long routes of an earlier life stay in the kernel for protocols to learn them again.
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    pub(crate) restart_time: Duration,

    /// How many revisions of the configuration are kept for `waypost rollback`.
    #[arg(long, value_name = "NUMBER", default_value_t = DEFAULT_HISTORY, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) history: u64,

    /// Where modules are installed: protocols in shared objects, each by a record NAME.toml.
    #[arg(long, value_name = "DIR", default_value = "/etc/waypost/modules")]
    pub(crate) modules: PathBuf,

    /// Write the gateways into each route, also where the kernel has nexthop objects.
    ///
    /// A failed next hop then costs one message a route, and our routes have metric 87 instead of 20.
    #[arg(long)]
    pub(crate) inline_gateways: bool,

    /// Check a configuration, - for standard input, and end: what is wrong with it is written to standard output as JSON.
    /// For people there is `waypost check`.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    pub(crate) check: Option<PathBuf>,

    /// What to log: error, warn, info, debug, trace, or a filter such as `info,waypost_host=debug`.
    #[arg(long, value_name = "FILTER", default_value = "info", env = "WAYPOST_LOG")]
    pub(crate) log: String,

    /// Where to log.
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) log_to: LogTarget,
}

const AFTER: &str = "\
Signals:
  SIGTERM, SIGINT  say good-bye to neighbours, remove the routes from the kernel, stop
  SIGUSR1          stop at once for a restart: the routes stay in the kernel, no packet is lost
  SIGHUP           make the file of --config the configuration again, changed or not

Exit status: 0 stopped as asked, 1 could not start or failed, or what was checked is not as it should be.";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogTarget {
    /// The journal when systemd started the daemon, the standard error stream otherwise.
    Auto,
    /// The journal.
    Journal,
    /// The standard error stream.
    Stderr,
    /// The standard error stream, a JSON object a line.
    Json,
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .map(Duration::from_secs)
        .map_err(|_| "not a number of seconds".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// The manual page is written by hand: no option may be missing in it, nor one be in it that there is not.
    #[test]
    fn the_manual_page_has_every_option() {
        let page = include_str!("../../../packaging/man/waypostd.8").replace("\\-", "-");
        let described: Vec<&str> = page
            .lines()
            .filter_map(|line| line.strip_prefix("\\fB--")?.split("\\fR").next())
            .collect();
        let command = Options::command();
        let options: Vec<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
        assert_eq!(described, options);
        let defaults = command.get_arguments().filter(|option| !option.is_hide_set());
        for option in defaults.filter(|option| !option.get_default_values().is_empty()) {
            let default = option.get_default_values()[0].to_string_lossy();
            let section = page
                .split(&format!("\n\\fB--{}\\fR", option.get_long().unwrap()))
                .nth(1)
                .unwrap();
            let section = section.split(".TP").next().unwrap();
            assert!(
                section.contains(&format!("Default {default}"))
                    || section.contains(&format!("Default \\fB{default}\\fR"))
                    || section.contains(&format!("Default \\fI{default}\\fR")),
                "{default}: {section}"
            );
        }
    }
}
