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
        /// A note for the history
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Show how a file or an earlier revision differs from the configuration in force
    Diff {
        /// A file (- reads standard input) or a revision's number; ./7 is the file of that name
        #[arg(value_name = "FILE|REVISION", add = ArgValueCompleter::new(completion::file_or_revision))]
        other: String,
    },
    /// Return to an earlier revision, as a new one
    #[command(
        after_help = "Examples:\n  waypost show revisions\n  waypost rollback 41 --plan\n  waypost rollback 41 --note 'metric was wrong'"
    )]
    Rollback {
        /// Its number, as `show revisions` has it
        #[arg(add = ArgValueCandidates::new(completion::revisions), value_parser = clap::value_parser!(u64).range(1..))]
        revision: u64,
        /// Plan or do, and the note
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

/// How a change is made.
#[derive(Debug, Args)]
pub(crate) struct Change {
    /// Say what would happen; change nothing
    #[arg(long)]
    pub(crate) plan: bool,
    /// A note for the history
    #[arg(long, value_name = "TEXT", conflicts_with = "plan")]
    pub(crate) note: Option<String>,
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
    fn a_note_makes_no_sense_for_a_plan() {
        let parsed = Arguments::try_parse_from(["waypost", "set", "a=1", "--plan", "--note", "x"]);
        assert_eq!(
            parsed.unwrap_err().kind(),
            clap::error::ErrorKind::ArgumentConflict
        );
    }
}
