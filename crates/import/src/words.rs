//! Words that the makes share.

use std::net::Ipv4Addr;

/// An area as an address, which is how it is written here; makes take numbers, too.
pub(crate) fn area(word: &str) -> Result<String, String> {
    let address: Result<Ipv4Addr, _> = word.parse();
    let number: Result<u32, _> = word.parse();
    address
        .or_else(|_| number.map(Ipv4Addr::from_bits))
        .map(|area| area.to_string())
        .map_err(|_| format!("'{word}' is no area"))
}
