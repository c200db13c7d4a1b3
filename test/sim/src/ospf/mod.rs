//! Networks of OSPF routers: built, disturbed, and compared with what OSPF must make of them.

pub mod disturbance;
pub mod expectation;
pub mod network;
pub mod scenario;

pub use disturbance::{Disturbance, disturb};
pub use expectation::Expectation;
pub use network::{NetworkPlan, OspfNetwork};
pub use scenario::{Scenario, run_seed};
