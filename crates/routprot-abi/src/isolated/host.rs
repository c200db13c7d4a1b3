//! The host's side: a protocol whose every call is done by another process.

use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use serde_json::Value;
use waypost_routprot::{
    ConfigurationCodec, Event, Functionality, Impact, InfoBlock, InfoBuffer, InterfaceIdentity,
    InterfaceStatus, MfeStatus, NeighborFlags, NotificationEvent, OutputBuffer, Prepared, ReceiveType,
    Refusal, ReportArguments, RoutingCharacteristics, RoutingProtocol, Status, SupportFunctions, Topic,
    UpdateComplete, UpdateKind, check_registration,
};
use waypost_rtmv2::RouteTable;
use waypost_types::{InterfaceIndex, NextHops, ProtocolId, Route, RouteKind, RouterId};

use super::WITH_TABLE;
use super::frame::{Body, Frame, Function, Tag};
use super::memory::{Memory, ROOM, Silence};
use super::privileges::Privileges;
use super::table::Server;
use crate::prepare::{self, Scope};
use crate::traces::{self, Voice};

/// How long a process may take to end once nobody speaks to it any more.
const FAREWELL: Duration = Duration::from_secs(3);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(10);

/// How an isolated module is run.
pub struct Options {
    /// The program that runs [`super::serve`].
    pub program: PathBuf,
    /// How long a call may take; the module counts as failed then.
    pub deadline: Duration,
    /// The routing table that the module may use; without one RTMv2 is not supported.
    pub table: Option<Arc<dyn RouteTable>>,
    /// What its process may do that others may not, and as whom it runs.
    pub privileges: Privileges,
    /// Is told once, with the reason, when the module failed: crashed, hung, or spoke nonsense.
    pub died: Box<dyn FnOnce(String) + Send>,
}

/// A module in a process of its own, one instance of it.
pub struct IsolatedProtocol {
    shared: Arc<Shared>,
    answers: Receiver<Frame>,
    deadline: Duration,
    last: u32,
    /// The last answer, kept for its room.
    told: Vec<u8>,
    /// The text form of the module's configuration, if somebody asked for it before.
    pub(super) codec: Option<Arc<dyn ConfigurationCodec>>,
}

struct Shared {
    writer: Mutex<UnixStream>,
    child: Mutex<Child>,
    memory: Arc<Memory>,
    /// Answers what the module asks of the routing table.
    table: Mutex<Option<Server>>,
    /// How many frames of the module's were dealt with.
    heard: (Mutex<u32>, Condvar),
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    event: Option<Arc<dyn NotificationEvent>>,
    trap: Option<Arc<dyn NotificationEvent>>,
    support: Option<Arc<dyn SupportFunctions>>,
    /// Why nothing can be asked any more.
    failed: Option<String>,
    died: Option<Box<dyn FnOnce(String) + Send>>,
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, frame: &Frame) -> io::Result<()> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        frame.write(&mut *writer)
    }

    /// The module has failed; the host is told once, of the first reason.
    fn fail(&self, reason: &str) {
        let died = {
            let mut state = self.state();
            state.event = None;
            state.trap = None;
            state.support = None;
            state.failed.get_or_insert_with(|| reason.to_owned());
            state.died.take()
        };
        // Whoever waits for an answer waits no more.
        self.memory.close();
        self.heard.1.notify_all();
        // Before anybody is told: the next instance finds no routes that still seem to be this one's to change.
        self.leave_table();
        if let Some(died) = died {
            died(reason.to_owned());
        }
    }

    /// Waits until so many frames of the module's were dealt with. False when that was not so in time.
    fn hear(&self, count: u32, until: Instant) -> bool {
        let mut heard = self.heard.0.lock().unwrap_or_else(PoisonError::into_inner);
        // They are counted round and round: what is behind by less than half the circle is missing.
        while heard.wrapping_sub(count).cast_signed() < 0 {
            let rest = until.saturating_duration_since(Instant::now());
            if rest.is_zero() || self.memory.is_closed() {
                return false;
            }
            let waited = self.heard.1.wait_timeout(heard, rest);
            heard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// The module has no part in the routing table any more.
    fn leave_table(&self) {
        let server = self.table.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(server);
    }

    /// Waits a while for the process to end by itself, ends it otherwise, and says how it ended.
    fn end(&self, patience: Duration) -> String {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let until = Instant::now() + patience;
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return status.to_string(),
                Ok(None) if Instant::now() < until => thread::sleep(LOOK),
                _ => break,
            }
        }
        // It may have ended since.
        drop(child.kill());
        drop(child.wait());
        "it had to be killed".to_owned()
    }
}

