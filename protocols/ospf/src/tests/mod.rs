//! Routers against each other, in virtual time.

mod adjacency;
mod flooding;
mod lab;
mod routing;
