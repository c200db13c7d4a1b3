//! Networks of RIP routers: built, disturbed, and compared with what RIP must make of them.

pub mod disturbance;
pub mod expectation;
pub mod mutant;
pub mod network;
pub mod scenario;

pub use disturbance::{Disturbance, disturb};
pub use expectation::{Expectation, Reached};
pub use network::{NetworkPlan, RipNetwork};
pub use scenario::{Scenario, run_seed};

pub use crate::run::{Failure, Report};