impl IsolatedProtocol {
    /// Starts a process and has it load a module.
    ///
    /// # Errors
    /// When the process cannot be started, or cannot load the module.
    pub fn load(path: &Path, options: Options) -> Result<Self, Refusal> {
        let failed = |error: io::Error| {
            Refusal::failed(format!(
                "the process of the module cannot be started: {}: {error}",
                options.program.display()
            ))
        };
        let (here, there) = UnixStream::pair().map_err(failed)?;
        let mut command = Command::new(&options.program);
        command.arg(path).arg(options.privileges.argument());
        command.stdin(Stdio::from(OwnedFd::from(there)));
        let (memory, file) = Memory::new().map_err(failed)?;
        let memory = Arc::new(memory);
        command.stdout(Stdio::from(file));
        let server = match options.table {
            None => None,
            Some(table) => {
                command.arg(WITH_TABLE);
                Some(Server::start(memory.clone(), table).map_err(failed)?)
            }
        };
        if traces::is_logged() {
            command.stderr(Stdio::piped());
        }
        let mut child = command.spawn().map_err(failed)?;
        if let Some(said) = child.stderr.take() {
            let voice = Voice::of(path);
            // It ends with the process.
            thread::Builder::new()
                .name("module-says".to_owned())
                .spawn(move || voice.relay(said))
                .map_err(failed)?;
        }
        // It holds the far end of the socket, which must be the process's alone for its end to be seen.
        drop(command);
        let reader = here.try_clone().map_err(failed)?;
        let shared = Arc::new(Shared {
            writer: Mutex::new(here),
            child: Mutex::new(child),
            memory,
            table: Mutex::new(server),
            heard: (Mutex::new(0), Condvar::new()),
            state: Mutex::new(State {
                died: Some(options.died),
                ..State::default()
            }),
        });
        let (answer, answers) = mpsc::channel();
        thread::Builder::new()
            .name("module".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || read(reader, &shared, &answer)
            })
            .map_err(failed)?;
        let mut protocol = Self {
            shared,
            answers,
            deadline: options.deadline,
            last: 0,
            told: Vec::new(),
            codec: None,
        };
        protocol.done(Function::Load, Body::default())?;
        Ok(protocol)
    }

    /// One call: status and what came with it.
    fn call(&mut self, function: Function, body: Body) -> Result<(Status, Body), Refusal> {
        if let Some(failure) = self.failure() {
            return Err(failure);
        }
        self.last = self.last.wrapping_add(1);
        let question = Frame {
            tag: Tag::Call,
            id: self.last,
            code: function as u32,
            body,
        };
        match self.exchange(&question) {
            Ok(answer) if answer.tag == Tag::Answer && answer.id == self.last => {
                return Ok((Status(answer.code), answer.body));
            }
            Ok(_) => self.shared.fail("it answered what was not asked"),
            Err(Broken::Late) => {
                let reason = format!("no answer to {function:?} within {:?}", self.deadline);
                self.shared.fail(&reason);
            }
            Err(Broken::Garbage) => self.shared.fail("it does not speak as agreed"),
            // Whoever reads says why, and stops.
            Err(Broken::Closed) => drop(self.answers.recv_timeout(2 * FAREWELL)),
        }
        self.shared.end(Duration::ZERO);
        Err(self
            .failure()
            .unwrap_or_else(|| Refusal::failed("the module has failed")))
    }

    /// Asks and hears the answer. What fits goes through the memory; of the rest the memory says that it is in the socket.
    fn exchange(&mut self, question: &Frame) -> Result<Frame, Broken> {
        let until = Instant::now() + self.deadline;
        let mut octets = question.octets().map_err(|_| Broken::Garbage)?;
        if octets.len() > ROOM {
            // A process that is gone is noticed by the thread that reads.
            let _ = self.shared.write(question);
            octets.clear();
        }
        let memory = &self.shared.memory;
        let asked = memory.ask(memory.calls(), &octets, &mut self.told, Some(until));
        asked.map_err(|silence| match silence {
            Silence::Late => Broken::Late,
            Silence::Closed => Broken::Closed,
        })?;
        let (sent, answer) = self.told.split_first_chunk().ok_or(Broken::Garbage)?;
        if answer.is_empty() {
            let rest = until.saturating_duration_since(Instant::now());
            return self.answers.recv_timeout(rest).map_err(|error| match error {
                RecvTimeoutError::Timeout => Broken::Late,
                RecvTimeoutError::Disconnected => Broken::Closed,
            });
        }
        // What the module said during the call comes before the answer to it.
        if !self.shared.hear(u32::from_ne_bytes(*sent), until) {
            return Err(if memory.is_closed() {
                Broken::Closed
            } else {
                Broken::Late
            });
        }
        Frame::decode(answer).ok_or(Broken::Garbage)
    }

    /// That nothing can be asked any more.
    pub(super) fn failure(&self) -> Option<Refusal> {
        let state = self.shared.state();
        let reason = state.failed.as_ref()?;
        Some(Refusal::failed(format!("the module has failed: {reason}")))
    }

    /// A call that answers with a code, and numbers on success.
    pub(super) fn done(&mut self, function: Function, body: Body) -> Result<Body, Refusal> {
        match self.call(function, body)? {
            (Status::NO_ERROR, body) => Ok(body),
            (status, body) => Err(refused(status, &body)),
        }
    }

    fn prepare(&mut self, scope: Scope, info: &InfoBlock) -> Result<Prepared, Refusal> {
        let body = self.done(Function::PrepareInfo, with_block(&scope.numbers(), info))?;
        prepare::answer(Status::NO_ERROR.0, &body.octets)
    }

    /// A call that fills a buffer: the answer, and whether it fits. The size is its first number.
    fn read(
        &mut self,
        function: Function,
        mut body: Body,
        lent: Option<&mut [u8]>,
    ) -> Result<(Body, Result<(), Refusal>), Refusal> {
        body.capacity = lent
            .as_ref()
            .map(|lent| u32::try_from(lent.len()).unwrap_or(u32::MAX));
        let (status, answer) = self.call(function, body)?;
        match status {
            Status::NO_ERROR => {
                match lent.and_then(|lent| lent.get_mut(..answer.octets.len())) {
                    Some(room) => room.copy_from_slice(&answer.octets),
                    None if answer.octets.is_empty() => {}
                    None => return Err(Refusal::failed("the module gave more than was lent")),
                }
                Ok((answer, Ok(())))
            }
            Status::ERROR_INSUFFICIENT_BUFFER => {
                let refusal = Refusal::new(status, format!("{} octets are needed", answer.word(0)));
                Ok((answer, Err(refusal)))
            }
            status => Err(refused(status, &answer)),
        }
    }

    fn info(&mut self, function: Function, body: Body, buffer: &mut InfoBuffer<'_>) -> Result<(), Refusal> {
        let (answer, result) = self.read(function, body, buffer.lent())?;
        buffer.size = answer.word(0) as usize;
        buffer.structure = (answer.word(1), answer.word(2), answer.word(3));
        result
    }

    fn output(
        &mut self,
        function: Function,
        body: Body,
        out: &mut OutputBuffer<'_>,
    ) -> Result<Body, Refusal> {
        let (answer, result) = self.read(function, body, out.lent())?;
        out.size = answer.word(0) as usize;
        result.map(|()| answer)
    }
}

