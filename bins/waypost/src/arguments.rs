//! The command line as clap reads it.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter};

use crate::completion;
use crate::ospf;

/// Where the daemon listens unless told otherwise.
pub(crate) const SOCKET: &str = "/run/waypost/waypost.sock";

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "\
Examples:
  waypost show neighbors
  waypost set interfaces.eth0.rip.metric=3 --plan    say what it would do
  waypost set interfaces.eth0.rip.metric=3           do it
  waypost rollback 41                                undo it
  waypost explain 10.1.2.3                           why packets go where they go

Exit codes:
  0  done
  1  refused; the reasons are on standard error
  2  the command line makes no sense
  3  no daemon answers

Completion (bash; zsh, fish, elvish and powershell alike):
  source <(COMPLETE=bash waypost)";

/// The command line of the Waypost router.
#[derive(Debug, Parser)]
#[command(
    name = "waypost",
    version,
    about = "Look at and change a running Waypost router",
    after_help = EXAMPLES,
    styles = STYLES,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct Arguments {
    /// The daemon's socket
    #[arg(
        long,
        global = true,
        help_heading = "Global options",
        value_name = "PATH",
        env = "WAYPOST_SOCKET",
        default_value = SOCKET,
        value_hint = ValueHint::FilePath
    )]
    pub(crate) socket: PathBuf,
    /// Print JSON, refusals on standard error too
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// How long to wait for an answer, instead of a little longer than the daemon gives itself
    #[arg(
        long,
        global = true,
        help_heading = "Global options",
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=86_400)
    )]
    pub(crate) timeout: Option<u64>,
    /// Use colours; NO_COLOR in the environment turns them off where the terminal would decide
    #[arg(
        long,
        global = true,
        help_heading = "Global options",
        value_name = "WHEN",
        default_value = "auto"
    )]
    pub(crate) color: When,
    /// What to do
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the state of the router
    #[command(
        subcommand,
        after_help = "Examples:\n  waypost show routes 10.1.2.3\n  waypost show config interfaces.eth0 --json"
    )]
    Show(Show),
    /// Print the configured value of an option, or a table, and nothing else
    #[command(
        after_help = "Examples:\n  waypost get interfaces.eth0.rip.metric\n  waypost get protocols.rip"
    )]
    Get {
        /// Such as interfaces.eth0.rip.metric; quote parts with dots: 'interfaces."eth0.100".rip'
        #[arg(add = ArgValueCompleter::new(completion::configured_path))]
        path: String,
    },
    /// Set options of the running router, all or none
    #[command(after_help = "\
Values are TOML (3, true, \"text\", [\"a\", \"b\"]); anything else is text, so quotes are rarely needed.

Examples:
  waypost set protocols.rip={}                                    start RIP
  waypost set interfaces.eth0.rip.metric=3 interfaces.eth1.rip.passive=true
  waypost set 'interfaces.eth0.rip.accept-filter=[{ deny = \"10.0.0.0/8 le 32\" }]' --plan")]
    Set {
        /// An option's path and its new value
        #[arg(required = true, value_name = "PATH=VALUE", add = ArgValueCompleter::new(completion::assignment))]
        assignments: Vec<String>,
        /// Plan or do, and the note
        #[command(flatten)]
        change: Change,
    },
    /// Unset options or whole tables of the running router, all or none
    #[command(
        after_help = "Examples:\n  waypost unset interfaces.eth0.rip.metric      back to the default\n  waypost unset interfaces.eth0.rip             RIP leaves eth0"
    )]
    Unset {
        /// Their paths
        #[arg(required = true, value_name = "PATH", add = ArgValueCompleter::new(completion::configured_path))]
        paths: Vec<String>,
        /// Plan or do, and the note
        #[command(flatten)]
        change: Change,
    },
    /// Open the configuration in an editor, say what the changes would do, ask, and apply them
    #[command(after_help = "\
The editor is $VISUAL, $EDITOR or vi. If somebody else changes the configuration meanwhile, nothing of theirs is lost: what both have changed is shown, and what does not meet can be applied on top of theirs.

