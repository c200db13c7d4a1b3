//! What the host asks of the library that a module is linked to (`include/waypost/waypost.h`).

use std::ffi::{CStr, c_char, c_void};
use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::object::SharedObject;
use crate::rtm::{FUNCTIONS, Functions};
use crate::traces::{self, Voice};

type SetModule = unsafe extern "C" fn(u32) -> u32;
type LibraryUsage = unsafe extern "C" fn(u32, *mut Usage, u32) -> i32;
type LibraryShutdown = unsafe extern "C" fn(u32, u32) -> i32;
type SetRtm = unsafe extern "C" fn(*const Functions);
type TraceSink = unsafe extern "C" fn(*mut c_void, u32, *const c_char, *const c_char);
type SetTraceSink = unsafe extern "C" fn(Option<TraceSink>, *mut c_void);

/// How long a module's threads, work and timers may take to end once it has stopped.
pub(crate) const PATIENCE_MS: u32 = 2000;

/// The number of the next instance; 0 is the host itself.
static NEXT: AtomicU32 = AtomicU32::new(1);

/// A number that no other instance has.
pub(crate) fn next_number() -> u32 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The library as one instance of a module sees it, with the number that everything of the instance belongs to.
#[derive(Clone, Copy)]
pub(crate) struct Library {
    number: u32,
    set_module: SetModule,
    usage: LibraryUsage,
    shutdown: LibraryShutdown,
    /// Missing in libraries of before.
    set_rtm: Option<SetRtm>,
    set_trace_sink: Option<SetTraceSink>,
}

/// What an instance holds (WAYPOST_USAGE).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    handles: u64,
    heaps: u64,
    heap_blocks: u64,
    heap_bytes: u64,
    damaged_blocks: u64,
    threads: u64,
    work_items: u64,
    timer_queues: u64,
    timers: u64,
    trace_ids: u64,
    waits: u64,
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.handles, "handles"),
            (self.heaps, "heaps"),
            (self.heap_blocks, "heap blocks"),
            (self.heap_bytes, "octets of heap"),
            (self.damaged_blocks, "damaged heap blocks"),
            (self.threads, "threads"),
            (self.work_items, "work items"),
            (self.timer_queues, "timer queues"),
            (self.timers, "timers"),
            (self.trace_ids, "trace ids"),
            (self.waits, "registered waits"),
        ];
        let mut between = "";
        for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, "{between}{count} {what}")?;
            between = ", ";
        }
        Ok(())
    }
}

impl Library {
    /// The library that an object is linked to; `None` when it is linked to none, or to its archive.
    pub(crate) fn of(object: &SharedObject) -> Option<Self> {
        fn function<F: Copy>(object: &SharedObject, name: &CStr) -> Option<F> {
            const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
            let symbol = object.symbol(name)?;
            // SAFETY: `F` is what the header says that the symbol is, a pointer to a function.
            Some(unsafe { std::mem::transmute_copy(&symbol) })
        }
        Some(Self {
            set_module: function(object, c"WaypostSetModule")?,
            usage: function(object, c"WaypostLibraryUsage")?,
            shutdown: function(object, c"WaypostLibraryShutdown")?,
            set_rtm: function(object, c"WaypostSetRtm"),
            set_trace_sink: function(object, c"WaypostSetTraceSink"),
            number: next_number(),
        })
    }

    /// What the library knows the instance by.
    pub(crate) const fn number(self) -> u32 {
        self.number
    }

    /// Has the library hand calls of the routing table on. False: it has no such functions.
    pub(crate) fn offer_table(self) -> bool {
        // SAFETY: the library stays loaded, and so do the functions.
        self.set_rtm
            .map(|set| unsafe { set(&raw const FUNCTIONS) })
            .is_some()
    }

    /// Has traces of all modules of the library go to the log, those of the instance in its name, if there is a log.
    pub(crate) fn log_traces(self, voice: Voice) {
        if let Some(set) = self.set_trace_sink.filter(|_| traces::is_logged()) {
            traces::hear(self.number, voice);
            // SAFETY: the library stays loaded, and so does the sink, which needs no context.
            unsafe { set(Some(traces::sink), ptr::null_mut()) };
        }
    }

    /// Makes this thread work for the instance until what is returned is dropped.
    pub(crate) fn enter(self) -> Inside {
        Inside {
            set_module: self.set_module,
            // SAFETY: the library stays loaded.
            before: unsafe { (self.set_module)(self.number) },
        }
    }

    /// What the instance holds, if it holds anything.
    pub(crate) fn usage(self) -> Option<Usage> {
        let mut usage = Usage::default();
        // SAFETY: the library stays loaded, the answer lives through the call, and no more is written than it has.
        let is_known = unsafe { (self.usage)(self.number, &raw mut usage, size_of::<Usage>() as u32) } != 0;
        (is_known && usage != Usage::default()).then_some(usage)
    }

    /// Ends what the instance has left. False: something of it still runs.
    pub(crate) fn shut_down(self) -> bool {
        // SAFETY: the library stays loaded.
        unsafe { (self.shutdown)(self.number, PATIENCE_MS) != 0 }
    }
}

/// This thread works for an instance.
pub(crate) struct Inside {
    set_module: SetModule,
    before: u32,
}

impl Drop for Inside {
    fn drop(&mut self) {
        // SAFETY: the library stays loaded.
        unsafe { (self.set_module)(self.before) };
    }
}
