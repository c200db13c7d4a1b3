//! The module's side: does what the host asks for.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};

use waypost_routprot::{
    AdapterBinding, Event, Functionality, InfoBlock, InfoBuffer, InterfaceIdentity, InterfaceStatus,
    InterfaceType, LocalBinding, NotificationEvent, OutputBuffer, ReceiveType, Refusal,
    RoutingCharacteristics, RoutingProtocol, Status, SupportFunctions,
};
use waypost_rtmv2::RouteTable;
use waypost_types::{InterfaceIndex, Prefix, Prefix4, ProtocolId, Route, RouterId};

use super::confine::hide;
use super::describe;
use super::frame::{Body, Frame, Function, Tag};
use super::memory::{Memory, ROOM};
use super::state;
use super::table::RemoteTable;
use crate::ModuleProtocol;
use crate::prepare::Scope;

/// Takes away the process's standard output, which is the memory that the host gave, and puts nothing in its place: what a
/// module prints goes nowhere.
///
/// # Errors
/// When a descriptor cannot be had.
pub fn take_standard_output() -> io::Result<OwnedFd> {
    let memory = io::stdout().as_fd().try_clone_to_owned()?;
    let nothing = OpenOptions::new().write(true).open("/dev/null")?;
    // SAFETY: takes numbers; the standard output is nobody's to rely on yet.
    if unsafe { libc::dup2(nothing.as_raw_fd(), libc::STDOUT_FILENO) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(memory)
}

/// A module's file, read before the process is confined: its user may not be allowed to.
pub struct Object {
    path: PathBuf,
    octets: io::Result<Vec<u8>>,
}

impl Object {
    /// Reads it. That it cannot be read is the answer of whoever asks for it to be loaded.
    #[must_use]
    pub fn read(path: PathBuf) -> Self {
        Self {
            octets: fs::read(&path),
            path,
        }
    }
}

/// Loads a module and does what the host at the other end of `socket` asks for, until it goes. `memory` is what the host gave
/// for it; `with_table` says that the module has the host's routing table.
///
/// # Errors
/// When the socket fails or brings something that is not ours.
pub fn serve(socket: UnixStream, memory: &OwnedFd, with_table: bool, object: Object) -> io::Result<()> {
    let memory = Arc::new(Memory::map(memory)?);
    let table = if with_table {
        Some(Arc::new(RemoteTable::new(memory.clone())?) as Arc<dyn RouteTable>)
    } else {
        None
    };
    let link = Arc::new(Link {
        writer: Mutex::new((socket.try_clone()?, 0)),
        asked: Mutex::default(),
    });
    let (calls, waiting) = mpsc::sync_channel(1);
    // Answers to what the module asks from threads of its own come while a call runs: another thread reads.
    let reader = std::thread::Builder::new().name("reader".to_owned()).spawn({
        let (link, memory) = (Arc::clone(&link), memory.clone());
        move || {
            let end = read(socket, &link, &calls);
            memory.close();
            end
        }
    })?;
    let mut stage = Stage {
        object: Some(object),
        table,
        module: None,
    };
    let mut question = Vec::new();
    while memory.await_question(memory.calls(), &mut question) {
        let call = if question.is_empty() {
            // Too long for the memory.
            waiting.recv().map_err(|_| io::ErrorKind::UnexpectedEof)?
        } else {
            Frame::decode(&question).ok_or(io::ErrorKind::InvalidData)?
        };
        let (code, body) = answer(&mut stage, &link, &call);
        let answer = Frame {
            tag: Tag::Answer,
            id: call.id,
            code,
            body,
        };
        let octets = answer.octets()?;
        let fits = octets.len() + size_of::<u32>() <= ROOM;
        let connected = if fits { link.check() } else { link.write(&answer) };
        if let Err(error) = connected {
            // The module may be what took the connection away: nothing of it is called any more.
            std::mem::forget(stage.module);
            return Err(error);
        }
        let sent = link.sent().to_ne_bytes();
        let told = if fits {
            [&sent[..], &octets].concat()
        } else {
            sent.to_vec()
        };
        memory.answer(memory.calls(), &told);
    }
    // A host that wanted the module to say good-bye would have stopped it. One that goes without a word may be a daemon that
    // restarts: to neighbours nothing must have happened. The kernel takes back what the process has.
    std::mem::forget(stage.module);
    reader.join().unwrap_or(Ok(()))
}

fn read(mut socket: UnixStream, link: &Link, calls: &SyncSender<Frame>) -> io::Result<()> {
    let end = loop {
        match Frame::read(&mut socket) {
            Ok(Some(frame)) if frame.tag == Tag::Call => {
                if calls.send(frame).is_err() {
                    break Ok(());
                }
            }
            Ok(Some(frame)) if frame.tag == Tag::Told => link.told(frame),
            Ok(Some(_)) => break Err(io::ErrorKind::InvalidData.into()),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    link.told_no_more();
    end
}

/// The way to the host.
struct Link {
    /// The socket, and how many frames went into it.
    writer: Mutex<(UnixStream, u32)>,
    /// Who waits for the answer to which question, and the number of the next one.
    asked: Mutex<(u32, BTreeMap<u32, SyncSender<Frame>>)>,
}

impl Link {
    fn write(&self, frame: &Frame) -> io::Result<()> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.1 = writer.1.wrapping_add(1);
        frame.write(&mut writer.0)
    }

    /// Whether the connection is there.
    fn check(&self) -> io::Result<()> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.0.peer_addr().map(drop)
    }

    fn sent(&self) -> u32 {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    fn told(&self, frame: Frame) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = asked.1.remove(&frame.id) {
            let _ = waiting.send(frame);
        }
    }

    fn told_no_more(&self) {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .1
            .clear();
    }

    /// Asks the host; status, numbers and octets. A host that is gone cannot complete anything.
    fn ask(&self, function: Function, body: Body) -> (u32, Body) {
        let (answer, told) = mpsc::sync_channel(1);
        let id = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            asked.0 = asked.0.wrapping_add(1);
            let id = asked.0;
            asked.1.insert(id, answer);
            id
        };
        let question = Frame {
            tag: Tag::Ask,
            id,
            code: function as u32,
            body,
        };
        let told = self.write(&question).ok().and_then(|()| told.recv().ok());
        match told {
            Some(frame) => (frame.code, frame.body),
            None => (Status::ERROR_CAN_NOT_COMPLETE.0, Body::default()),
        }
    }
}