Examples:
  waypost edit
  waypost edit --confirm-within 2m --note 'new uplink'")]
    Edit {
        /// Apply without asking
        #[arg(long, short)]
        yes: bool,
        /// On trial, and the note
        #[command(flatten)]
        terms: Terms,
    },
    /// Say what applying a file would do; change nothing
    Plan {
        /// A whole configuration as TOML; - reads standard input
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Make a file the whole configuration of the running router
    #[command(
        after_help = "Examples:\n  waypost show config > router.toml; $EDITOR router.toml; waypost apply router.toml\n  ssh old-router waypost show config | waypost apply - --note 'as on the old router'"
    )]
    Apply {
        /// A whole configuration as TOML; - reads standard input
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Plan or do, on trial or not, and the note
        #[command(flatten)]
        change: Change,
        /// Only if this revision is in force still: nobody else has changed anything since; 0 before the first
        #[arg(long, value_name = "REVISION", conflicts_with = "plan")]
        if_revision: Option<u64>,
    },
    /// Check a file without a router: what is wrong with it, where, and what would be right
    #[command(after_help = "\
Values, names and contradictions are found as when the file is applied; waypostd, which knows the protocols, must be installed and need not run. `waypost plan FILE` says what applying it would do to the running router.

Exit status: 0 nothing is wrong, 1 something is.

Example:
  waypost check router.toml")]
    Check {
        /// A whole configuration as TOML; - reads standard input
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Where the records of modules are, if not where the daemon looks for them
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        modules: Option<PathBuf>,
    },
    /// Take away a change that waits for its time (--at), or was refused when it had come
    #[command(
        after_help = "Examples:\n  waypost set interfaces.eth0.ospf.hello-interval=5 --at 22:30\n  waypost show schedule\n  waypost cancel 1"
    )]
    Cancel {
        /// Its number, as `show schedule` has it
        id: u64,
    },
    /// Translate the configuration of another router: ours goes to standard output, what could not be translated is listed
    #[command(after_help = "\
Every line that is not in the result is listed with its number and the reason. The exit code is 0 all the same: read the
list, then check and plan what came out.

Examples:
  waypost import frr /etc/frr/frr.conf > router.toml
  waypost import bird /etc/bird/bird.conf > router.toml
  ip -j address > links.json
  vtysh -c 'show running-config' | waypost import frr - --addresses links.json > router.toml
  waypost check router.toml && waypost plan router.toml")]
    Import {
        /// Whose configuration it is
        #[arg(value_enum)]
        make: Make,
        /// The file; - reads standard input
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// What `ip -j address` prints on that router, for networks, neighbours and patterns of names
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        addresses: Option<PathBuf>,
    },
    /// Have the daemon read the file it was started with (--config) again, and apply what differs
    Reload,
    /// Keep the change that is on trial
    #[command(
        after_help = "Examples:\n  waypost apply router.toml --confirm-within 2m\n  waypost confirm\n  waypost rollback            take it back at once instead"
    )]
    Confirm {
        /// Only if this revision is the one on trial
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        revision: Option<u64>,
    },
    /// Show how two configurations differ
    #[command(after_help = "\
A configuration is the number of a revision (0: before the first), a file (- reads standard input, ./7 is the file of that name), `running`, or another router behind its socket: unix:/run/other/waypost.sock.

Examples:
  waypost diff router.toml          what applying the file would change
  waypost diff 41                   from what is in force to revision 41
  waypost diff 41 44
  waypost diff running unix:/run/b/waypost.sock")]
    Diff {
        /// From which one; what is in force if only the other is given
        #[arg(value_name = "CONFIGURATION", add = ArgValueCompleter::new(completion::file_or_revision))]
        first: String,
        /// To which one
        #[arg(value_name = "CONFIGURATION", add = ArgValueCompleter::new(completion::file_or_revision))]
        second: Option<String>,
    },
    /// Return to an earlier revision, as a new one; without a number, take back what is on trial
    #[command(
        after_help = "Examples:\n  waypost show revisions\n  waypost rollback 41 --plan\n  waypost rollback 41 --note 'metric was wrong'"
    )]
    Rollback {
        /// Its number, as `show revisions` has it
        #[arg(add = ArgValueCandidates::new(completion::revisions), value_parser = clap::value_parser!(u64).range(1..))]
        revision: Option<u64>,
        /// Plan or do, on trial or not, and the note
        #[command(flatten)]
        change: Change,
    },
    /// Every candidate route to a destination, why the winner won, whether the kernel has it
    #[command(after_help = "Examples:\n  waypost explain 10.1.2.3\n  waypost explain 10.1.0.0/16")]
    Explain {
        /// An address or a prefix
        prefix: String,
    },
    /// Show the router live: redrawn on a terminal, one snapshot after the other otherwise
    Watch,
    /// Print where the router's page is, for a browser, with the token that signs in
    #[command(after_help = "\
