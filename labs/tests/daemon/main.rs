//! The daemon itself on a hostile machine: what it must survive, refuse and say.

mod beacon;
mod churn;
mod claim;
mod kernel;
mod modules;
mod network;
mod policy;
mod recursion;
mod resources;
mod rip_module;
mod stopping;
