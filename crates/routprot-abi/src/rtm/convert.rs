//! Between the structures of C and those of the client.

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_rtmv2::EntityName;
use waypost_rtmv2::client::{self, Handle};
use waypost_types::{Prefix, Prefix4, Prefix6, ProtocolId};

use super::layout::{DestinationHead, EntityInfo, NextHopInfo, ViewInfo};
use crate::layout::NetAddress;

/// AF_INET and AF_INET6 as the interface numbers them (P-52).
const INET: u16 = 2;
const INET6: u16 = 23;

/// From the beginning of 1601, which FILETIME counts from, to that of 1970.
const SECONDS_TO_UNIX: u64 = 11_644_473_600;

pub(crate) const fn family_of(number: u16) -> Result<Family, Status> {
    match number {
        INET => Ok(Family::V4),
        INET6 => Ok(Family::V6),
        _ => Err(Status::ERROR_INVALID_PARAMETER),
    }
}

const fn number_of(family: Family) -> u16 {
    match family {
        Family::V4 => INET,
        Family::V6 => INET6,
    }
}

/// The prefix of an address: no bits behind its length (P-58). Octets behind an IPv4 address mean nothing.
pub(crate) fn prefix_of(address: &NetAddress) -> Result<Prefix, Status> {
    let bad = Status::ERROR_INVALID_PARAMETER;
    let length = u8::try_from(address.bits).map_err(|_| bad)?;
    match family_of(address.family)? {
        Family::V4 => {
            let octets = *address.octets.first_chunk::<4>().ok_or(bad)?;
            Prefix4::new(octets.into(), length)
                .map(Prefix::V4)
                .map_err(|_| bad)
        }
        Family::V6 => Prefix6::new(address.octets.into(), length)
            .map(Prefix::V6)
            .map_err(|_| bad),
    }
}

pub(crate) fn address_of(prefix: Prefix) -> NetAddress {
    address(prefix.network(), prefix.length().into())
}

fn address(address: IpAddr, bits: u16) -> NetAddress {
    let mut octets = [0; 16];
    match address {
        IpAddr::V4(address) => octets[..4].copy_from_slice(&address.octets()),
        IpAddr::V6(address) => octets = address.octets(),
    }
    NetAddress {
        family: if address.is_ipv4() { INET } else { INET6 },
        bits,
        octets,
    }
}

pub(crate) fn hop_of(info: &NextHopInfo) -> Result<client::HopInfo, Status> {
    Ok(client::HopInfo {
        address: prefix_of(&info.address)?.network(),
        bits: info.address.bits,
        owner: Handle(info.owner),
        interface: info.interface,
        state: if info.state == 0 {
            client::LifeState::Created
        } else {
            client::LifeState::Deleted
        },
        flags: info.flags,
        specific: info.specific,
        remote: Handle(info.remote),
    })
}

pub(crate) fn next_hop_info(info: &client::HopInfo) -> NextHopInfo {
    NextHopInfo {
        address: address(info.address, info.bits),
        padding: 0,
        owner: info.owner.0,
        interface: info.interface,
        state: match info.state {
            client::LifeState::Created => 0,
            client::LifeState::Deleted => 1,
        },
        flags: info.flags,
        specific: info.specific,
        remote: info.remote.0,
    }
}

pub(crate) const fn entity_info(family: Family, name: EntityName) -> EntityInfo {
    EntityInfo {
        instance: 0,
        family: number_of(family),
        padding: 0,
        protocol: name.protocol.0,
        entity_instance: name.instance,
    }
}

pub(crate) const fn name_of(info: &EntityInfo) -> EntityName {
    EntityName {
        protocol: ProtocolId(info.protocol),
        instance: info.entity_instance,
    }
}

fn file_time(time: SystemTime) -> [u32; 2] {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs().saturating_add(SECONDS_TO_UNIX);
    let ticks = seconds
        .saturating_mul(10_000_000)
        .saturating_add(u64::from(since.subsec_nanos()) / 100);
    [ticks as u32, (ticks >> 32) as u32]
}

pub(crate) fn destination(info: &client::DestinationInfo) -> (DestinationHead, Vec<ViewInfo>) {
    let views: Vec<_> = info
        .view_infos
        .iter()
        .map(|view| ViewInfo {
            view: view.view,
            routes: view.routes,
            route: view.route.0,
            owner: view.owner.0,
            flags: view.flags,
            padding: 0,
            hold_route: view.hold_route.0,
        })
        .collect();
    let head = DestinationHead {
        destination: info.destination.0,
        address: address_of(info.prefix),
        changed: file_time(info.changed),
        views: info.views,
        // INVARIANT: there are two at most.
        view_count: views.len() as u32,
        padding: 0,
    };
    (head, views)
}

/// As much of a destination as its release needs: the handles.
pub(crate) fn handles_of(head: &DestinationHead, views: &[ViewInfo]) -> client::DestinationInfo {
    client::DestinationInfo {
        destination: Handle(head.destination),
        prefix: Prefix::V4(Prefix4::DEFAULT),
        changed: UNIX_EPOCH,
        views: head.views,
        view_infos: views
            .iter()
            .map(|view| client::ViewInfo {
                view: view.view,
                routes: view.routes,
                route: Handle(view.route),
                owner: Handle(view.owner),
                flags: view.flags,
                hold_route: Handle(view.hold_route),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn addresses() {
        let made = |family, bits, octets: &[u8]| {
            let mut address = NetAddress {
                family,
                bits,
                octets: [0; 16],
            };
            address.octets[..octets.len()].copy_from_slice(octets);
            prefix_of(&address).map(|prefix| prefix.to_string())
        };
        let bad = Err(Status::ERROR_INVALID_PARAMETER);
        assert_eq!(made(2, 8, &[10]), Ok("10.0.0.0/8".to_owned()));
        assert_eq!(made(2, 8, &[10, 0, 0, 0, 9]), Ok("10.0.0.0/8".to_owned()));
        assert_eq!(made(23, 16, &[0x20, 1]), Ok("2001::/16".to_owned()));
        for (family, bits, octets) in [
            (10, 16, [0x20, 1]),
            (0, 8, [10, 0]),
            (2, 33, [10, 0]),
            (2, 264, [10, 0]),
            (23, 129, [0x20, 1]),
            (2, 8, [10, 1]),
            (2, 7, [11, 0]),
        ] {
            assert_eq!(made(family, bits, &octets), bad, "{family} {bits} {octets:?}");
        }
    }

    #[test]
    fn times() {
        assert_eq!(file_time(UNIX_EPOCH), [0xD53E_8000, 0x019D_B1DE]);
        let later = UNIX_EPOCH + Duration::from_nanos(1_700);
        assert_eq!(file_time(later), [0xD53E_8011, 0x019D_B1DE]);
    }
}