The daemon serves a page when it is started with --page ADDRESS:PORT. The token is new at every start of the daemon and may do all that root may: only the user of the daemon can read it.

Examples:
  waypost page
  ssh -L 8480:127.0.0.1:8480 root@router waypost page     and open what it prints here")]
    Page,
    /// Routes asked of the neighbours once and kept as static ones
    #[command(subcommand)]
    Autostatic(Autostatic),
    /// Configuration as RRAS's programs have it: a container of the protocols' private blocks
    #[command(subcommand)]
    Blocks(Blocks),
    /// Whole routing tables from and into files
    #[command(subcommand)]
    Routes(Routes),
    /// Protocols in shared objects, for their authors
    #[command(subcommand)]
    Module(Module),
    /// What OSPF can be asked beside what it shows
    #[command(subcommand)]
    Ospf(ospf::Ospf),
    /// Prefix lists and route maps
    #[command(subcommand)]
    Policy(Policy),
    /// Every configuration option: what it takes and what it is for
    Schema {
        /// Only those of this protocol
        #[arg(add = ArgValueCandidates::new(completion::protocols))]
        protocol: Option<String>,
    },
    /// Write the manual pages into a directory
    #[command(hide = true)]
    Man {
        /// The directory; made if need be
        #[arg(value_hint = ValueHint::DirPath)]
        directory: PathBuf,
    },
}

/// Other routers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Make {
    /// FRR's integrated configuration: frr.conf, or what `show running-config` prints
    Frr,
    /// BIRD 2's configuration
    Bird,
}

/// How a change is made.
#[derive(Debug, Args)]
pub(crate) struct Change {
    /// Say what would happen; change nothing
    #[arg(long, visible_alias = "dry-run", conflicts_with_all = ["at", "confirm_within", "note"])]
    pub(crate) plan: bool,
    /// Make the change at this time: 22:30, 2026-11-30 22:30, 2026-11-30T22:30:00Z, or +5m from now. A restart does not lose it
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// On trial, and the note
    #[command(flatten)]
    pub(crate) terms: Terms,
}

/// On what terms a change is made.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Terms {
    /// Take it back unless `waypost confirm` comes within this time, such as 60s, 5m or 1h30m; a restart of the daemon counts
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub(crate) confirm_within: Option<u64>,
    /// A note for the history
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
}

/// A time as people write it, in whole seconds: `90`, `90s`, `1m30s`.
pub(crate) fn seconds(text: &str) -> Result<u64, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    let span: jiff::SignedDuration = text
        .parse()
        .map_err(|_| "not a time; write 60s, 5m or 1h30m".to_owned())?;
    if span.subsec_nanos() != 0 {
        return Err("whole seconds, please".to_owned());
    }
    u64::try_from(span.as_secs()).map_err(|_| "a time that is not negative, please".to_owned())
}

