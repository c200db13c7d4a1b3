//! Registered entities: who owns routes, how much they are preferred, and how many they may have.

use std::collections::BTreeMap;

use waypost_types::ProtocolId;

use crate::{Family, RtmError};

/// The preference of a protocol nobody configured one for, 1..=255, lower wins (rras-blocks 9.3).
///
/// OSPF has no published default; 110 is the common value. BGP's is that of exterior routes: a BGP speaker gives its
/// interior routes 200 one by one.
#[must_use]
pub const fn default_preference(protocol: ProtocolId) -> u8 {
    match protocol {
        ProtocolId::LOCAL => 1,
        ProtocolId::STATIC => 3,
        ProtocolId::STATIC_NON_DOD => 5,
        ProtocolId::AUTOSTATIC => 7,
        ProtocolId::NETMGMT => 10,
        ProtocolId::BGP_ROUTES => 20,
        ProtocolId::OSPF => 110,
        ProtocolId::RIP => 120,
        _ => 127,
    }
}

/// A registered entity. Refused once the entity has left, even if another has taken its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityId {
    pub(crate) slot: u16,
    pub(crate) generation: u32,
}

/// Who registers, and under which terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityConfig {
    /// The protocol; its preference applies to the entity's routes.
    pub protocol: ProtocolId,
    /// Tells several instances of one protocol apart.
    pub instance: u32,
    /// The family of its routes, or `None` for both.
    pub family: Option<Family>,
    /// Preference of its routes that bring none of their own and whose protocol has none configured, 1..=255.
    pub preference: u8,
    /// The most routes it may have at a time; `None` for no limit.
    pub route_limit: Option<u32>,
    /// Whether its unicast routes to one destination with equal preference and metric forward together, their next
    /// hops joined up to [`MAX_NEXT_HOPS`](waypost_types::MAX_NEXT_HOPS).
    pub merge_equal: bool,
}

impl EntityConfig {
    /// Instance 0 of `protocol` for both families, with the protocol's default preference and no limit.
    #[must_use]
    pub const fn new(protocol: ProtocolId) -> Self {
        Self {
            protocol,
            instance: 0,
            family: None,
            preference: default_preference(protocol),
            route_limit: None,
            merge_equal: false,
        }
    }
}

/// What is known of one entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityStatus {
    /// Its identity.
    pub id: EntityId,
    /// The terms it registered under.
    pub config: EntityConfig,
    /// The preference that applies to its routes now.
    pub preference: u8,
    /// It has left; its routes are being swept.
    pub leaving: bool,
    /// How many IPv4 and IPv6 routes it has.
    pub routes: [u32; 2],
    /// How many of them are the best of their destination.
    pub best: [u32; 2],
    /// How many of them it has not confirmed since [`mark_stale`](crate::Rtm::mark_stale).
    pub stale: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Vacant,
    Active,
    Leaving,
}

/// Epochs are stamped into route rows, where they have six bits.
pub(crate) const EPOCHS: u8 = 64;

#[derive(Debug)]
pub(crate) struct Entity {
    pub(crate) generation: u32,
    pub(crate) presence: Presence,
    pub(crate) config: EntityConfig,
    /// What counts for routes without a preference of their own.
    pub(crate) preference: u8,
    /// Subscribers (one bit each) that care for this protocol's routes.
    pub(crate) accepts: u32,
    pub(crate) epoch: u8,
    /// How many epochs back a stale route may have been stamped.
    pub(crate) epochs_in_use: u8,
    /// Stale routes are to be removed.
    pub(crate) sweeping: bool,
    pub(crate) routes: [u32; 2],
    pub(crate) best: [u32; 2],
    /// Routes stamped with the current epoch.
    pub(crate) fresh: u32,
}

impl Entity {
    pub(crate) const fn total(&self) -> u32 {
        self.routes[0].saturating_add(self.routes[1])
    }

    /// Whether a route stamped with `epoch` is to be swept.
    pub(crate) fn sweeps(&self, epoch: u8) -> bool {
        match self.presence {
            Presence::Leaving => true,
            Presence::Active => self.sweeping && epoch != self.epoch,
            Presence::Vacant => false,
        }
    }

    fn serves(&self, family: Option<Family>) -> bool {
        self.config.family.is_none() || family.is_none() || self.config.family == family
    }
}

#[derive(Debug, Default)]
pub(crate) struct Entities {
    rows: Vec<Entity>,
    /// Preferences an operator configured; they win over what the entities registered with.
    configured: BTreeMap<ProtocolId, u8>,
}

impl Entities {
    pub(crate) fn register(&mut self, config: EntityConfig, accepts: u32) -> Result<EntityId, RtmError> {
        if config.preference == 0 {
            return Err(RtmError::PreferenceZero(config.protocol));
        }
        let taken = self.rows.iter().any(|entity| {
            entity.presence == Presence::Active
                && entity.config.protocol == config.protocol
                && entity.config.instance == config.instance
                && entity.serves(config.family)
        });
        if taken {
            return Err(RtmError::AlreadyRegistered {
                protocol: config.protocol,
                instance: config.instance,
            });
        }
        let vacant = self.rows.iter().position(|e| e.presence == Presence::Vacant);
        let position = vacant.unwrap_or(self.rows.len());
        let Ok(slot) = u16::try_from(position) else {
            return Err(RtmError::TooManyEntities);
        };
        let generation = self.rows.get(position).map_or(0, |old| old.generation);
        let preference = self.preference_of(&config);
        let entity = Entity {
            generation,
            presence: Presence::Active,
            config,
            preference,
            accepts,
            epoch: 0,
            epochs_in_use: 0,
            sweeping: false,
            routes: [0; 2],
            best: [0; 2],
            fresh: 0,
        };
        match self.rows.get_mut(position) {
            Some(row) => *row = entity,
            None => self.rows.push(entity),
        }
        Ok(EntityId { slot, generation })
    }

