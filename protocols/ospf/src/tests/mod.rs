//! Routers against each other, in virtual time.

mod adjacency;
mod bench;
mod flooding;
mod grace;
mod hostile;
mod lab;
mod mib;
mod moving;
mod nssa;
mod restart;
mod router_information;
mod routing;
mod stub_router;
mod switches;
mod virtual_links;