/// Why there is no answer to a call.
enum Broken {
    Late,
    Closed,
    Garbage,
}

/// A refusal as it was sent; a status alone when it was not.
fn refused(status: Status, body: &Body) -> Refusal {
    serde_json::from_slice(&body.octets)
        .ok()
        .filter(|refusal: &Refusal| refusal.status == status)
        .unwrap_or_else(|| Refusal::new(status, "the module refused"))
}

/// Takes what the module says until it says no more.
fn read(mut socket: UnixStream, shared: &Shared, answers: &Sender<Frame>) {
    let reason = loop {
        match Frame::read(&mut socket) {
            Ok(None) => {
                shared.memory.close();
                break format!("its process ended, {}", shared.end(FAREWELL));
            }
            Err(error) => break format!("it does not speak as agreed: {error}"),
            Ok(Some(frame)) => match frame.tag {
                Tag::Answer => {
                    if answers.send(frame).is_err() {
                        return;
                    }
                }
                Tag::Signal => {
                    let state = shared.state();
                    let event = if frame.id == 0 { &state.event } else { &state.trap };
                    let event = event.clone();
                    drop(state);
                    if let Some(event) = event {
                        event.signal();
                    }
                }
                Tag::Ask => {
                    let support = shared.state().support.clone();
                    let (code, body) = match support {
                        Some(support) => tell(&*support, &frame),
                        None => (Status::ERROR_CAN_NOT_COMPLETE.0, Body::default()),
                    };
                    let told = Frame {
                        tag: Tag::Told,
                        id: frame.id,
                        code,
                        body,
                    };
                    if shared.write(&told).is_err() {
                        break format!("its process ended, {}", shared.end(FAREWELL));
                    }
                }
                Tag::Call | Tag::Told => break "it does not speak as agreed".to_owned(),
            },
        }
        let mut heard = shared.heard.0.lock().unwrap_or_else(PoisonError::into_inner);
        *heard = heard.wrapping_add(1);
        drop(heard);
        shared.heard.1.notify_all();
    };
    // Before whoever waits for an answer learns that none will come.
    shared.fail(&reason);
    let _ = socket.shutdown(std::net::Shutdown::Both);
}

