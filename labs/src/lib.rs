//! Waypost, FRR and BIRD against each other.
//!
//! Each lab is a test in `tests/`. Its routers are described once, as a [`RipPlan`], and the plan is written in the
//! language of whichever make runs on the node: so every lab runs with every pair of makes that can do what it is about.
//!
//! The labs need root, or unprivileged user namespaces, and Debian's packages `frr`, `bird2`, `iproute2` and `util-linux`.

mod plan;
mod write;

pub use plan::{Algorithm, Authentication, Key, RipInterface, RipPlan, Sending, StaticRoute};
