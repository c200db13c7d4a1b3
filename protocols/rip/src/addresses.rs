//! Our own addresses, by which our own packets and routes back to us are known.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use waypost_routprot::AdapterBinding;

/// The addresses of all interfaces, each with the number of interfaces that have it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addresses(BTreeMap<Ipv4Addr, u32>);

impl Addresses {
    /// Whether an address is ours.
    #[must_use]
    pub(crate) fn contains(&self, address: Ipv4Addr) -> bool {
        self.0.contains_key(&address)
    }

    /// An interface has the addresses of `new` in the place of those of `old`.
    pub(crate) fn replace(&mut self, old: &AdapterBinding, new: Option<&AdapterBinding>) {
        for binding in new.into_iter().flat_map(|new| &new.addresses) {
            *self.0.entry(binding.address).or_default() += 1;
        }
        for binding in &old.addresses {
            if let Some(count) = self.0.get_mut(&binding.address) {
                *count -= 1;
                if *count == 0 {
                    self.0.remove(&binding.address);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use waypost_routprot::LocalBinding;
    use waypost_types::Prefix4;

    use super::*;

    fn binding(addresses: &[[u8; 4]]) -> AdapterBinding {
        let local = |octets: &[u8; 4]| {
            let address = Ipv4Addr::from(*octets);
            LocalBinding {
                address,
                prefix: Prefix4::containing(address, 24).unwrap(),
            }
        };
        AdapterBinding {
            addresses: addresses.iter().map(local).collect(),
            ..AdapterBinding::default()
        }
    }

    #[test]
    fn an_address_is_ours_while_any_interface_has_it() {
        let (a, b) = ([10, 0, 0, 1], [10, 0, 1, 1]);
        let ours = |addresses: &Addresses| [a, b].map(|address| addresses.contains(address.into()));
        let (none, first, both) = (binding(&[]), binding(&[a]), binding(&[a, b]));
        let mut addresses = Addresses::default();
        addresses.replace(&none, Some(&both));
        addresses.replace(&none, Some(&first));
        assert_eq!(ours(&addresses), [true, true]);
        addresses.replace(&both, None);
        assert_eq!(ours(&addresses), [true, false]);
        // Kept by the same interface.
        addresses.replace(&first, Some(&both));
        assert_eq!(ours(&addresses), [true, true]);
        addresses.replace(&both, Some(&none));
        assert_eq!(ours(&addresses), [false, false]);
    }
}
