//! The recording protocol and its script.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use waypost_policy::Policies;
use waypost_types::{InterfaceIndex, ProtocolId, RouterId};

use crate::{
    Event, Functionality, Impact, InfoBlock, InfoBuffer, InterfaceIdentity, InterfaceStatus, MfeStatus,
    NeighborFlags, NotificationEvent, OptionChange, OutputBuffer, Prepared, Refusal, RoutingCharacteristics,
    RoutingProtocol, Status, SupportFunctions, Topic,
};

/// One of the eight MIB callbacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the documented names say it all")]
pub enum MibFunction {
    Create,
    Delete,
    Set,
    Get,
    GetFirst,
    GetNext,
    SetTrapInfo,
    GetTrapInfo,
}

/// What a host called, with the arguments it passed; one variant for each method of [`RoutingProtocol`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "variants and fields are the methods and their arguments"
)]
pub enum Request {
    Register {
        offer: RoutingCharacteristics,
    },
    Start {
        global: InfoBlock,
    },
    StartComplete,
    Stop,
    GlobalInfo,
    PrepareGlobal {
        info: InfoBlock,
    },
    SetGlobal {
        info: InfoBlock,
    },
    AddInterface {
        interface: InterfaceIdentity,
        info: InfoBlock,
    },
    DeleteInterface {
        index: InterfaceIndex,
    },
    InterfaceStatus {
        index: InterfaceIndex,
        active: bool,
        status: InterfaceStatus,
    },
    InterfaceInfo {
        index: InterfaceIndex,
    },
    PrepareInterface {
        index: Option<InterfaceIndex>,
        info: InfoBlock,
    },
    SetInterface {
        index: InterfaceIndex,
        info: InfoBlock,
    },
    /// With what was answered, for the end of a protocol's life is in it.
    NextEvent {
        answer: Option<Event>,
    },
    UpdateRoutes {
        index: InterfaceIndex,
    },
    ConnectClient {
        index: InterfaceIndex,
        client: Ipv4Addr,
    },
    DisconnectClient {
        index: InterfaceIndex,
        client: Ipv4Addr,
    },
    Neighbors {
        index: InterfaceIndex,
    },
    MfeStatus {
        index: InterfaceIndex,
        group: Ipv4Addr,
        source: Ipv4Addr,
    },
    Mib {
        function: MibFunction,
        input: Vec<u8>,
    },
    RouterIdChanged {
        id: Option<RouterId>,
    },
    PrepareRouterId {
        id: Option<RouterId>,
    },
    PoliciesChanged {
        policies: Arc<Policies>,
    },
    PreparePolicies {
        policies: Arc<Policies>,
    },
    Show {
        topic: Topic,
    },
}

impl Request {
    /// The interface that the call names, if it names one.
    #[must_use]
    pub const fn interface(&self) -> Option<InterfaceIndex> {
        match self {
            Self::AddInterface { interface, .. } => Some(interface.index),
            Self::PrepareInterface { index, .. } => *index,
            Self::DeleteInterface { index }
            | Self::InterfaceStatus { index, .. }
            | Self::InterfaceInfo { index }
            | Self::SetInterface { index, .. }
            | Self::UpdateRoutes { index }
            | Self::ConnectClient { index, .. }
            | Self::DisconnectClient { index, .. }
            | Self::Neighbors { index }
            | Self::MfeStatus { index, .. } => Some(*index),
            Self::Register { .. }
            | Self::Start { .. }
            | Self::StartComplete
            | Self::Stop
            | Self::GlobalInfo
            | Self::PrepareGlobal { .. }
            | Self::SetGlobal { .. }
            | Self::NextEvent { .. }
            | Self::Mib { .. }
            | Self::RouterIdChanged { .. }
            | Self::PrepareRouterId { .. }
            | Self::PoliciesChanged { .. }
            | Self::PreparePolicies { .. }
            | Self::Show { .. } => None,
        }
    }
}

/// One call of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Which recorder was called; every recorder of a log has its own number, in order of their making.
    pub instance: usize,
    /// The protocol it plays.
    pub protocol: ProtocolId,
    /// What was called.
    pub request: Request,
    /// What the recorder returned.
    pub status: Status,
}

/// What a host called, over all recorders that share the log, in order. Clones are the same log.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<LogContents>>);

#[derive(Debug, Default)]
struct LogContents {
    instances: usize,
    calls: Vec<Call>,
}