/// Answers a question of the module.
fn tell(support: &dyn SupportFunctions, question: &Frame) -> (u32, Body) {
    let body = &question.body;
    let protocol = ProtocolId(body.word(0));
    let index = InterfaceIndex(body.word(1));
    let input = &body.octets;
    let code = |result: Result<(), Refusal>| {
        (
            result.err().map_or(0, |refusal| refusal.status.0),
            Body::default(),
        )
    };
    let Some(function) = Function::of(question.code) else {
        return (Status::ERROR_NOT_SUPPORTED.0, Body::default());
    };
    let output = |call: &dyn Fn(&mut OutputBuffer<'_>) -> Result<(), Refusal>| {
        let mut lent = body
            .capacity
            .map(|capacity| vec![0; capacity.min(1 << 24) as usize]);
        let mut buffer = OutputBuffer::new(lent.as_deref_mut());
        let status = call(&mut buffer).err().map_or(0, |refusal| refusal.status.0);
        let size = buffer.size;
        let mut octets = lent.unwrap_or_default();
        octets.truncate(if status == 0 { size } else { 0 });
        let words = vec![u32::try_from(size).unwrap_or(u32::MAX)];
        let body = Body {
            words,
            capacity: None,
            octets,
        };
        (status, body)
    };
    match function {
        Function::DemandDialRequest => code(support.demand_dial_request(protocol, index)),
        Function::SetInterfaceReceiveType => {
            let kind = match body.word(2) {
                0 => ReceiveType::Promiscuous,
                1 => ReceiveType::PromiscuousMulticast,
                _ => return (Status::ERROR_INVALID_PARAMETER.0, Body::default()),
            };
            code(support.set_interface_receive_type(protocol, index, kind, body.word(3) != 0))
        }
        Function::ValidateRoute => {
            let route = Route {
                kind: RouteKind::Unicast,
                next_hops: NextHops::default(),
                metric: body.word(1),
                tag: 0,
                preference: None,
            };
            let prefix = std::str::from_utf8(input).ok().and_then(|text| text.parse().ok());
            match support.validate_route(protocol, &route, prefix) {
                Ok(preference) => (0, Body::words(&[preference.into()])),
                Err(refusal) => (refusal.status.0, Body::default()),
            }
        }
        Function::MibEntryCreate => code(support.mib_entry_create(protocol, input)),
        Function::MibEntryDelete => code(support.mib_entry_delete(protocol, input)),
        Function::MibEntrySet => code(support.mib_entry_set(protocol, input)),
        Function::MibEntryGet => output(&|out| support.mib_entry_get(protocol, input, out)),
        Function::MibEntryGetFirst => output(&|out| support.mib_entry_get_first(protocol, input, out)),
        Function::MibEntryGetNext => output(&|out| support.mib_entry_get_next(protocol, input, out)),
        Function::GetRouterId => {
            let id = support.router_id().map_or(0, |id| id.address().to_bits());
            (0, Body::words(&[id]))
        }
        Function::HasMulticastBoundary => {
            let group = Ipv4Addr::from(body.word(1));
            let is_blocked = support.has_multicast_boundary(InterfaceIndex(body.word(0)), group);
            (0, Body::words(&[is_blocked.into()]))
        }
        _ => (Status::ERROR_NOT_SUPPORTED.0, Body::default()),
    }
}