/// An event of the host's: 0 of the queue, 1 of traps.
struct Bell(Arc<Link>, u32);

impl NotificationEvent for Bell {
    fn signal(&self) {
        // A host that is gone hears nothing.
        let _ = self.0.write(&Frame {
            tag: Tag::Signal,
            id: self.1,
            code: 0,
            body: Body::default(),
        });
    }
}

fn refusal(status: u32) -> Result<(), Refusal> {
    match Status(status) {
        Status::NO_ERROR => Ok(()),
        status => Err(Refusal::new(status, "the host refused")),
    }
}

/// What the host does for the module, asked across the socket.
struct Remote(Arc<Link>);

impl Remote {
    fn mib(
        &self,
        function: Function,
        target: ProtocolId,
        input: &[u8],
        out: Option<&mut OutputBuffer<'_>>,
    ) -> Result<(), Refusal> {
        let (capacity, out) = match out {
            None => (None, None),
            Some(out) => (
                out.lent()
                    .map(|lent| u32::try_from(lent.len()).unwrap_or(u32::MAX)),
                Some(out),
            ),
        };
        let (status, body) = self.0.ask(
            function,
            Body {
                words: vec![target.0],
                capacity,
                octets: input.to_vec(),
            },
        );
        if let Some(out) = out {
            if status == Status::NO_ERROR.0 {
                return out.put(&body.octets);
            }
            out.size = body.word(0) as usize;
        }
        refusal(status)
    }
}

impl SupportFunctions for Remote {
    fn demand_dial_request(&self, protocol: ProtocolId, interface: InterfaceIndex) -> Result<(), Refusal> {
        let body = Body::words(&[protocol.0, interface.0]);
        refusal(self.0.ask(Function::DemandDialRequest, body).0)
    }

