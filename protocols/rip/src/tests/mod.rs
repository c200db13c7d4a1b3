//! Engines against each other and against made-up neighbours, in virtual time.

mod announcing;
mod authenticating;
mod converging;
mod lab;
mod lifecycle;
mod pacing;
mod policies;
mod queries;
mod receiving;
mod reconfiguring;
mod walking;
mod withdrawing;