/// Numbers, then those of a block, then its octets.
fn with_block(words: &[u32], info: &InfoBlock) -> Body {
    Body {
        words: [words, &[info.version, info.structure_size, info.structure_count]].concat(),
        capacity: None,
        octets: info.bytes.clone(),
    }
}

fn status_words(index: InterfaceIndex, active: bool, status: &InterfaceStatus) -> Vec<u32> {
    let mut words = vec![index.0, active.into(), status.number()];
    if let InterfaceStatus::AddressChange(binding) = status {
        let remote = match binding.remote {
            Some(IpAddr::V4(remote)) => remote.to_bits(),
            _ => 0,
        };
        let speed = binding.speed.to_be_bytes();
        let (high, low) = speed.split_at(4);
        let half = |octets: &[u8]| {
            octets
                .iter()
                .fold(0, |number, octet| number << 8 | u32::from(*octet))
        };
        words.extend([binding.mtu, remote, half(high), half(low)]);
        for local in &binding.addresses {
            words.extend([local.address.to_bits(), local.prefix.length().into()]);
        }
    }
    words
}

impl RoutingProtocol for IsolatedProtocol {
    fn register(&mut self, offer: &RoutingCharacteristics) -> Result<RoutingCharacteristics, Refusal> {
        let words = [offer.version, offer.protocol.0, offer.functionality.bits()];
        let given = self.done(Function::Register, Body::words(&words))?;
        let given = RoutingCharacteristics {
            version: given.word(0),
            protocol: ProtocolId(given.word(1)),
            functionality: Functionality::from_bits_retain(given.word(2)),
        };
        check_registration(offer, &given)?;
        Ok(given)
    }

    fn start(
        &mut self,
        event: Arc<dyn NotificationEvent>,
        support: Arc<dyn SupportFunctions>,
        global: &InfoBlock,
    ) -> Result<(), Refusal> {
        {
            let mut state = self.shared.state();
            state.event = Some(event);
            state.support = Some(support);
        }
        self.done(Function::Start, with_block(&[], global)).map(drop)
    }