    fn set_interface_receive_type(
        &self,
        protocol: ProtocolId,
        interface: InterfaceIndex,
        kind: ReceiveType,
        active: bool,
    ) -> Result<(), Refusal> {
        let body = Body::words(&[protocol.0, interface.0, kind as u32, active.into()]);
        refusal(self.0.ask(Function::SetInterfaceReceiveType, body).0)
    }

    fn validate_route(
        &self,
        protocol: ProtocolId,
        route: &Route,
        prefix: Option<Prefix>,
    ) -> Result<u8, Refusal> {
        let text = prefix.map(|prefix| prefix.to_string()).unwrap_or_default();
        let body = Body {
            words: vec![protocol.0, route.metric],
            capacity: None,
            octets: text.into_bytes(),
        };
        let (status, body) = self.0.ask(Function::ValidateRoute, body);
        refusal(status)?;
        Ok(u8::try_from(body.word(0)).unwrap_or(u8::MAX))
    }

    fn mib_entry_create(&self, target: ProtocolId, input: &[u8]) -> Result<(), Refusal> {
        self.mib(Function::MibEntryCreate, target, input, None)
    }

    fn mib_entry_delete(&self, target: ProtocolId, input: &[u8]) -> Result<(), Refusal> {
        self.mib(Function::MibEntryDelete, target, input, None)
    }

    fn mib_entry_set(&self, target: ProtocolId, input: &[u8]) -> Result<(), Refusal> {
        self.mib(Function::MibEntrySet, target, input, None)
    }

