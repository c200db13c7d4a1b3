//! A manager and everything around it, in the hands of a test.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use waypost_engine::{Engine, EngineProtocol, Instance, InstanceCell, Now};
use waypost_infobase::{
    Change, MemoryStore, Origin, RevisionMeta, Store, StoreError, Tree, Trial, TrialChange,
};
use waypost_manager::{
    Applied, Author, Autostatic, Configuration, Edit, InstanceId, Interface, InterfaceChange, Manager, Path,
    Plan, Protocols, RouteTable, RouteTerms,
};
use waypost_routprot::conformance::host::{Call, Log, Recorder, Request, Script};
use waypost_routprot::{InfoBlock, InterfaceType, NotificationEvent, Refusal, RoutingProtocol};
use waypost_static::Static;
use waypost_types::{InterfaceIndex, Prefix, ProtocolId, Route, Seed, Time, WallTime};

use crate::sample::{OSPF, RAW, SAMPLE, codecs};

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Every instance there was of each protocol, and what new ones are told at once.
#[derive(Default)]
pub(crate) struct Scripts {
    made: BTreeMap<ProtocolId, Vec<Script>>,
    #[expect(clippy::type_complexity, reason = "a closure for each protocol")]
    prepare: BTreeMap<ProtocolId, Box<dyn Fn(&Script) + Send>>,
    /// The newest ones.
    instances: BTreeMap<ProtocolId, InstanceId>,
}

struct Cell<E: Engine>(Instance<E>);

impl<E: Engine> InstanceCell<E> for Cell<E> {
    fn with<R>(
        &mut self,
        call: impl FnOnce(Now, &mut Instance<E>) -> R,
    ) -> Result<(R, Vec<String>), Refusal> {
        let result = call(Now::default(), &mut self.0);
        self.0.outbox().clear();
        Ok((result, Vec::new()))
    }
}

struct Installation {
    log: Log,
    scripts: Arc<Mutex<Scripts>>,
}

impl Protocols for Installation {
    fn create(
        &mut self,
        protocol: ProtocolId,
        instance: InstanceId,
        persisted: Vec<(String, Vec<u8>)>,
    ) -> Option<Box<dyn RoutingProtocol>> {
        if protocol == ProtocolId::STATIC {
            return Some(Box::new(EngineProtocol::<Static, _>::new(Cell(Instance::new(
                Seed(0),
                persisted,
            )))));
        }
        if !self.installed().contains(&protocol) {
            return None;
        }
        let (recorder, script) = Recorder::new(protocol, &self.log);
        let mut scripts = locked(&self.scripts);
        if let Some(prepare) = scripts.prepare.get(&protocol) {
            prepare(&script);
        }
        scripts.made.entry(protocol).or_default().push(script);
        scripts.instances.insert(protocol, instance);
        Some(Box::new(recorder))
    }

    fn installed(&self) -> Vec<ProtocolId> {
        vec![OSPF, SAMPLE, ProtocolId::STATIC, RAW]
    }
}

/// What the manager asked of the routing table.
#[derive(Default)]
pub(crate) struct Routes {
    pub(crate) preferences: BTreeMap<ProtocolId, u8>,
    pub(crate) terms: BTreeMap<ProtocolId, RouteTerms>,
    pub(crate) budget: Option<u32>,
    pub(crate) removed: Vec<ProtocolId>,
    pub(crate) kept: Vec<ProtocolId>,
    /// Routes that protocols have, by interface.
    pub(crate) of: BTreeMap<(ProtocolId, InterfaceIndex), Autostatic>,
    pub(crate) autostatic: BTreeMap<InterfaceIndex, Autostatic>,
}

struct Table(Arc<Mutex<Routes>>);

impl RouteTable for Table {
    fn set_preference(&mut self, protocol: ProtocolId, preference: u8) {
        locked(&self.0).preferences.insert(protocol, preference);
    }

    fn set_terms(&mut self, protocol: ProtocolId, terms: RouteTerms) {
        locked(&self.0).terms.insert(protocol, terms);
    }

    fn set_memory_budget(&mut self, mebibytes: Option<u32>) {
        locked(&self.0).budget = mebibytes;
    }

    fn remove_protocol(&mut self, protocol: ProtocolId) {
        locked(&self.0).removed.push(protocol);
    }

    fn keep_for_grace(&mut self, protocol: ProtocolId) {
        locked(&self.0).kept.push(protocol);
    }