    fn preference_of(&self, config: &EntityConfig) -> u8 {
        *self
            .configured
            .get(&config.protocol)
            .unwrap_or(&config.preference)
    }

    /// The slot of an entity that is there.
    pub(crate) fn active(&self, id: EntityId) -> Result<u16, RtmError> {
        match self.rows.get(usize::from(id.slot)) {
            Some(row) if row.generation == id.generation && row.presence == Presence::Active => Ok(id.slot),
            _ => Err(RtmError::NoSuchEntity),
        }
    }

    /// Marks the entity as leaving; its handles are void from here on.
    pub(crate) fn leave(&mut self, slot: u16) {
        let entity = &mut self[slot];
        entity.presence = Presence::Leaving;
        entity.generation = entity.generation.wrapping_add(1);
    }

    /// Frees the slots of entities that left and have no routes any more.
    pub(crate) fn vacate_left(&mut self) {
        for entity in &mut self.rows {
            if entity.presence == Presence::Leaving && entity.total() == 0 {
                entity.presence = Presence::Vacant;
            }
        }
    }

    /// Sets or resets a protocol's preference and returns the slots whose preference changed by it.
    pub(crate) fn configure(&mut self, protocol: ProtocolId, preference: Option<u8>) -> Vec<u16> {
        match preference {
            Some(preference) => self.configured.insert(protocol, preference),
            None => self.configured.remove(&protocol),
        };
        let mut changed = Vec::new();
        for (slot, entity) in (0u16..).zip(&mut self.rows) {
            if entity.presence == Presence::Vacant || entity.config.protocol != protocol {
                continue;
            }
            let now = preference.unwrap_or(entity.config.preference);
            if entity.preference != now {
                entity.preference = now;
                changed.push(slot);
            }
        }
        changed
    }

    pub(crate) fn configured(&self, protocol: ProtocolId) -> Option<u8> {
        self.configured.get(&protocol).copied()
    }

    /// Recomputes which subscribers care for which protocol.
    pub(crate) fn set_accepts(&mut self, accepts: impl Fn(ProtocolId) -> u32) {
        for entity in &mut self.rows {
            entity.accepts = accepts(entity.config.protocol);
        }
    }

    pub(crate) fn status(&self) -> impl Iterator<Item = EntityStatus> + '_ {
        let present = (0u16..)
            .zip(&self.rows)
            .filter(|(_, e)| e.presence != Presence::Vacant);
        present.map(|(slot, entity)| EntityStatus {
            id: EntityId {
                slot,
                generation: entity.generation,
            },
            config: entity.config.clone(),
            preference: entity.preference,
            leaving: entity.presence == Presence::Leaving,
            routes: entity.routes,
            best: entity.best,
            stale: entity.total() - entity.fresh,
        })
    }
}

// INVARIANT: a slot in a route row is that of an entity that is there or leaving; rows are never removed.
impl std::ops::Index<u16> for Entities {
    type Output = Entity;

    fn index(&self, slot: u16) -> &Entity {
        &self.rows[usize::from(slot)]
    }
}

impl std::ops::IndexMut<u16> for Entities {
    fn index_mut(&mut self, slot: u16) -> &mut Entity {
        &mut self.rows[usize::from(slot)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_handles_are_refused() {
        let mut entities = Entities::default();
        let old = entities.register(EntityConfig::new(ProtocolId::RIP), 0).unwrap();
        assert!(matches!(
            entities.register(EntityConfig::new(ProtocolId::RIP), 0),
            Err(RtmError::AlreadyRegistered { .. })
        ));
        entities.leave(old.slot);
        assert_eq!(entities.active(old), Err(RtmError::NoSuchEntity));
        entities.vacate_left();
        let new = entities.register(EntityConfig::new(ProtocolId::RIP), 0).unwrap();
        assert_eq!(new.slot, old.slot);
        assert_eq!(entities.active(old), Err(RtmError::NoSuchEntity));
        assert!(entities.active(new).is_ok());
    }

    #[test]
    fn one_entity_a_family() {
        let mut entities = Entities::default();
        let mut config = EntityConfig::new(ProtocolId::RIP);
        config.family = Some(Family::V4);
        entities.register(config.clone(), 0).unwrap();
        config.family = Some(Family::V6);
        entities.register(config.clone(), 0).unwrap();
        config.family = None;
        assert!(entities.register(config, 0).is_err());
    }

    #[test]
    fn configured_preference_wins_and_can_be_reset() {
        let mut entities = Entities::default();
        entities.configure(ProtocolId::RIP, Some(90));
        let rip = entities.register(EntityConfig::new(ProtocolId::RIP), 0).unwrap();
        assert_eq!(entities[rip.slot].preference, 90);
        assert!(entities.configure(ProtocolId::RIP, Some(90)).is_empty());
        assert_eq!(entities.configure(ProtocolId::RIP, None), [rip.slot]);
        assert_eq!(entities[rip.slot].preference, 120);
    }
}