/// What to show.
#[derive(Debug, Subcommand)]
pub(crate) enum Show {
    /// The router at a glance
    Status,
    /// The interfaces of the kernel and those that configuration waits for
    Interfaces {
        /// Only this one, in full
        #[arg(add = ArgValueCandidates::new(completion::interfaces))]
        interface: Option<String>,
    },
    /// The routing protocols and how they do
    Protocols {
        /// Only this one, in full
        #[arg(add = ArgValueCandidates::new(completion::protocols))]
        protocol: Option<String>,
    },
    /// The neighbours of all protocols
    #[command(visible_alias = "neighbours")]
    Neighbors {
        /// Only those on this interface
        #[arg(add = ArgValueCandidates::new(completion::interfaces))]
        interface: Option<String>,
    },
    /// The routing table, or the routes that packets to an address or prefix would use
    Routes {
        /// An address or a prefix: its longest match
        prefix: Option<String>,
        /// Only destinations inside this prefix
        #[arg(long, value_name = "PREFIX", conflicts_with = "prefix")]
        within: Option<String>,
        /// Only routes of this owner: connected, static, rip, ...
        #[arg(long, value_name = "NAME", conflicts_with = "prefix")]
        owner: Option<String>,
        /// At most this many destinations
        #[arg(long, value_name = "NUMBER", conflicts_with = "prefix", value_parser = clap::value_parser!(u64).range(1..))]
        limit: Option<u64>,
    },
    /// The configuration in force, as TOML that `apply` takes
    Config {
        /// Only what is at this path
        #[arg(add = ArgValueCompleter::new(completion::configured_path))]
        path: Option<String>,
    },
    /// The history of the configuration, newest first
    Revisions {
        /// The configuration of this revision
        #[arg(add = ArgValueCandidates::new(completion::revisions), value_parser = clap::value_parser!(u64).range(1..))]
        revision: Option<u64>,
        /// At most this many
        #[arg(long, value_name = "NUMBER", default_value = "20", value_parser = clap::value_parser!(u64).range(1..=10_000))]
        limit: u64,
    },
    /// Changes that wait for their time (--at), and those that were refused when it had come
    Schedule,
    /// Counters of the routing table and of the protocols
    Counters,
    /// The protocols' own tables
    Database,
    /// What differs between the routing table and the kernel's, and since when
    #[command(
        after_help = "The kernel is read for it. Nothing listed means: every best route is in the kernel as the router thinks.\n\nExamples:\n  waypost show fib\n  waypost show fib --limit 1000 --json"
    )]
    Fib {
        /// List at most this many destinations
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
        limit: u64,
    },
    /// Prefix lists and route maps, and who uses them
    Policy {
        /// Only this one, in full
        #[arg(add = ArgValueCandidates::new(completion::policies))]
        name: Option<String>,
    },
    /// OSPF: its database, graph, shortest paths and calculations
    #[command(subcommand)]
    Ospf(ospf::Show),
}

/// What to do with whole routing tables.
#[derive(Debug, Subcommand)]
pub(crate) enum Routes {
    /// Put the routes of a file into the table, as routes of their own owner (netmgmt); gone when the daemon ends
    #[command(after_help = "\
A text file has a route a line: 10.0.0.0/8 via 192.0.2.1 dev eth0 metric 3. An MRT file (TABLE_DUMP_V2) has the
routes of a collector's peers: of each prefix the first is taken. Both may be packed with gzip or bzip2.

Examples:
  waypost routes load table.txt
  waypost routes load rib.20240101.0000.bz2 --via 192.0.2.1 --via 192.0.2.2 --limit 100000")]
    Load {
        /// The file; - reads standard input
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Where routes lead instead of their own next hops; several are used in turn, each next hop of the file always the same
        #[arg(long, value_name = "ADDRESS")]
        via: Vec<std::net::IpAddr>,
        /// At most this many destinations
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
        limit: Option<u64>,
    },
    /// Write the best routes of the table to a file, as text or, if its name ends in .mrt, as MRT
    #[command(
        after_help = "Examples:\n  waypost routes dump table.txt\n  waypost routes dump - --owner rip | sort"
    )]
    Dump {
        /// The file; - writes text to standard output
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Only routes of this owner: connected, static, rip, ...
        #[arg(long, value_name = "NAME")]
        owner: Option<String>,
    },
    /// Take all loaded routes out of the table again
    Unload,
}

/// What to do with policies.
#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Say what a policy makes of a route: which rule decides, why, and what it changes
    ///
    /// The route need not exist. What is not given of it is as `static` has it: metric 0, tag 0, no next hop.
    #[command(
        after_help = "Examples:\n  waypost policy test customers 10.1.0.0/16\n  waypost policy test upstream 10.1.0.0/16 --protocol rip --tag 5 --next-hop 192.0.2.1 --interface eth0"
    )]
    Test {
        /// The name of a prefix list or of a route map, as `show policy` has it
        #[arg(add = ArgValueCandidates::new(completion::policies))]
        name: String,
        /// The route's destination, such as 10.1.0.0/16
        prefix: String,
        /// Whose route it is: connected, static, rip, ospf, ... or a number
        #[arg(long, value_name = "NAME")]
        protocol: Option<String>,
        /// Its tag
        #[arg(long, value_name = "NUMBER")]
        tag: Option<u32>,
        /// Its metric
        #[arg(long, value_name = "NUMBER")]
        metric: Option<u32>,
        /// The address of its next hop
        #[arg(long, value_name = "ADDRESS")]
        next_hop: Option<std::net::IpAddr>,
        /// The interface that it goes out of
        #[arg(long, value_name = "IFNAME", add = ArgValueCandidates::new(completion::interfaces))]
        interface: Option<String>,
    },
}