/// A test that panicked while it held the lock has failed already; what is behind the lock is still whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Log {
    /// The calls so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        locked(&self.0).calls.clone()
    }

    /// The calls so far; the log starts anew. For [`super::check_order`] keep all of them together.
    #[must_use]
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut locked(&self.0).calls)
    }

    /// The requests so far that concern configuration or state, without queries: what a test usually compares.
    #[must_use]
    pub fn changes(&self) -> Vec<(ProtocolId, Request)> {
        self.calls()
            .into_iter()
            .filter(|call| {
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
            })
            .map(|call| (call.protocol, call.request))
            .collect()
    }
}

type Matches = Box<dyn FnMut(&Request) -> bool + Send>;

struct State {
    functionality: Functionality,
    refusals: Vec<(Status, Matches)>,
    answers: BTreeMap<Vec<u8>, Vec<u8>>,
    stays_pending: bool,
    router_id_impact: Option<(Impact, String)>,
    policies_impact: Option<(Impact, String)>,
    life: Life,
    global: InfoBlock,
    interfaces: BTreeMap<InterfaceIndex, InfoBlock>,
    events: VecDeque<Event>,
    event: Option<Arc<dyn NotificationEvent>>,
    support: Option<Arc<dyn SupportFunctions>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Registered,
    Started,
    Stopping,
    Stopped,
}

/// What a test tells a [`Recorder`] to do. Clones steer the same recorder.
#[derive(Clone)]
pub struct Script(Arc<Mutex<State>>);

impl Script {
    /// What the recorder declares at registration; RF_ROUTING otherwise.
    pub fn declare(&self, functionality: Functionality) {
        locked(&self.0).functionality = functionality;
    }

    /// From now on, refuses the calls that `which` picks with `status`. The latest rule that picks a call counts.
    /// `which` runs within the call and must not use the script. Events cannot be refused.
    pub fn refuse(&self, status: Status, which: impl FnMut(&Request) -> bool + Send + 'static) {
        locked(&self.0).refusals.push((status, Box::new(which)));
    }

    /// Refuses the next call that `which` picks, and only that one.
    pub fn refuse_once(&self, status: Status, mut which: impl FnMut(&Request) -> bool + Send + 'static) {
        let mut done = false;
        self.refuse(status, move |request| {
            let hit = !done && which(request);
            done |= hit;
            hit
        });
    }

    /// Takes back every refusal.
    pub fn accept_all(&self) {
        locked(&self.0).refusals.clear();
    }

    /// StopProtocol answers ERROR_PROTOCOL_STOP_PENDING, until [`Self::finish_stop`].
    pub fn stay_pending(&self) {
        locked(&self.0).stays_pending = true;
    }

    /// What the recorder says that another router identifier does; unless told, it has no use for one.
    pub fn use_router_id(&self, impact: Impact, reason: &str) {
        locked(&self.0).router_id_impact = Some((impact, reason.to_owned()));
    }

    /// What the recorder says that other policies do; unless told, nothing.
    pub fn use_policies(&self, impact: Impact, reason: &str) {
        locked(&self.0).policies_impact = Some((impact, reason.to_owned()));
    }

    /// Ends a pending stop: queues ROUTER_STOPPED.
    pub fn finish_stop(&self) {
        self.queue(Event::RouterStopped);
    }

    /// Appends to the event queue and signals.
    pub fn queue(&self, event: Event) {
        let signal = {
            let mut state = locked(&self.0);
            state.events.push_back(event);
            state.event.clone()
        };
        // Signalled without the lock, for the host may drain at once.
        if let Some(signal) = signal {
            signal.signal();
        }
    }

    /// Signals without a message: a spurious wake-up.
    pub fn signal(&self) {
        let signal = locked(&self.0).event.clone();
        if let Some(signal) = signal {
            signal.signal();
        }
    }

    /// Changes an interface's configuration as the protocol's own doing, and says so (vector 10 of 6.6).
    pub fn change_interface(&self, index: InterfaceIndex, info: InfoBlock) {
        locked(&self.0).interfaces.insert(index, info);
        self.queue(Event::SaveInterfaceConfigInfo(index));
    }

    /// Changes the global configuration as the protocol's own doing, and says so.
    pub fn change_global(&self, info: InfoBlock) {
        locked(&self.0).global = info;
        self.queue(Event::SaveGlobalConfigInfo);
    }

    /// Answers MIB queries for `input` with `output`; others are refused with 87.
    pub fn answer_mib(&self, input: &[u8], output: &[u8]) {
        locked(&self.0).answers.insert(input.to_vec(), output.to_vec());
    }

