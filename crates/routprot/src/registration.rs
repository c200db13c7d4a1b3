//! Registration: what the host offers and what the protocol takes (routing-protocol-interface 4).

use waypost_types::ProtocolId;

use crate::{Refusal, Status};

/// The version of the interface that the host speaks (MS_ROUTER_VERSION with MPR50).
pub const MS_ROUTER_VERSION: u32 = 0x0000_0500;

bitflags::bitflags! {
    /// What a protocol can do. Services (0x02, 0x08) are IPX's and power (0x40) is reserved: never offered (P-5).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Functionality: u32 {
        /// Takes part in routing through the routing table manager.
        const RF_ROUTING = 0x01;
        /// Can fetch routes on request (autostatic updates).
        const RF_DEMAND_UPDATE_ROUTES = 0x04;
        /// Wants every interface, configured for it or not.
        const RF_ADD_ALL_INTERFACES = 0x10;
        /// Is a multicast client.
        const RF_MULTICAST = 0x20;
    }
}

/// The exchanged part of MPR50_ROUTING_CHARACTERISTICS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoutingCharacteristics {
    /// Interface version: the host's on the way in, the one the protocol needs on the way out.
    pub version: u32,
    /// The protocol to register.
    pub protocol: ProtocolId,
    /// What the host offers on the way in, the subset the protocol provides on the way out.
    pub functionality: Functionality,
}

impl RoutingCharacteristics {
    /// What this host offers to `protocol` (P-5).
    #[must_use]
    pub const fn offer(protocol: ProtocolId) -> Self {
        Self {
            version: MS_ROUTER_VERSION,
            protocol,
            functionality: Functionality::all(),
        }
    }
}

/// The host's checks of a registration (4.1, P-3). A bad answer counts as if ERROR_NOT_SUPPORTED had been returned.
pub fn check_registration(
    offer: &RoutingCharacteristics,
    answer: &RoutingCharacteristics,
) -> Result<(), Refusal> {
    let refuse = |path: &str, value: String, allowed: String| {
        Refusal::new(Status::ERROR_NOT_SUPPORTED, "the registration is not acceptable")
            .at(path)
            .with_value(value)
            .with_allowed(allowed)
    };
    if answer.version > offer.version {
        return Err(refuse(
            "dwVersion",
            format!("{:#x}", answer.version),
            format!("up to {:#x}", offer.version),
        ));
    }
    if answer.protocol != offer.protocol {
        return Err(refuse(
            "dwProtocolId",
            answer.protocol.to_string(),
            offer.protocol.to_string(),
        ));
    }
    if !offer.functionality.contains(answer.functionality) {
        return Err(refuse(
            "fSupportedFunctionality",
            format!("{:#x}", answer.functionality.bits()),
            format!("a subset of {:#x}", offer.functionality.bits()),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registration_is_checked() {
        let offer = RoutingCharacteristics::offer(ProtocolId::RIP);
        assert_eq!(offer.functionality.bits(), 0x35);
        let answer = RoutingCharacteristics {
            functionality: Functionality::RF_ROUTING,
            ..offer
        };
        assert_eq!(check_registration(&offer, &answer), Ok(()));
        for (bad, path) in [
            (
                RoutingCharacteristics {
                    version: 0x501,
                    ..answer
                },
                "dwVersion",
            ),
            (
                RoutingCharacteristics {
                    protocol: ProtocolId::OSPF,
                    ..answer
                },
                "dwProtocolId",
            ),
            (
                RoutingCharacteristics {
                    functionality: Functionality::from_bits_retain(0x41),
                    ..answer
                },
                "fSupportedFunctionality",
            ),
        ] {
            let refusal = check_registration(&offer, &bad).unwrap_err();
            assert_eq!(
                (refusal.status, refusal.path.as_str()),
                (Status::ERROR_NOT_SUPPORTED, path)
            );
        }
    }
}