    fn routes_through(&mut self, protocol: ProtocolId, interface: InterfaceIndex) -> Vec<(Prefix, Route)> {
        let routes = locked(&self.0).of.get(&(protocol, interface)).cloned();
        routes.unwrap_or_default()
    }

    fn set_autostatic(&mut self, interface: InterfaceIndex, routes: Autostatic) {
        let mut table = locked(&self.0);
        if routes.is_empty() {
            table.autostatic.remove(&interface);
        } else {
            table.autostatic.insert(interface, routes);
        }
    }
}

/// A store that the test sees into while the manager has it.
#[derive(Clone, Default)]
pub(crate) struct SharedStore(pub(crate) Arc<Mutex<MemoryStore>>);

struct Held {
    shared: SharedStore,
    running: Arc<Tree>,
    head: Option<RevisionMeta>,
    lost: Option<RevisionMeta>,
    trial: Option<Trial>,
}

impl SharedStore {
    pub(crate) fn new(store: MemoryStore) -> Self {
        Self(Arc::new(Mutex::new(store)))
    }

    pub(crate) fn get(&self) -> MutexGuard<'_, MemoryStore> {
        locked(&self.0)
    }

    fn held(&self) -> Held {
        let store = self.get();
        Held {
            running: Arc::clone(store.running()),
            head: store.head().cloned(),
            lost: store.pending_at_start().cloned(),
            trial: store.trial().copied(),
            shared: self.clone(),
        }
    }

    /// Fails the test if a candidate is pending.
    pub(crate) fn assert_nothing_pending(&self) {
        let mut probe = self.get().clone().restarted();
        assert_eq!(probe.pending_at_start(), None, "a candidate is pending");
        probe.begin(Origin::default(), [].into()).unwrap();
    }
}

impl Store for Held {
    fn running(&self) -> &Arc<Tree> {
        &self.running
    }

    fn head(&self) -> Option<&RevisionMeta> {
        self.head.as_ref()
    }

    fn pending_at_start(&self) -> Option<&RevisionMeta> {
        self.lost.as_ref()
    }

    fn begin(&mut self, origin: Origin, changes: Arc<[Change]>) -> Result<u64, StoreError> {
        self.shared.get().begin(origin, changes)
    }

    fn confirm_with(&mut self, number: u64, trial: TrialChange) -> Result<(), StoreError> {
        let mut store = self.shared.get();
        store.confirm_with(number, trial)?;
        self.trial = store.trial().copied();
        self.running = Arc::clone(store.running());
        self.head = store.head().cloned();
        Ok(())
    }

    fn trial(&self) -> Option<&Trial> {
        self.trial.as_ref()
    }

    fn end_trial(&mut self) -> Result<(), StoreError> {
        self.shared.get().end_trial()?;
        self.trial = None;
        Ok(())
    }

    fn abandon(&mut self, number: u64) -> Result<(), StoreError> {
        self.shared.get().abandon(number)
    }

    fn revisions(&mut self, max: usize) -> Result<Vec<RevisionMeta>, StoreError> {
        self.shared.get().revisions(max)
    }

    fn revision(&mut self, number: u64) -> Result<Tree, StoreError> {
        self.shared.get().revision(number)
    }

    fn private_get_all(&mut self, protocol: ProtocolId) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, StoreError> {
        self.shared.get().private_get_all(protocol)
    }

    fn private_put_all(
        &mut self,
        protocol: ProtocolId,
        changes: &[(Vec<u8>, Option<Vec<u8>>)],
    ) -> Result<(), StoreError> {
        self.shared.get().private_put_all(protocol, changes)
    }
}

struct Quiet;

impl NotificationEvent for Quiet {
    fn signal(&self) {}
}

/// What a client can be seen to have: its global block, and its block on each interface.
pub(crate) type Observed = BTreeMap<ProtocolId, (InfoBlock, BTreeMap<InterfaceIndex, InfoBlock>)>;

pub(crate) struct Rig {
    pub(crate) manager: Manager,
    pub(crate) log: Log,
    pub(crate) store: SharedStore,
    pub(crate) routes: Arc<Mutex<Routes>>,
    scripts: Arc<Mutex<Scripts>>,
    pub(crate) now: Time,
    /// What the clock on the wall says when `now` is zero.
    pub(crate) wall_at_zero: WallTime,
    /// Calls that [`Self::requests`] has given.
    seen: usize,
}

/// Where [`Rig::with_sample`] has its metric.
pub(crate) const SAMPLE_METRIC: &str = "interfaces.eth0.sample.metric";
pub(crate) const WALL: WallTime = WallTime(1_700_000_000);

