//! The saved corpora as tests, and proof that the laws can be broken.

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod inputs;