    fn mib_entry_get(
        &self,
        target: ProtocolId,
        input: &[u8],
        out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal> {
        self.mib(Function::MibEntryGet, target, input, Some(out))
    }

    fn mib_entry_get_first(
        &self,
        target: ProtocolId,
        input: &[u8],
        out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal> {
        self.mib(Function::MibEntryGetFirst, target, input, Some(out))
    }

    fn mib_entry_get_next(
        &self,
        target: ProtocolId,
        input: &[u8],
        out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal> {
        self.mib(Function::MibEntryGetNext, target, input, Some(out))
    }

    fn router_id(&self) -> Option<RouterId> {
        let (_, body) = self.0.ask(Function::GetRouterId, Body::default());
        RouterId::new(Ipv4Addr::from(body.word(0))).ok()
    }

    fn has_multicast_boundary(&self, interface: InterfaceIndex, group: Ipv4Addr) -> bool {
        let body = Body::words(&[interface.0, group.to_bits()]);
        self.0.ask(Function::HasMulticastBoundary, body).1.word(0) != 0
    }
}

/// A result as status and body: a refusal travels as JSON, because it is for people.
fn outcome(result: Result<Body, Refusal>) -> (u32, Body) {
    match result {
        Ok(body) => (Status::NO_ERROR.0, body),
        Err(refusal) => {
            let octets = serde_json::to_vec(&refusal).unwrap_or_default();
            (refusal.status.0, Body::octets(&octets))
        }
    }
}

fn block(words: &[u32], octets: &[u8]) -> InfoBlock {
    let word = |place: usize| words.get(place).copied().unwrap_or(0);
    InfoBlock {
        version: word(0),
        structure_size: word(1),
        structure_count: word(2),
        bytes: octets.to_vec(),
    }
}

/// Lends a buffer as large as the host does, and sends back what was written to it.
fn output(
    capacity: Option<u32>,
    call: impl FnOnce(&mut OutputBuffer<'_>) -> Result<u32, Refusal>,
) -> (u32, Body) {
    let mut lent = capacity.map(|capacity| vec![0; capacity as usize]);
    let mut buffer = OutputBuffer::new(lent.as_deref_mut());
    let result = call(&mut buffer);
    let size = buffer.size;
    written(result.map(|extra| vec![extra]), size, lent, &[0])
}

fn info(capacity: Option<u32>, call: impl FnOnce(&mut InfoBuffer<'_>) -> Result<(), Refusal>) -> (u32, Body) {
    let mut lent = capacity.map(|capacity| vec![0; capacity as usize]);
    let mut buffer = InfoBuffer::new(lent.as_deref_mut());
    let result = call(&mut buffer);
    let (size, structure) = (buffer.size, <[u32; 3]>::from(buffer.structure));
    written(result.map(|()| structure.to_vec()), size, lent, &structure)
}

/// Words after the size, and the octets that were written; a buffer that is too small has the size alone.
fn written(
    result: Result<Vec<u32>, Refusal>,
    size: usize,
    lent: Option<Vec<u8>>,
    needed: &[u32],
) -> (u32, Body) {
    let total = u32::try_from(size).unwrap_or(u32::MAX);
    match result {
        Ok(extra) => {
            let mut octets = lent.unwrap_or_default();
            octets.truncate(size);
            let words = [&[total], extra.as_slice()].concat();
            (
                Status::NO_ERROR.0,
                Body {
                    words,
                    capacity: None,
                    octets,
                },
            )
        }
        Err(refusal) if refusal.status == Status::ERROR_INSUFFICIENT_BUFFER => {
            (refusal.status.0, Body::words(&[&[total], needed].concat()))
        }
        Err(refusal) => outcome(Err(refusal)),
    }
}

fn interface_status(body: &Body) -> Option<InterfaceStatus> {
    Some(match body.word(2) {
        0 => InterfaceStatus::AddressChange(AdapterBinding {
            remote: (body.word(4) != 0).then(|| IpAddr::V4(Ipv4Addr::from(body.word(4)))),
            mtu: body.word(3),
            speed: u64::from(body.word(5)) << 32 | u64::from(body.word(6)),
            addresses: body
                .words
                .get(7..)?
                .as_chunks::<2>()
                .0
                .iter()
                .map(|[address, length]| {
                    let address = Ipv4Addr::from(*address);
                    let prefix = Prefix4::containing(address, u8::try_from(*length).ok()?).ok()?;
                    Some(LocalBinding { address, prefix })
                })
                .collect::<Option<_>>()?,
            addresses6: Vec::new(),
        }),
        1 => InterfaceStatus::Enabled,
        2 => InterfaceStatus::Disabled,
        3 => InterfaceStatus::MediaPresent,
        4 => InterfaceStatus::MediaAbsent,
        _ => return None,
    })
}

fn event_words(event: Option<Event>) -> Vec<u32> {
    match event {
        None => Vec::new(),
        Some(event @ (Event::RouterStopped | Event::SaveGlobalConfigInfo)) => vec![event.number()],
        Some(event @ Event::SaveInterfaceConfigInfo(index)) => vec![event.number(), index.0],
        Some(Event::UpdateComplete(update)) => {
            vec![3, update.interface.0, update.kind as u32, update.status.0]
        }
    }
}

/// The module, and what it is loaded with.
struct Stage {
    /// Until it is loaded.
    object: Option<Object>,
    table: Option<Arc<dyn RouteTable>>,
    module: Option<ModuleProtocol>,
}

/// Does one call.
fn answer(stage: &mut Stage, link: &Arc<Link>, call: &Frame) -> (u32, Body) {
    let body = &call.body;
    let Some(function) = Function::of(call.code) else {
        return outcome(Err(Refusal::failed("a function that is unknown here")));
    };
    if function == Function::Load {
        let Some(object) = stage.object.take() else {
            return outcome(Err(Refusal::failed("a module is loaded once")));
        };
        let loaded = ModuleProtocol::load_octets(&object.path, object.octets, stage.table.clone());
        return outcome(match loaded {
            Ok(loaded) => {
                hide();
                stage.module = Some(loaded);
                Ok(Body::default())
            }
            Err(error) => Err(Refusal::failed(error.to_string())),
        });
    }
    let Some(module) = stage.module.as_mut() else {
        return outcome(Err(Refusal::failed("no module is loaded")));
    };
    let index = InterfaceIndex(body.word(0));
    let input = &body.octets;
    let done = |result: Result<(), Refusal>| outcome(result.map(|()| Body::default()));
    match function {
        Function::Register => outcome(
            module
                .register(&RoutingCharacteristics {
                    version: body.word(0),
                    protocol: ProtocolId(body.word(1)),
                    functionality: Functionality::from_bits_retain(body.word(2)),
                })
                .map(|given| Body::words(&[given.version, given.protocol.0, given.functionality.bits()])),
        ),
        Function::Start => done(module.start(
            Arc::new(Bell(Arc::clone(link), 0)),
            Arc::new(Remote(Arc::clone(link))),
            &block(&body.words, input),
        )),
        Function::StartComplete => done(module.start_complete()),
        Function::Stop => done(module.stop()),
        Function::GlobalInfo => info(body.capacity, |buffer| module.global_info(buffer)),
        Function::SetGlobalInfo => done(module.set_global_info(&block(&body.words, input))),
        Function::AddInterface => {
            let (name, bytes) = input.split_at_checked(body.word(5) as usize).unwrap_or_default();
            let kind = [
                InterfaceType::Permanent,
                InterfaceType::DemandDial,
                InterfaceType::LocalWorkstationDial,
                InterfaceType::RemoteWorkstationDial,
            ];
            let identity = InterfaceIdentity {
                name: String::from_utf8_lossy(name).into_owned(),
                index,
                kind: kind.get(body.word(1) as usize).copied().unwrap_or_default(),
            };
            let words = body.words.get(2..5).unwrap_or_default();
            done(module.add_interface(&identity, &block(words, bytes)))
        }
        Function::DeleteInterface => done(module.delete_interface(index)),
        Function::InterfaceStatus => match interface_status(body) {
            Some(status) => done(module.interface_status(index, body.word(1) != 0, &status)),
            None => outcome(Err(Refusal::failed("no interface status"))),
        },
        Function::InterfaceInfo => info(body.capacity, |buffer| module.interface_info(index, buffer)),
        Function::SetInterfaceInfo => {
            let words = body.words.get(1..).unwrap_or_default();
            done(module.set_interface_info(index, &block(words, input)))
        }
        Function::PrepareInfo => match Scope::of([body.word(0), body.word(1)]) {
            Some(scope) => {
                let words = body.words.get(2..).unwrap_or_default();
                let prepared = module.prepare(scope, &block(words, input));
                outcome(prepared.and_then(|prepared| match serde_json::to_vec(&prepared) {
                    Ok(octets) => Ok(Body::octets(&octets)),
                    Err(error) => Err(Refusal::failed(error.to_string())),
                }))
            }
            None => outcome(Err(Refusal::failed("no such scope"))),
        },
        Function::DescribeConfiguration | Function::Translate => {
            outcome(describe::answer(module, function, body))
        }
        Function::ShowState
        | Function::MakeReport
        | Function::RouterIdChanged
        | Function::PrepareRouterId => outcome(state::answer(module, function, body)),
        Function::NextEvent => (Status::NO_ERROR.0, Body::words(&event_words(module.next_event()))),
        Function::UpdateRoutes => done(module.update_routes(index)),
        Function::ConnectClient => done(module.connect_client(index, Ipv4Addr::from(body.word(1)))),
        Function::DisconnectClient => done(module.disconnect_client(index, Ipv4Addr::from(body.word(1)))),
        Function::Neighbors => output(body.capacity, |out| {
            module.neighbors(index, out).map(|flags| flags.bits().into())
        }),
        Function::MfeStatus => outcome(
            module
                .mfe_status(index, Ipv4Addr::from(body.word(1)), Ipv4Addr::from(body.word(2)))
                .map(|status| Body::words(&[status as u32])),
        ),
        Function::MibCreate => done(module.mib_create(input)),
        Function::MibDelete => done(module.mib_delete(input)),
        Function::MibSet => done(module.mib_set(input)),
        Function::MibGet => output(body.capacity, |out| module.mib_get(input, out).map(|()| 0)),
        Function::MibGetFirst => output(body.capacity, |out| module.mib_get_first(input, out).map(|()| 0)),
        Function::MibGetNext => output(body.capacity, |out| module.mib_get_next(input, out).map(|()| 0)),
        Function::MibSetTrapInfo => output(body.capacity, |out| {
            let bell = Arc::new(Bell(Arc::clone(link), 1));
            module.mib_set_trap_info(bell, input, out).map(|()| 0)
        }),
        Function::MibGetTrapInfo => output(body.capacity, |out| {
            module.mib_get_trap_info(input, out).map(|()| 0)
        }),
        _ => outcome(Err(Refusal::failed("not a function of a module"))),
    }
}