    /// The configuration in force on an interface; `None` while the recorder does not have the interface.
    #[must_use]
    pub fn interface(&self, index: InterfaceIndex) -> Option<InfoBlock> {
        locked(&self.0).interfaces.get(&index).cloned()
    }

    /// The global configuration in force.
    #[must_use]
    pub fn global(&self) -> InfoBlock {
        locked(&self.0).global.clone()
    }

    /// The host functions that the recorder was started with.
    #[must_use]
    pub fn support(&self) -> Option<Arc<dyn SupportFunctions>> {
        locked(&self.0).support.clone()
    }
}

/// A protocol that writes down every call with its arguments and does what its [`Script`] says.
pub struct Recorder {
    instance: usize,
    protocol: ProtocolId,
    log: Log,
    state: Arc<Mutex<State>>,
}

impl Recorder {
    /// A recorder that plays `protocol` and writes into `log`, and the script that steers it.
    #[must_use]
    pub fn new(protocol: ProtocolId, log: &Log) -> (Self, Script) {
        let instance = {
            let mut contents = locked(&log.0);
            contents.instances += 1;
            contents.instances
        };
        let state = Arc::new(Mutex::new(State {
            functionality: Functionality::RF_ROUTING,
            refusals: Vec::new(),
            answers: BTreeMap::new(),
            stays_pending: false,
            router_id_impact: None,
            policies_impact: None,
            life: Life::Registered,
            global: InfoBlock::absent(),
            interfaces: BTreeMap::new(),
            events: VecDeque::new(),
            event: None,
            support: None,
        }));
        let recorder = Self {
            instance,
            protocol,
            log: log.clone(),
            state: state.clone(),
        };
        (recorder, Script(state))
    }

    /// Writes the call down with what comes of it: the script's refusal, or else what `act` answers.
    fn call<T>(
        &self,
        request: Request,
        act: impl FnOnce(&mut State) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut state = locked(&self.state);
        let scripted = state
            .refusals
            .iter_mut()
            .rev()
            .find_map(|(status, which)| which(&request).then_some(*status));
        let result = match scripted {
            Some(status) => Err(Refusal::new(status, "refused by the script")),
            None => act(&mut state),
        };
        drop(state);
        self.write(
            request,
            result
                .as_ref()
                .err()
                .map_or(Status::NO_ERROR, |refusal| refusal.status),
        );
        result
    }

    fn write(&self, request: Request, status: Status) {
        locked(&self.log.0).calls.push(Call {
            instance: self.instance,
            protocol: self.protocol,
            request,
            status,
        });
    }

    fn mib(&self, function: MibFunction, input: &[u8]) -> Result<Vec<u8>, Refusal> {
        let request = Request::Mib {
            function,
            input: input.to_vec(),
        };
        self.call(request, |state| {
            state.alive()?;
            state
                .answers
                .get(input)
                .cloned()
                .ok_or_else(|| Refusal::invalid("no answer is scripted"))
        })
    }
}

impl State {
    fn alive(&self) -> Result<(), Refusal> {
        if self.life == Life::Started {
            Ok(())
        } else {
            Err(Refusal::failed("not started, or stopping"))
        }
    }

    fn known(&mut self, index: InterfaceIndex) -> Result<&mut InfoBlock, Refusal> {
        self.alive()?;
        self.interfaces
            .get_mut(&index)
            .ok_or_else(|| Refusal::invalid("no such interface"))
    }
}

/// Bytes mean nothing to a recorder: the block as a whole is its one option.
fn difference(old: Option<&InfoBlock>, new: &InfoBlock) -> Prepared {
    let text = |block: &InfoBlock| serde_json::Value::from(block.bytes.clone());
    let changes = (old != Some(new))
        .then(|| OptionChange {
            path: "block".to_owned(),
            old: old.map(text),
            new: Some(text(new)),
            impact: Impact::Live,
            reason: "a recorder takes up everything at once".to_owned(),
        })
        .into_iter()
        .collect();
    Prepared { changes }
}

impl RoutingProtocol for Recorder {
    fn register(&mut self, offer: &RoutingCharacteristics) -> Result<RoutingCharacteristics, Refusal> {
        let protocol = self.protocol;
        self.call(Request::Register { offer: *offer }, |state| {
            if offer.protocol != protocol {
                return Err(Refusal::new(Status::ERROR_NOT_SUPPORTED, "another protocol"));
            }
            Ok(RoutingCharacteristics {
                functionality: state.functionality & offer.functionality,
                ..*offer
            })
        })
    }

