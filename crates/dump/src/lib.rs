//! Routing tables as files: the MRT format of BGP collectors (RFC 6396, RFC 8050) and a plain text form.
//!
//! Both are read and written piece by piece, so that a table of a million routes is never in memory as a whole. Files come from
//! elsewhere: nothing in them makes these parsers panic, or take more memory than a record of [`mrt::MAX_RECORD`] octets or a
//! line of [`text::MAX_LINE`].
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod mrt;
pub mod text;
