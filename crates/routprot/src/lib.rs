//! The routing protocol interface: what a router manager and a routing protocol say to each other.
//!
//! It is the interface published for Windows RRAS in `routprot.h`, one method of [`RoutingProtocol`] for each documented
//! callback, in Rust types. Three additions, which a protocol written in C may lack: [`RoutingProtocol::prepare_interface_info`]
//! (with its global twin) states what a change would do before it is made, [`RoutingProtocol::describe`] gives the
//! protocol's configuration a schema and a text form, and [`RoutingProtocol::show`] answers in structured form.
//!
//! Two rules hold everywhere. A block's bytes belong to the protocol: nobody else reads them. And a protocol validates
//! everything before it changes anything, so that a refusal leaves the old configuration in force, bit for bit.

mod block;
mod buffer;
mod codec;
pub mod conformance;
mod event;
mod impact;
mod interface;
mod layout;
mod mistakes;
mod protocol;
mod registration;
pub mod router_blocks;
mod status;
mod support;

pub use block::InfoBlock;
pub use buffer::{InfoBuffer, OutputBuffer, read_info, read_output};
pub use codec::{
    BlockConfig, ConfigurationCodec, Scope, TypedCodec, all_mistakes, no_such_policy, option_names,
    parse_text, suggestion,
};
pub use event::{Event, UpdateComplete, UpdateKind};
pub use impact::{Impact, OptionChange, Prepared, option_changes};
pub use interface::{AdapterBinding, InterfaceIdentity, InterfaceStatus, InterfaceType, LocalBinding};
pub use layout::{Layout, WAYPOST_MAGIC, WaypostHeader};
pub use mistakes::{mistakes, shown_value};
pub use protocol::{
    MfeStatus, NeighborFlags, ReportArguments, RoutingProtocol, TROUBLES, Topic, no_such_report,
};
pub use registration::{Functionality, MS_ROUTER_VERSION, RoutingCharacteristics, check_registration};
pub use status::{Refusal, Status};
pub use support::{NotificationEvent, ReceiveType, SupportFunctions};