    fn start(
        &mut self,
        event: Arc<dyn NotificationEvent>,
        support: Arc<dyn SupportFunctions>,
        global: &InfoBlock,
    ) -> Result<(), Refusal> {
        let request = Request::Start {
            global: global.clone(),
        };
        self.call(request, |state| {
            if state.life != Life::Registered {
                return Err(Refusal::failed("started before"));
            }
            global.payload()?;
            state.event = Some(event);
            state.support = Some(support);
            state.global = global.clone();
            state.life = Life::Started;
            Ok(())
        })
    }

    fn start_complete(&mut self) -> Result<(), Refusal> {
        self.call(Request::StartComplete, |state| state.alive())
    }

    fn stop(&mut self) -> Result<(), Refusal> {
        self.call(Request::Stop, |state| {
            state.alive()?;
            if state.stays_pending {
                state.life = Life::Stopping;
                return Err(Refusal::new(
                    Status::ERROR_PROTOCOL_STOP_PENDING,
                    "stopping, by the script",
                ));
            }
            state.life = Life::Stopped;
            state.events.clear();
            Ok(())
        })
    }

    fn global_info(&mut self, buffer: &mut InfoBuffer<'_>) -> Result<(), Refusal> {
        let block = self.call(Request::GlobalInfo, |state| {
            state.alive()?;
            Ok(state.global.clone())
        })?;
        buffer.put(&block)
    }

    fn prepare_global_info(&mut self, info: &InfoBlock) -> Result<Prepared, Refusal> {
        let request = Request::PrepareGlobal { info: info.clone() };
        self.call(request, |state| {
            state.alive()?;
            info.payload()?;
            Ok(difference(Some(&state.global), info))
        })
    }

    fn set_global_info(&mut self, info: &InfoBlock) -> Result<(), Refusal> {
        let request = Request::SetGlobal { info: info.clone() };
        self.call(request, |state| {
            state.alive()?;
            info.payload()?;
            state.global = info.clone();
            Ok(())
        })
    }

    fn add_interface(&mut self, interface: &InterfaceIdentity, info: &InfoBlock) -> Result<(), Refusal> {
        let request = Request::AddInterface {
            interface: interface.clone(),
            info: info.clone(),
        };
        self.call(request, |state| {
            state.alive()?;
            if state.interfaces.contains_key(&interface.index) {
                return Err(Refusal::invalid("added before"));
            }
            if !info.is_absent() || !state.functionality.contains(Functionality::RF_ADD_ALL_INTERFACES) {
                info.payload()?;
            }
            state.interfaces.insert(interface.index, info.clone());
            Ok(())
        })
    }

    fn delete_interface(&mut self, index: InterfaceIndex) -> Result<(), Refusal> {
        self.call(Request::DeleteInterface { index }, |state| {
            state.known(index)?;
            state.interfaces.remove(&index);
            Ok(())
        })
    }

    fn interface_status(
        &mut self,
        index: InterfaceIndex,
        active: bool,
        status: &InterfaceStatus,
    ) -> Result<(), Refusal> {
        let request = Request::InterfaceStatus {
            index,
            active,
            status: status.clone(),
        };
        self.call(request, |state| state.known(index).map(drop))
    }

    fn interface_info(&mut self, index: InterfaceIndex, buffer: &mut InfoBuffer<'_>) -> Result<(), Refusal> {
        let block = self.call(Request::InterfaceInfo { index }, |state| {
            state.known(index).cloned()
        })?;
        buffer.put(&block)
    }

    fn prepare_interface_info(
        &mut self,
        index: Option<InterfaceIndex>,
        info: &InfoBlock,
    ) -> Result<Prepared, Refusal> {
        let request = Request::PrepareInterface {
            index,
            info: info.clone(),
        };
        self.call(request, |state| {
            state.alive()?;
            let old = index.map(|index| state.known(index).cloned()).transpose()?;
            info.payload()?;
            Ok(difference(old.as_ref(), info))
        })
    }

    fn set_interface_info(&mut self, index: InterfaceIndex, info: &InfoBlock) -> Result<(), Refusal> {
        let request = Request::SetInterface {
            index,
            info: info.clone(),
        };
        self.call(request, |state| {
            let held = state.known(index)?;
            info.payload()?;
            held.clone_from(info);
            Ok(())
        })
    }

