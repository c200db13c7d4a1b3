//! Interfaces that come, go, rise and fall, for the log.

use std::collections::BTreeMap;

use waypost_manager::{Interface, InterfaceChange};
use waypost_types::InterfaceIndex;

/// So many interfaces are named when they change at the same time; of more only the number is told.
const NAMED: usize = 10;

/// What was told last of each interface.
pub(super) struct InterfaceNews {
    known: BTreeMap<InterfaceIndex, (String, &'static str)>,
}

/// What happened to one interface.
struct Item {
    name: String,
    what: String,
}

impl InterfaceNews {
    /// Begins with the interfaces that are there, of which nothing is told.
    pub(super) fn new(present: &[InterfaceChange]) -> Self {
        let mut news = Self {
            known: BTreeMap::new(),
        };
        drop(news.take(present));
        news
    }

    /// Logs what is new.
    pub(super) fn tell(&mut self, changes: &[InterfaceChange]) {
        let items = self.take(changes);
        for Item { name, what } in items.iter().take(NAMED) {
            tracing::info!(interface = name, "{what}");
        }
        if let Some(more) = items.len().checked_sub(NAMED).filter(|more| *more > 0) {
            tracing::info!(interfaces = more, "more interfaces changed at the same time");
        }
    }

    fn take(&mut self, changes: &[InterfaceChange]) -> Vec<Item> {
        changes.iter().filter_map(|change| self.item(change)).collect()
    }

    fn item(&mut self, change: &InterfaceChange) -> Option<Item> {
        let interface = match change {
            InterfaceChange::Gone(index) => {
                let (name, _) = self.known.remove(index)?;
                let what = "the interface is gone".to_owned();
                return Some(Item { name, what });
            }
            InterfaceChange::Present(interface) => interface,
        };
        let state = state(interface);
        let name = interface.name.clone();
        let what = match self.known.insert(interface.index, (name.clone(), state)) {
            None => format!("a new interface: {state}"),
            Some((old, _)) if old != name => format!("the interface was {old}; it is {state}"),
            Some((_, old)) if old != state => format!("the interface is {state}"),
            Some(_) => return None,
        };
        Some(Item { name, what })
    }
}

const fn state(interface: &Interface) -> &'static str {
    match (interface.up, interface.carrier) {
        (false, _) => "down",
        (true, false) => "up without a carrier",
        (true, true) => "up",
    }
}

#[cfg(test)]
mod tests {
    use waypost_routprot::InterfaceType;

    use super::*;

    fn present(index: u32, name: &str, up: bool, carrier: bool) -> InterfaceChange {
        InterfaceChange::Present(Interface {
            index: InterfaceIndex(index),
            name: name.to_owned(),
            kind: "veth".to_owned(),
            connection: InterfaceType::Permanent,
            mtu: 1500,
            speed: 0,
            up,
            carrier,
            mac: String::new(),
            addresses: Vec::new(),
            addresses6: Vec::new(),
            remote: None,
        })
    }

    #[test]
    fn only_what_an_operator_cares_for_is_told() {
        let mut news = InterfaceNews::new(&[present(1, "eth0", true, true)]);
        let mut told = |change: InterfaceChange| {
            let items = news.take(&[change]);
            items
                .into_iter()
                .map(|item| format!("{}: {}", item.name, item.what))
                .collect::<Vec<_>>()
        };
        assert!(told(present(1, "eth0", true, true)).is_empty());
        assert_eq!(
            told(present(1, "eth0", true, false)),
            ["eth0: the interface is up without a carrier"]
        );
        assert_eq!(
            told(present(2, "eth1", false, false)),
            ["eth1: a new interface: down"]
        );
        assert_eq!(
            told(present(2, "lan1", false, false)),
            ["lan1: the interface was eth1; it is down"]
        );
        assert_eq!(
            told(present(2, "lan1", true, true)),
            ["lan1: the interface is up"]
        );
        assert_eq!(
            told(InterfaceChange::Gone(InterfaceIndex(2))),
            ["lan1: the interface is gone"]
        );
        assert!(told(InterfaceChange::Gone(InterfaceIndex(2))).is_empty());
    }
}