    fn start_complete(&mut self) -> Result<(), Refusal> {
        self.done(Function::StartComplete, Body::default()).map(drop)
    }

    fn stop(&mut self) -> Result<(), Refusal> {
        self.done(Function::Stop, Body::default()).map(drop)
    }

    fn global_info(&mut self, buffer: &mut InfoBuffer<'_>) -> Result<(), Refusal> {
        self.info(Function::GlobalInfo, Body::default(), buffer)
    }

    fn prepare_global_info(&mut self, info: &InfoBlock) -> Result<Prepared, Refusal> {
        self.prepare(Scope::Global, info)
    }

    fn set_global_info(&mut self, info: &InfoBlock) -> Result<(), Refusal> {
        self.done(Function::SetGlobalInfo, with_block(&[], info))
            .map(drop)
    }

    fn add_interface(&mut self, interface: &InterfaceIdentity, info: &InfoBlock) -> Result<(), Refusal> {
        let mut body = with_block(&[interface.index.0, interface.kind as u32], info);
        let name = interface.name.as_bytes();
        body.words.push(u32::try_from(name.len()).unwrap_or(u32::MAX));
        body.octets = [name, &info.bytes].concat();
        self.done(Function::AddInterface, body).map(drop)
    }

    fn delete_interface(&mut self, index: InterfaceIndex) -> Result<(), Refusal> {
        self.done(Function::DeleteInterface, Body::words(&[index.0]))
            .map(drop)
    }

    fn interface_status(
        &mut self,
        index: InterfaceIndex,
        active: bool,
        status: &InterfaceStatus,
    ) -> Result<(), Refusal> {
        let words = status_words(index, active, status);
        self.done(Function::InterfaceStatus, Body::words(&words))
            .map(drop)
    }

    fn interface_info(&mut self, index: InterfaceIndex, buffer: &mut InfoBuffer<'_>) -> Result<(), Refusal> {
        self.info(Function::InterfaceInfo, Body::words(&[index.0]), buffer)
    }

    fn prepare_interface_info(
        &mut self,
        index: Option<InterfaceIndex>,
        info: &InfoBlock,
    ) -> Result<Prepared, Refusal> {
        self.prepare(index.map_or(Scope::NewInterface, Scope::Interface), info)
    }

    fn set_interface_info(&mut self, index: InterfaceIndex, info: &InfoBlock) -> Result<(), Refusal> {
        self.done(Function::SetInterfaceInfo, with_block(&[index.0], info))
            .map(drop)
    }

    fn next_event(&mut self) -> Option<Event> {
        let answer = self.done(Function::NextEvent, Body::default()).ok()?;
        let index = InterfaceIndex(answer.word(1));
        match answer.words.first()? {
            0 => Some(Event::RouterStopped),
            1 => Some(Event::SaveGlobalConfigInfo),
            2 => Some(Event::SaveInterfaceConfigInfo(index)),
            3 => Some(Event::UpdateComplete(UpdateComplete {
                interface: index,
                kind: if answer.word(2) == UpdateKind::Services as u32 {
                    UpdateKind::Services
                } else {
                    UpdateKind::Routes
                },
                status: Status(answer.word(3)),
            })),
            _ => None,
        }
    }

    fn router_id_changed(&mut self, id: Option<RouterId>) {
        self.tell_router_id(id);
    }

    fn prepare_router_id(&mut self, id: Option<RouterId>) -> Option<(Impact, String)> {
        self.ask_router_id(id)
    }

    fn show(&mut self, topic: Topic) -> Result<Value, Refusal> {
        self.show_state(topic)
    }

    fn report(&mut self, name: &str, arguments: &ReportArguments) -> Result<Value, Refusal> {
        self.make_report(name, arguments)
    }

    fn describe(&self) -> Option<Arc<dyn ConfigurationCodec>> {
        self.codec.clone()
    }

