//! The fuzz targets.
//!
//! A target takes octets from anywhere and panics when a law is broken; that nothing else panics on the way is one of the
//! laws. `fuzz/` hands them octets of libFuzzer's, and the tests of this crate those of the saved corpora and mutations of
//! them, so that plain `cargo test` keeps what fuzzing once found.
//!
//! The laws stand in functions that take the parser to be judged, so that the tests can also show that a faulty parser breaks
//! them.

pub mod block;
pub mod block_key;
pub mod config_text;
pub mod dump;
pub mod engine;
pub mod info_header;
mod mutation;
pub mod netlink;
pub mod ospf;
mod ospf_seeds;
pub mod packet;
mod script;
pub mod seeds;

pub use mutation::mutate;
pub use script::Script;
use waypost_routprot_abi::fuzzing as modules;

/// A fuzz target: its name, which is also that of its binary and corpus, and what it does.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name.
    pub name: &'static str,
    /// Panics when the octets show a fault.
    pub run: fn(&[u8]),
    /// Valid input to start from.
    pub seeds: fn() -> Vec<seeds::Seeded>,
}

macro_rules! targets {
    ($($name:ident = $run:expr, $seeds:expr;)*) => {
        $(
            #[doc = concat!("The target `", stringify!($name), "`: panics when the octets show a fault.")]
            pub fn $name(octets: &[u8]) {
                $run(octets);
            }
        )*

        /// Every target.
        pub const TARGETS: &[Target] = &[
            $(Target { name: stringify!($name), run: $name, seeds: $seeds },)*
        ];
    };
}

targets! {
    ospf_packet = ospf::run, ospf_seeds::packets;
    ospf_block_interface = block::judge::<waypost_ospf::config::InterfaceConfig>, ospf_seeds::interface_blocks;
    ospf_block_global = block::judge::<waypost_ospf::config::GlobalConfig>, ospf_seeds::global_blocks;
    rip_packet = packet::run, seeds::rip_packets;
    rip_block_interface = block::judge::<waypost_rip::config::InterfaceConfig>, seeds::rip_interface_blocks;
    rip_block_global = block::judge::<waypost_rip::config::GlobalConfig>, seeds::rip_global_blocks;
    static_block_interface = block::judge::<waypost_static::config::InterfaceConfig>, seeds::static_interface_blocks;
    static_block_global = block::judge::<waypost_static::config::GlobalConfig>, seeds::static_global_blocks;
    info_header = info_header::run, seeds::info_headers;
    netlink = netlink::run, seeds::netlink_buffers;
    dump_text = dump::text, seeds::dump_lines;
    dump_mrt = dump::mrt, seeds::dump_files;
    config_text = config_text::run, seeds::config_texts;
    block_key = block_key::run, seeds::block_keys;
    module_frame = modules::frame, modules::frames;
    module_question = modules::question, modules::questions;
    module_server = modules::server, modules::conversations;
    ospf_engine = engine::ospf::run, ospf_seeds::scripts;
    rip_engine = engine::rip::run, seeds::rip_scripts;
    static_engine = engine::statics::run, seeds::static_scripts;
}

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
