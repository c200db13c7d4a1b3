//! The page: the router in a browser, and the gate in front of it.
//!
//! Every user of the machine, and every site that an operator's browser visits, reaches a port of the loopback interface. So
//! nobody is let in for being there. The daemon draws a token when it starts and writes it into a file that only its own user
//! may read; who has it exchanges it for a session, which a cookie names. Before that, a request must be for the address that
//! it came in at (a name that an attacker points there is another one), and what changes anything must come from the page
//! itself. What the page shows is what the management API answers, behind the same gate.
//!
//! [`Page`] serves; who it lets in is decided apart from sockets, in `gate`, `head`, `sessions` and `throttle`. The page itself
//! is in `assets/`: HTML, CSS and modules of JavaScript as they are sent, without anything built or fetched.

mod assets;
mod connections;
mod denial;
mod gate;
mod head;
mod server;
mod sessions;
mod throttle;
mod url_file;
mod visitor;

pub use server::{Behind, Limits, Options, Page, StartError, UserName};