    fn update_routes(&mut self, index: InterfaceIndex) -> Result<(), Refusal> {
        self.done(Function::UpdateRoutes, Body::words(&[index.0]))
            .map(drop)
    }

    fn connect_client(&mut self, index: InterfaceIndex, client: Ipv4Addr) -> Result<(), Refusal> {
        let words = [index.0, client.to_bits()];
        self.done(Function::ConnectClient, Body::words(&words)).map(drop)
    }

    fn disconnect_client(&mut self, index: InterfaceIndex, client: Ipv4Addr) -> Result<(), Refusal> {
        let words = [index.0, client.to_bits()];
        self.done(Function::DisconnectClient, Body::words(&words))
            .map(drop)
    }

    fn neighbors(
        &mut self,
        index: InterfaceIndex,
        out: &mut OutputBuffer<'_>,
    ) -> Result<NeighborFlags, Refusal> {
        let answer = self.output(Function::Neighbors, Body::words(&[index.0]), out)?;
        let flags = u8::try_from(answer.word(1)).unwrap_or(0);
        Ok(NeighborFlags::from_bits_truncate(flags))
    }

    fn mfe_status(
        &mut self,
        index: InterfaceIndex,
        group: Ipv4Addr,
        source: Ipv4Addr,
    ) -> Result<MfeStatus, Refusal> {
        let words = [index.0, group.to_bits(), source.to_bits()];
        let answer = self.done(Function::MfeStatus, Body::words(&words))?;
        [
            MfeStatus::NoError,
            MfeStatus::ReachedCore,
            MfeStatus::PrunedUpstream,
            MfeStatus::OifPruned,
            MfeStatus::OldRouter,
        ]
        .into_iter()
        .find(|status| *status as u32 == answer.word(0))
        .ok_or_else(|| Refusal::failed("the module gave no status that is a protocol's to give"))
    }

    fn mib_create(&mut self, input: &[u8]) -> Result<(), Refusal> {
        self.done(Function::MibCreate, Body::octets(input)).map(drop)
    }

    fn mib_delete(&mut self, input: &[u8]) -> Result<(), Refusal> {
        self.done(Function::MibDelete, Body::octets(input)).map(drop)
    }

    fn mib_set(&mut self, input: &[u8]) -> Result<(), Refusal> {
        self.done(Function::MibSet, Body::octets(input)).map(drop)
    }

    fn mib_get(&mut self, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        self.output(Function::MibGet, Body::octets(input), out).map(drop)
    }

    fn mib_get_first(&mut self, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        self.output(Function::MibGetFirst, Body::octets(input), out)
            .map(drop)
    }

    fn mib_get_next(&mut self, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        self.output(Function::MibGetNext, Body::octets(input), out)
            .map(drop)
    }

    fn mib_set_trap_info(
        &mut self,
        event: Arc<dyn NotificationEvent>,
        input: &[u8],
        out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal> {
        self.shared.state().trap = Some(event);
        self.output(Function::MibSetTrapInfo, Body::octets(input), out)
            .map(drop)
    }

    fn mib_get_trap_info(&mut self, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        self.output(Function::MibGetTrapInfo, Body::octets(input), out)
            .map(drop)
    }
}

impl Drop for IsolatedProtocol {
    fn drop(&mut self) {
        {
            let mut state = self.shared.state();
            // From now on it is no failure that the process ends.
            state.died = None;
            state.event = None;
            state.trap = None;
            state.support = None;
        }
        self.shared.leave_table();
        self.shared.memory.close();
        let writer = self.shared.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writer.shutdown(std::net::Shutdown::Both);
        drop(writer);
        // The process ends by itself when nobody is there any more. Whoever drops this does not wait for it.
        let shared = Arc::clone(&self.shared);
        let reap = move || drop(shared.end(FAREWELL));
        drop(thread::Builder::new().name("module-end".to_owned()).spawn(reap));
    }
}
