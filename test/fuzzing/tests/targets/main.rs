//! The saved corpora as tests, and proof that the laws can be broken.

mod corpus;
mod faults;
mod inputs;
