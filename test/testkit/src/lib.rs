//! Labs: routers of several makes on links of their own, in network namespaces, watched from outside.
//!
//! A [`Lab`] owns everything: a [`Node`] is a network namespace, links are veth pairs or bridges, and a [`Router`] runs
//! Waypost, FRR or BIRD on a node. What is seen is what the kernel says: [`Node::fib`] reads its routes, a [`RouteFeed`]
//! records every change of them, a [`Ping`] counts the packets that got through. None of these uses code of the routers
//! under test.
//!
//! ```no_run
//! use std::time::Duration;
//! use waypost_testkit::{Lab, Make, Router};
//!
//! # fn main() -> anyhow::Result<()> {
//! waypost_testkit::gain_privileges()?;
//! let lab = Lab::new("two routers")?;
//! let (r1, r2) = (lab.node("r1")?, lab.node("r2")?);
//! lab.link((&r1, "eth0", "10.0.12.1/24"), (&r2, "eth0", "10.0.12.2/24"))?;
//! lab.stub(&r2, "lan0", "10.2.0.1/24")?;
//! let _first = Router::start(&r1, Make::Frr, "router rip\n network eth0\n")?;
//! let _second = Router::start(&r2, Make::Frr, "router rip\n network eth0\n network lan0\n")?;
//! r1.wait_for_route("10.2.0.0/24", &["10.0.12.2"], Duration::from_secs(15))?;
//! # Ok(())
//! # }
//! ```
//!
//! # Cleaning up
//!
//! The processes of a lab live in a PID namespace whose first process, the anchor, ends when the pipe to the process that
//! made the lab breaks. The kernel then ends all the others. So a lab is gone however its maker ends: by dropping it, by
//! a panic, by Ctrl-C, by `kill -9`. Network namespaces have no names and go with the last descriptor. Nothing has to be
//! looked for and swept, so nothing foreign can be swept by mistake.

mod anchor;
mod browser;
mod feed;
mod fib;
mod hellos;
mod lab;
mod node;
mod ping;
mod privileges;
mod process;
mod router;
mod tap;
mod wait;

pub use browser::{Browser, Look};
pub use feed::{Change, Gap, RouteFeed};
pub use fib::{Hop, Route, describe};
pub use hellos::Hellos;
pub use lab::{Lab, run, run_beside_others};
pub use node::{Node, Wire};
pub use ping::{Loss, Ping};
pub use privileges::{gain_privileges, in_user_namespace, isolated};
pub use process::Process;
pub use router::{Make, Router};
pub use tap::{Tap, Tapped};
pub use wait::wait_for;