pub(crate) fn author() -> Author {
    Author {
        name: "alice".to_owned(),
        note: "test".to_owned(),
    }
}

/// An interface that is up, with carrier and an address.
pub(crate) fn interface(index: u32, name: &str) -> Interface {
    Interface {
        index: InterfaceIndex(index),
        name: name.to_owned(),
        kind: "ether".to_owned(),
        connection: InterfaceType::Permanent,
        mtu: 1500,
        speed: 0,
        up: true,
        carrier: true,
        mac: "02:00:00:00:00:01".to_owned(),
        addresses: vec![(std::net::Ipv4Addr::from_bits(0xC000_0200 + index % 200 + 1), 24)],
        addresses6: Vec::new(),
        remote: None,
    }
}

pub(crate) fn path(text: &str) -> Path {
    text.parse().unwrap()
}

pub(crate) fn set(at: &str, value: Value) -> Edit {
    Edit::Set {
        path: path(at),
        value,
        typed: None,
    }
}

pub(crate) fn unset(at: &str) -> Edit {
    Edit::Unset(path(at))
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::over(SharedStore::default(), &[])
    }

    /// A started manager over a store, with these interfaces known before.
    pub(crate) fn over(store: SharedStore, interfaces: &[Interface]) -> Self {
        Self::prepared(store, interfaces, |_| {})
    }

    pub(crate) fn prepared(
        store: SharedStore,
        interfaces: &[Interface],
        before: impl FnOnce(&mut Self),
    ) -> Self {
        Self::with_store(Box::new(store.held()), store, interfaces, before)
    }

    /// A started manager over any store; `shared` is what the test sees of it, if it is one in memory.
    pub(crate) fn with_store(
        held: Box<dyn Store>,
        store: SharedStore,
        interfaces: &[Interface],
        before: impl FnOnce(&mut Self),
    ) -> Self {
        let log = Log::default();
        let scripts = Arc::default();
        let routes = Arc::default();
        let installation = Installation {
            log: log.clone(),
            scripts: Arc::clone(&scripts),
        };
        let manager = Manager::new(
            held,
            Box::new(installation),
            Box::new(Table(Arc::clone(&routes))),
            Configuration::new(codecs()),
            Arc::new(Quiet),
        )
        .unwrap();
        let mut rig = Self {
            manager,
            log,
            store,
            routes,
            scripts,
            now: Time::ZERO,
            wall_at_zero: WALL,
            seen: 0,
        };
        before(&mut rig);
        rig.manager
            .interfaces_changed(interfaces.iter().cloned().map(InterfaceChange::Present));
        let wall = rig.wall();
        rig.manager.start(rig.now, wall);
        rig
    }

    /// A router whose sample runs on eth0 with metric 1, as revision 1.
    pub(crate) fn with_sample() -> Self {
        let mut rig = Self::over(SharedStore::default(), &[interface(2, "eth0")]);
        rig.apply(&[
            set("protocols.sample", serde_json::json!({})),
            set(SAMPLE_METRIC, serde_json::json!(1)),
        ])
        .unwrap();
        rig
    }

    /// The same router after a restart, `seconds` after it stopped by the clock on the wall.
    pub(crate) fn restarted(&self, seconds: u64) -> Self {
        let wall = self.wall().0 + seconds;
        let store = SharedStore::new(self.store.get().clone().restarted());
        Self::prepared(store, &[interface(2, "eth0")], |rig| {
            rig.wall_at_zero = WallTime(wall);
        })
    }

    /// The sample's metric in force; the protocol's own idea of it is held against the configuration.
    pub(crate) fn sample_metric(&self) -> Option<u64> {
        assert_eq!(self.observed(), self.expected());
        let tree = self.manager.configuration().text_of(self.manager.tree()).unwrap();
        tree.pointer("/interfaces/eth0/sample/metric")?.as_u64()
    }

    /// Does something to every instance of a protocol that is made from now on, before it registers.
    pub(crate) fn each(&self, id: ProtocolId, prepare: impl Fn(&Script) + Send + 'static) {
        locked(&self.scripts).prepare.insert(id, Box::new(prepare));
    }

    /// The newest instance.
    pub(crate) fn instance(&self, id: ProtocolId) -> InstanceId {
        locked(&self.scripts).instances[&id]
    }

    /// The newest instance dies.
    pub(crate) fn died(&mut self, id: ProtocolId, reason: &str) {
        let instance = self.instance(id);
        self.manager.client_died(self.now, id, instance, reason);
    }

    /// The script of the newest instance.
    pub(crate) fn script(&self, id: ProtocolId) -> Script {
        locked(&self.scripts).made[&id].last().unwrap().clone()
    }

    pub(crate) fn instances(&self, id: ProtocolId) -> usize {
        locked(&self.scripts).made.get(&id).map_or(0, Vec::len)
    }

    pub(crate) fn apply(&mut self, edits: &[Edit]) -> Result<Applied, Vec<Refusal>> {
        let wall = self.wall();
        self.manager.apply(self.now, wall, edits, &author())
    }

    pub(crate) fn plan(&mut self, edits: &[Edit]) -> Result<Plan, Vec<Refusal>> {
        self.manager.plan(edits)
    }

    pub(crate) fn present(&mut self, interface: Interface) {
        self.manager
            .interfaces_changed([InterfaceChange::Present(interface)]);
    }

    pub(crate) fn gone(&mut self, index: u32) {
        self.manager
            .interfaces_changed([InterfaceChange::Gone(InterfaceIndex(index))]);
    }

    pub(crate) fn drain(&mut self) {
        let wall = self.wall();
        self.manager.drain_events(self.now, wall);
    }

    /// The clock on the wall, which goes with the other one.
    pub(crate) fn wall(&self) -> WallTime {
        WallTime(self.wall_at_zero.0 + self.now.since(Time::ZERO).as_secs())
    }

    /// Lets time pass as the daemon does: deadline by deadline.
    pub(crate) fn wait(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while let Some(deadline) = self.manager.next_deadline().filter(|deadline| *deadline <= end) {
            self.now = deadline.max(self.now);
            let wall = self.wall();
            self.manager.tick(self.now, wall);
        }
        self.now = end;
        let wall = self.wall();
        self.manager.tick(self.now, wall);
    }

    /// What was called since the last time, queries left out.
    pub(crate) fn requests(&mut self) -> Vec<(ProtocolId, Request)> {
        let calls = self.log.calls();
        let new = calls[self.seen..].iter().filter(|call| {
            !matches!(
                call.request,
                Request::GlobalInfo
                    | Request::InterfaceInfo { .. }
                    | Request::PrepareGlobal { .. }
                    | Request::PrepareInterface { .. }
                    | Request::PrepareRouterId { .. }
                    | Request::PreparePolicies { .. }
                    | Request::NextEvent { .. }
                    | Request::Show { .. }
            )
        });
        self.seen = calls.len();
        new.map(|call| (call.protocol, call.request.clone())).collect()
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.log.calls()
    }

    pub(crate) fn state(&self, id: ProtocolId) -> String {
        let row = self.row(id);
        row["state"].as_str().unwrap().to_owned()
    }

    /// What `show` says of a protocol.
    pub(crate) fn row(&self, id: ProtocolId) -> Value {
        let rows = self.manager.show_protocols();
        let rows = rows.as_array().unwrap();
        rows.iter().find(|row| row["id"] == id.0).unwrap().clone()
    }

    /// The blocks of every running recorder.
    pub(crate) fn observed(&self) -> Observed {
        let running = [OSPF, SAMPLE, RAW]
            .into_iter()
            .filter(|id| self.state(*id) == "running");
        let blocks = |id: ProtocolId| {
            let script = self.script(id);
            let indices = self.manager.interfaces().iter().map(|interface| interface.index);
            let on = indices.filter_map(|index| Some((index, script.interface(index)?)));
            (id, (script.global(), on.collect()))
        };
        running.map(blocks).collect()
    }

    /// What the running recorders should have by the configuration in force.
    pub(crate) fn expected(&self) -> Observed {
        use waypost_infobase::BlockKey;
        let tree = self.manager.tree();
        let blocks = |id: ProtocolId| {
            let global = tree.get(&BlockKey::protocol(id))?.clone();
            let interfaces = self.manager.interfaces().iter();
            let on = interfaces.filter_map(|interface| {
                let block = tree.get(&BlockKey::interface(&interface.name, id))?;
                Some((interface.index, block.clone()))
            });
            Some((id, (global, on.collect())))
        };
        [OSPF, SAMPLE, RAW].into_iter().filter_map(blocks).collect()
    }

    /// Store, manager and clients have the same configuration, and nothing is pending.
    pub(crate) fn assert_agreed(&self) {
        assert_eq!(self.manager.tree(), &**self.store.get().running());
        assert_eq!(self.observed(), self.expected());
        self.store.assert_nothing_pending();
    }
}
