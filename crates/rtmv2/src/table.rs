//! What RTMv2 needs of a routing table, whichever process the table is in.

use std::sync::Arc;
use std::time::Duration;

use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_types::{BestRoute, PathId, Prefix, ProtocolId, Route};

bitflags::bitflags! {
    /// Views of the table, each with best routes of its own (router-services A1).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Views: u32 {
        /// For unicast forwarding (RTM_VIEW_MASK_UCAST).
        const UNICAST = 1;
        /// For the reverse path of multicast (RTM_VIEW_MASK_MCAST).
        const MULTICAST = 2;
    }

    /// Which changes are told (router-services A9).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct ChangeTypes: u32 {
        /// Any change of any route of a destination (RTM_CHANGE_TYPE_ALL).
        const ALL = 1;
        /// The best route changed or was replaced (RTM_CHANGE_TYPE_BEST).
        const BEST = 2;
        /// Changes of the best route that affect forwarding (RTM_CHANGE_TYPE_FORWARDING).
        const FORWARDING = 4;
    }
}

/// How many views there are.
pub const VIEWS: usize = 2;

impl Views {
    /// The place of each view in arrays of [`VIEWS`], in ascending order of ViewId.
    pub fn places(self) -> impl Iterator<Item = usize> {
        (0..VIEWS).filter(move |place| self.bits() & 1 << place != 0)
    }

    /// The view at a place.
    #[must_use]
    pub const fn at(place: usize) -> Self {
        Self::from_bits_truncate(1 << place)
    }
}

/// An entity among those of its family (RTM_ENTITY_ID).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityName {
    /// EntityProtocolId.
    pub protocol: ProtocolId,
    /// EntityInstanceId.
    pub instance: u32,
}

/// An entity that was registered through a table; means nothing to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityKey(pub u32);

/// A registration for changes; means nothing to another table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WatchKey(pub u32);

/// A route in one view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteView {
    /// Whose route it is.
    pub owner: EntityName,
    /// Which of its owner's routes to the destination.
    pub path: PathId,
    /// The preference that counts.
    pub preference: u8,
    /// The route as its owner gave it, next hops sorted.
    pub route: Route,
    /// Whether it is the best one, hold or not.
    pub is_best: bool,
}

/// A destination in one view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DestinationView {
    /// Its routes, in the order they were added.
    pub routes: Vec<RouteView>,
    /// During a hold: the route whose deletion began it.
    pub held: Option<BestRoute>,
    /// Whether its best route was handed to who forwards packets.
    pub is_forwarded: bool,
}

/// A destination in all views.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationSnapshot {
    /// The destination.
    pub prefix: Prefix,
    /// How long ago its routes were added or changed last, to the second.
    pub age: Duration,
    /// What each view has, at the [place](Views::places) of the view.
    pub views: [DestinationView; VIEWS],
}

impl DestinationSnapshot {
    /// The views in which it has a route.
    #[must_use]
    pub fn routed_in(&self) -> Views {
        (0..VIEWS)
            .filter(|place| !self.views[*place].routes.is_empty())
            .fold(Views::empty(), |views, place| views | Views::at(place))
    }
}

/// Is told that there are changes to ask for. Called from any thread, with locks held: it may only make a note.
pub trait Bell: Send + Sync {
    /// There is something to ask [`RouteTable::changed`] for. Rung once until an answer was shorter than asked for.
    fn ring(&self);
}

/// A routing table: that of this process, or that of the router across a socket.
///
/// Every call is complete when it returns. A caller can do no harm beyond its own entities.
pub trait RouteTable: Send + Sync {
    /// Registers an entity for one family.
    ///
    /// # Errors
    /// ERROR_ALREADY_EXISTS; ERROR_INVALID_PARAMETER when the caller may not speak for the protocol;
    /// ERROR_NO_SYSTEM_RESOURCES.
    fn register(&self, family: Family, name: EntityName) -> Result<EntityKey, Status>;

    /// Ends an entity and deletes its routes.
    fn deregister(&self, entity: EntityKey);

    /// The entities of a family that have registered, those of other callers and of the router itself included.
    fn entities(&self, family: Family) -> Vec<EntityName>;

    /// Makes this the entity's route to `prefix` with this path in `views`, and in no other. Says in which views it is the
    /// best one now, or the best one is another than before.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE; ERROR_INVALID_PARAMETER; ERROR_NOT_ENOUGH_MEMORY when a limit is reached: then everything is
    /// as it was.
    fn set(
        &self,
        entity: EntityKey,
        prefix: Prefix,
        path: PathId,
        views: Views,
        route: &Route,
    ) -> Result<Views, Status>;

    /// [`Self::set`], and work of the caller's own, done once whatever comes of it: a table in another process is at its part
    /// of the work at the same time.
    ///
    /// # Errors
    /// As [`Self::set`].
    fn set_while(
        &self,
        entity: EntityKey,
        prefix: Prefix,
        path: PathId,
        views: Views,
        route: &Route,
        meanwhile: &mut dyn FnMut(),
    ) -> Result<Views, Status> {
        meanwhile();
        self.set(entity, prefix, path, views, route)
    }

    /// Deletes the entity's route to `prefix` with this path in all views, if there is one. Says in which views the best
    /// route of the destination is another than before.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE.
    fn delete(&self, entity: EntityKey, prefix: Prefix, path: PathId) -> Result<Views, Status>;

    /// Asks for hold-down of a destination once its last route in one of these views is deleted.
    ///
    /// # Errors
    /// ERROR_INVALID_PARAMETER: no time, or no route.
    fn hold(&self, prefix: Prefix, views: Views, duration: Duration) -> Result<(), Status>;

    /// What there is at exactly this prefix: routes, or a running hold.
    fn destination(&self, prefix: Prefix) -> Option<DestinationSnapshot>;

    /// The longest prefix that covers `prefix` and has a best route in one of the views: `prefix` itself, too, unless
    /// `shorter`.
    fn covering(&self, prefix: Prefix, views: Views, shorter: bool) -> Option<DestinationSnapshot>;

    /// The destinations after `after`, or from the beginning, in the order of address and length with the shorter first; only
    /// those that `within` covers. At most `max`, and at least one unless there is none.
    fn page(&self, after: Option<Prefix>, within: Prefix, max: usize) -> Vec<DestinationSnapshot>;

    /// Tells `bell` of changes from now on.
    ///
    /// # Errors
    /// ERROR_NO_SYSTEM_RESOURCES.
    fn watch(
        &self,
        family: Family,
        views: Views,
        types: ChangeTypes,
        bell: Arc<dyn Bell>,
    ) -> Result<WatchKey, Status>;

    /// Destinations that changed since they were told last, each once, or once a view when not all fit in one answer. Fewer than
    /// `max` when there are no more.
    fn changed(&self, watch: WatchKey, max: usize) -> Vec<Prefix>;

    /// Ends a registration for changes.
    fn unwatch(&self, watch: WatchKey);
}
