//! Locks of destinations, slots and methods (A10).

use waypost_routprot::Status;
use waypost_rtmv2::client::{Handle, Invocation};

use super::layout::{Method, MethodInput, MethodOutput};
use super::pointer::{In, Octets, Out};
use super::registry::{answer, answer_module};

/// METHOD_TYPE_ALL_METHODS.
const ALL_METHODS: u32 = u32::MAX;
/// RTM_RESUME_METHODS and RTM_BLOCK_METHODS.
const RESUME: u32 = 0;
const BLOCK: u32 = 1;
/// The most octets that a method may be given; more are taken for garbage.
const LARGEST_INPUT: u32 = 1 << 20;

pub(super) extern "C" fn lock_destination(entity: u64, destination: u64, exclusive: i32, lock: i32) -> u32 {
    answer(entity, |client, entity| {
        client.lock_destination(entity, Handle(destination), exclusive != 0, lock != 0)
    })
}

pub(super) extern "C" fn get_opaque_information_pointer(
    entity: u64,
    destination: u64,
    pointer: Out<*mut usize>,
) -> u32 {
    answer(entity, |client, entity| {
        pointer.check()?;
        let slot = client.slot(entity, Handle(destination))?;
        pointer.put(slot.as_ptr());
        Ok(())
    })
}

pub(super) extern "C" fn get_entity_methods(
    entity: u64,
    of: u64,
    count: Out<u32>,
    methods: Out<usize>,
) -> u32 {
    answer(entity, |client, entity| {
        let room = count.get()? as usize;
        let found = client.methods(entity, Handle(of))?;
        let filled = if methods.is_null() {
            found.len()
        } else {
            found.len().min(room)
        };
        for (at, method) in found.iter().take(filled).enumerate() {
            methods.put_at(at, *method);
        }
        // INVARIANT: there are 32 at most.
        count.put(filled as u32);
        if filled < found.len() {
            Err(Status::ERROR_INSUFFICIENT_BUFFER)
        } else {
            Ok(())
        }
    })
}

pub(super) extern "C" fn block_methods(entity: u64, target: u64, _kind: u8, flag: u32) -> u32 {
    answer(entity, |client, entity| match flag {
        RESUME | BLOCK => client.block_methods(entity, Handle(target), flag == BLOCK),
        _ => Err(Status::ERROR_INVALID_PARAMETER),
    })
}

/// What a method reads: a copy for each of them, which names this one alone.
struct Given(Vec<u64>);

impl Given {
    fn new(head: MethodInput, octets: &[u8]) -> Self {
        let mut words = vec![u64::from(head.kind) | u64::from(head.size) << 32];
        for chunk in octets.chunks(size_of::<u64>()) {
            let mut word = [0; size_of::<u64>()];
            word[..chunk.len()].copy_from_slice(chunk);
            words.push(u64::from_ne_bytes(word));
        }
        // The structure has an octet even where it has no octets.
        words.push(0);
        Self(words)
    }

    const fn pointer(&mut self) -> *mut MethodInput {
        self.0.as_mut_ptr().cast()
    }
}

const _: () = assert!(
    cfg!(target_endian = "little"),
    "the head of an input is made of one word"
);

/// The records that methods write, one after the other.
struct Records {
    place: Octets,
    room: usize,
    used: usize,
}

impl Records {
    const HEAD: usize = size_of::<MethodOutput>();

    /// Has a record written; `None` when there is no room for its head.
    fn add(&mut self, kind: u32, write: impl FnOnce(*mut MethodOutput) -> bool) -> Option<()> {
        let room = self.room.checked_sub(self.used)?.checked_sub(Self::HEAD)?;
        let place: Out<MethodOutput> = self.place.at(self.used);
        let mut record = MethodOutput {
            kind,
            status: Status::NO_ERROR.0,
            size: u32::try_from(room).unwrap_or(u32::MAX),
        };
        place.put(record);
        if write(place.pointer()) {
            record = place.get().ok()?;
            // It cannot have written more than there was room for.
            record.size = record.size.min(u32::try_from(room).unwrap_or(u32::MAX));
        } else {
            record.status = Status::ERROR_NOT_SUPPORTED.0;
            record.size = 0;
        }
        record.kind = kind;
        place.put(record);
        let end = self.used + Self::HEAD + record.size as usize;
        self.used = end.next_multiple_of(4).min(self.room);
        Some(())
    }
}

fn method_of(invocation: &Invocation<'_>, bit: u32) -> Option<Method> {
    let address = *invocation.methods().get(bit as usize)?;
    // SAFETY: the callee gave the function as one of this type; it was not NULL, and its code stays loaded while it is
    // called.
    Some(unsafe { std::mem::transmute::<usize, Method>(address) })
}

pub(super) extern "C" fn invoke_method(
    entity: u64,
    callee: u64,
    input: In<MethodInput>,
    size: Out<u32>,
    output: Octets,
) -> u32 {
    answer_module(entity, |module, entity| {
        let head = input.get()?;
        let room = size.get()? as usize;
        if output.is_null() || head.size > LARGEST_INPUT {
            return Err(Status::ERROR_INVALID_PARAMETER);
        }
        let octets = input.behind().all(head.size)?;
        size.put(0);
        let invocation = module.client.invoke(entity, Handle(callee))?;
        let mut records = Records {
            place: output,
            room,
            used: 0,
        };
        // INVARIANT: there are 32 methods at most.
        let known = invocation.methods().len() as u32;
        let asked = (0..u32::BITS).filter(|bit| head.kind & 1 << bit != 0);
        for bit in asked.filter(|bit| head.kind != ALL_METHODS || *bit < known) {
            let kind = 1 << bit;
            let added = records.add(kind, |record| {
                let Some(method) = method_of(&invocation, bit) else {
                    return false;
                };
                let mut given = Given::new(MethodInput { kind, ..head }, &octets);
                let _inside = module.enter();
                // SAFETY: both structures live through the call, and the record says how much room there is.
                unsafe { method(entity.0, callee, given.pointer(), record) };
                true
            });
            size.put(u32::try_from(records.used).unwrap_or(u32::MAX));
            added.ok_or(Status::ERROR_INSUFFICIENT_BUFFER)?;
        }
        Ok(())
    })
}