/// What to do with containers of blocks (RTR_INFO_BLOCK_HEADER).
#[derive(Debug, Subcommand)]
pub(crate) enum Blocks {
    /// List the blocks of the router as a whole, or of an interface
    Show {
        /// The interface
        #[arg(add = ArgValueCandidates::new(completion::interfaces))]
        interface: Option<String>,
    },
    /// Write the container to a file, keys and passwords included
    #[command(
        after_help = "Examples:\n  waypost blocks export eth0.rtr --interface eth0\n  waypost blocks export -  | xxd"
    )]
    Export {
        /// The file, which only its owner can read afterwards; - writes standard output
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Of this interface rather than of the router as a whole
        #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(completion::interfaces))]
        interface: Option<String>,
    },
    /// Take over a container, all or nothing: its blocks are set, blocks without octets remove, others stay
    #[command(
        after_help = "Examples:\n  waypost blocks import eth0.rtr --interface eth0 --plan\n  waypost blocks import eth0.rtr --interface eth0 --note 'as on the old router'"
    )]
    Import {
        /// The file; - reads standard input
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// For this interface rather than for the router as a whole
        #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(completion::interfaces))]
        interface: Option<String>,
        /// Plan or do, and the note
        #[command(flatten)]
        change: Change,
    },
}

/// What to do with a module.
#[derive(Debug, Subcommand)]
pub(crate) enum Module {
    /// Run the conformance suite against a module and print what it found; needs no daemon
    ///
    /// Every case is a row of the interface's contract, tried on a fresh instance. The exit code is 1 if one failed.
    #[command(
        after_help = "Example:\n  waypost module check ./sample.so --blocks sample.check.toml\n\nThe file says what to try on the module, octets as hexadecimal digits, or options if the module describes them:\n  protocol = \"0x000000c8\"\n  global = \"1e000000 00000000\"\n  interface = [\"03000000 01000000 00000000\", { metric = 5 }]\n  invalid-interface = \"07000000 02000000 00000000\"\n  ignore-in-show = [\"beacons-sent\"]"
    )]
    Check {
        /// The shared object
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Blocks to try on it, as TOML
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        blocks: PathBuf,
        /// In this process instead of one of its own
        #[arg(long)]
        in_process: bool,
        /// Let its process keep this capability, as a record of a module may say; can be given more than once
        #[arg(long = "capability", value_name = "NAME", conflicts_with = "in_process")]
        capabilities: Vec<Capability>,
    },
}

/// What a module's process may be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Capability {
    /// Ports below 1024
    NetBindService,
    /// Raw and packet sockets
    NetRaw,
}

/// What to do with autostatic routes.
#[derive(Debug, Subcommand)]
pub(crate) enum Autostatic {
    /// Ask the neighbours on an interface for their routes and keep them in the place of those kept before
    #[command(after_help = "Example:\n  waypost autostatic update ppp0")]
    Update {
        /// Its name
        #[arg(add = ArgValueCandidates::new(completion::interfaces))]
        interface: String,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_holds() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn times() {
        for (text, expected) in [
            ("60", 60),
            ("60s", 60),
            ("5m", 300),
            ("1h30m", 5400),
            ("2 min", 120),
        ] {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for text in ["", "x", "-5s", "1.5s", "5 parsecs"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_note_makes_no_sense_for_a_plan() {
        let parsed = Arguments::try_parse_from(["waypost", "set", "a=1", "--plan", "--note", "x"]);
        assert_eq!(
            parsed.unwrap_err().kind(),
            clap::error::ErrorKind::ArgumentConflict
        );
    }
}