    fn next_event(&mut self) -> Option<Event> {
        let answer = {
            let mut state = locked(&self.state);
            let answer = state.events.pop_front();
            if answer == Some(Event::RouterStopped) {
                state.life = Life::Stopped;
            }
            answer
        };
        let status = if answer.is_some() {
            Status::NO_ERROR
        } else {
            Status::ERROR_NO_MORE_ITEMS
        };
        self.write(Request::NextEvent { answer }, status);
        answer
    }

    fn update_routes(&mut self, index: InterfaceIndex) -> Result<(), Refusal> {
        self.call(Request::UpdateRoutes { index }, |state| {
            state.known(index)?;
            if state
                .functionality
                .contains(Functionality::RF_DEMAND_UPDATE_ROUTES)
            {
                return Ok(());
            }
            Err(Refusal::failed("no updates on request"))
        })
    }

    fn connect_client(&mut self, index: InterfaceIndex, client: Ipv4Addr) -> Result<(), Refusal> {
        self.call(Request::ConnectClient { index, client }, |state| {
            state.known(index).map(drop)
        })
    }

    fn disconnect_client(&mut self, index: InterfaceIndex, client: Ipv4Addr) -> Result<(), Refusal> {
        self.call(Request::DisconnectClient { index, client }, |state| {
            state.known(index).map(drop)
        })
    }

    fn neighbors(
        &mut self,
        index: InterfaceIndex,
        _out: &mut OutputBuffer<'_>,
    ) -> Result<NeighborFlags, Refusal> {
        self.call(Request::Neighbors { index }, |_| {
            Err(Refusal::new(Status::ERROR_NOT_SUPPORTED, "a unicast protocol"))
        })
    }

    fn mfe_status(
        &mut self,
        index: InterfaceIndex,
        group: Ipv4Addr,
        source: Ipv4Addr,
    ) -> Result<MfeStatus, Refusal> {
        let request = Request::MfeStatus { index, group, source };
        self.call(request, |_| {
            Err(Refusal::new(Status::ERROR_NOT_SUPPORTED, "a unicast protocol"))
        })
    }

    fn mib_create(&mut self, input: &[u8]) -> Result<(), Refusal> {
        self.mib(MibFunction::Create, input).map(drop)
    }

    fn mib_delete(&mut self, input: &[u8]) -> Result<(), Refusal> {
        self.mib(MibFunction::Delete, input).map(drop)
    }

    fn mib_set(&mut self, input: &[u8]) -> Result<(), Refusal> {
        self.mib(MibFunction::Set, input).map(drop)
    }

    fn mib_get(&mut self, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        out.put(&self.mib(MibFunction::Get, input)?)
    }

    fn mib_get_first(&mut self, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        out.put(&self.mib(MibFunction::GetFirst, input)?)
    }

    fn mib_get_next(&mut self, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        out.put(&self.mib(MibFunction::GetNext, input)?)
    }

    fn mib_set_trap_info(
        &mut self,
        _event: Arc<dyn NotificationEvent>,
        input: &[u8],
        out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal> {
        out.put(&self.mib(MibFunction::SetTrapInfo, input)?)
    }

    fn mib_get_trap_info(&mut self, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        out.put(&self.mib(MibFunction::GetTrapInfo, input)?)
    }

    fn router_id_changed(&mut self, id: Option<RouterId>) {
        // It cannot be refused, so there is no answer to hand on.
        drop(self.call(Request::RouterIdChanged { id }, |state| state.alive()));
    }

    fn prepare_router_id(&mut self, id: Option<RouterId>) -> Option<(Impact, String)> {
        let answer = self.call(Request::PrepareRouterId { id }, |state| {
            state.alive()?;
            Ok(state.router_id_impact.clone())
        });
        answer.ok()?
    }

    fn policies_changed(&mut self, policies: &Arc<Policies>) {
        let policies = Arc::clone(policies);
        // It cannot be refused, so there is no answer to hand on.
        drop(self.call(Request::PoliciesChanged { policies }, |state| state.alive()));
    }

    fn prepare_policies(&mut self, policies: &Arc<Policies>) -> Option<(Impact, String)> {
        let policies = Arc::clone(policies);
        let answer = self.call(Request::PreparePolicies { policies }, |state| {
            state.alive()?;
            Ok(state.policies_impact.clone())
        });
        answer.ok()?
    }

    fn show(&mut self, topic: Topic) -> Result<serde_json::Value, Refusal> {
        self.call(Request::Show { topic }, |state| {
            state.alive()?;
            Err(Refusal::new(
                Status::ERROR_NOT_SUPPORTED,
                "a recorder has nothing to say",
            ))
        })
    }
}
