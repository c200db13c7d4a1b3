//! Memory that both processes see: a place for one question at a time in each direction, and bells.
//!
//! A million calls a second cannot each wait for a system call. Whoever asks writes its question here and looks for the
//! answer for a few microseconds before it sleeps, and so does who answers. Everything in here is atomic and is copied out
//! before it is looked at: the other process may write whatever it likes at any time.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::turn::{Bells, Side, Turn};

pub(super) use super::turn::Silence;

/// Octets of a question or an answer at most.
pub(super) const ROOM: usize = 256 << 10;
const WORDS: usize = ROOM / size_of::<u64>();

/// How long it is looked for the other side before sleeping: longer than a call takes that is answered at once, shorter than
/// it would cost to be woken twice.
const LOOK: Duration = Duration::from_micros(20);
/// Sleep ends by itself so often, to see whether the other side, which may die without a word, is still there.
const NAP: Duration = Duration::from_millis(500);

/// A place for a question, and then for its answer.
#[repr(C)]
pub(super) struct Place {
    /// Looked at all the time by who waits, and therefore apart from what the other side writes meanwhile.
    turn: Line<Turn<AtomicU32>>,
    text: Line<Text>,
}

#[repr(C)]
struct Text {
    size: AtomicU32,
    words: [AtomicU64; WORDS],
}

/// Begins a line of the processors' caches.
#[repr(C, align(64))]
struct Line<T>(T);

#[repr(C)]
struct Region {
    /// Calls of the module's functions.
    calls: Place,
    /// Questions of the module about the routing table.
    table: Place,
    bells: Bells<AtomicU32>,
    /// One of the sides is gone: nobody waits any more.
    closed: AtomicU32,
}

/// The memory, mapped.
pub(super) struct Memory {
    region: NonNull<Region>,
    /// This side has closed it: the other one may write what it likes to where it reads the same.
    left: AtomicBool,
}

// SAFETY: everything in the region is atomic.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Fresh memory, and the descriptor by which another process maps it.
    pub(super) fn new() -> io::Result<(Self, OwnedFd)> {
        // SAFETY: the name is a string that ends in NUL.
        let number = unsafe {
            libc::memfd_create(
                c"waypost-table".as_ptr(),
                libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING,
            )
        };
        if number < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is fresh and nobody else's.
        let file = unsafe { OwnedFd::from_raw_fd(number) };
        // SAFETY: takes numbers.
        if unsafe { libc::ftruncate(file.as_raw_fd(), size_of::<Region>() as libc::off_t) } < 0 {
            return Err(io::Error::last_os_error());
        }
        // Without this the other process could make it shorter, and the next look would end this one.
        let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
        // SAFETY: takes numbers.
        if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok((Self::map(&file)?, file))
    }

    /// Maps the memory of another process.
    pub(super) fn map(file: &OwnedFd) -> io::Result<Self> {
        let size = size_of::<Region>();
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping, wherever there is room; the file is as long as `new` makes it, and sealed.
        let pointer = unsafe {
            libc::mmap(
                ptr::null_mut(),
                size,
                access,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if pointer == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let region = NonNull::new(pointer.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self {
            region,
            left: AtomicBool::new(false),
        })
    }

    const fn region(&self) -> &Region {
        // SAFETY: mapped as long as this lives, page-aligned, and every pattern of bits is a value of atomics.
        unsafe { self.region.as_ref() }
    }

    pub(super) const fn calls(&self) -> &Place {
        &self.region().calls
    }

    pub(super) const fn table(&self) -> &Place {
        &self.region().table
    }

    /// Nobody waits here any more, on either side.
    pub(super) fn close(&self) {
        let region = self.region();
        self.left.store(true, Ordering::SeqCst);
        region.closed.store(1, Ordering::SeqCst);
        region.calls.turn.0.close();
        region.table.turn.0.close();
        region.bells.close();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.left.load(Ordering::SeqCst) || self.region().closed.load(Ordering::SeqCst) != 0
    }

    /// Rings a bell, 0..[`BELLS`](super::turn::BELLS). Never waits.
    pub(super) fn ring(&self, bell: u32) {
        self.region().bells.ring(bell);
    }

    /// Waits for bells, one bit each; `None` when the memory is closed.
    pub(super) fn listen(&self) -> Option<u32> {
        self.region().bells.listen(|| self.is_closed(), NAP)
    }

    /// What a process may do that means harm: writes a number somewhere into the place of questions about the table, or over
    /// whose turn it is, how much there is, and who sleeps.
    pub(super) fn scribble(&self, word: u64) {
        let place = self.table();
        let number = word as u32;
        match word >> 61 {
            which @ 0..3 => place.turn.0.scribble(which as usize, number),
            3 => place.text.0.size.store(number, Ordering::SeqCst),
            4 => self.ring(number),
            // Most questions are short.
            _ => place.text.0.words[number as usize % 64].store(word, Ordering::SeqCst),
        }
    }

    /// Asks, and waits for the answer, but not beyond `until`; one thread at a time.
    pub(super) fn ask(
        &self,
        place: &Place,
        question: &[u8],
        answer: &mut Vec<u8>,
        until: Option<Instant>,
    ) -> Result<(), Silence> {
        self.ask_while(place, question, answer, until, || ())
    }

    /// [`Self::ask`], and does what the caller has to do meanwhile.
    pub(super) fn ask_while(
        &self,
        place: &Place,
        question: &[u8],
        answer: &mut Vec<u8>,
        until: Option<Instant>,
        meanwhile: impl FnOnce(),
    ) -> Result<(), Silence> {
        place.text.0.put(question);
        place.turn.0.ask();
        meanwhile();
        self.wait(&place.turn.0, Side::Asker, until)?;
        place.text.0.take(answer);
        place.turn.0.rest();
        Ok(())
    }

    /// Waits for a question. False when the memory was closed, even if there is another one: somebody who asks all the time
    /// is no reason to go on.
    pub(super) fn await_question(&self, place: &Place, question: &mut Vec<u8>) -> bool {
        let asked = self.wait(&place.turn.0, Side::Answerer, None);
        let is_open = asked.is_ok() && !self.is_closed();
        if is_open {
            place.text.0.take(question);
        }
        is_open
    }

    /// Answers the question that was awaited.
    pub(super) fn answer(&self, place: &Place, answer: &[u8]) {
        place.text.0.put(answer);
        place.turn.0.answer();
    }

    /// Waits until it is the turn of a side, but not beyond `until`: looks for a while, and sleeps then.
    fn wait(&self, turn: &Turn<AtomicU32>, side: Side, until: Option<Instant>) -> Result<(), Silence> {
        let mut begun = None;
        loop {
            for _ in 0..32 {
                if turn.is_turn_of(side) {
                    return Ok(());
                }
                std::hint::spin_loop();
            }
            // The clock is only looked at when there is nothing else to do.
            if begun.get_or_insert_with(Instant::now).elapsed() >= LOOK {
                break;
            }
        }
        let rest = || {
            until.map_or(NAP, |until| {
                until.saturating_duration_since(Instant::now()).min(NAP)
            })
        };
        turn.wait(side, || self.is_closed(), rest)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: mapped by us with this size, and nobody has a reference to it any more.
        unsafe { libc::munmap(self.region.as_ptr().cast(), size_of::<Region>()) };
    }
}

impl Text {
    /// Octets beyond [`ROOM`] are left out: whoever writes them makes sure that there are none.
    fn put(&self, octets: &[u8]) {
        let octets = &octets[..octets.len().min(ROOM)];
        let (words, rest) = octets.as_chunks();
        for (to, word) in self.words.iter().zip(words) {
            to.store(u64::from_ne_bytes(*word), Ordering::Relaxed);
        }
        if !rest.is_empty() {
            let mut last = [0; size_of::<u64>()];
            last[..rest.len()].copy_from_slice(rest);
            self.words[words.len()].store(u64::from_ne_bytes(last), Ordering::Relaxed);
        }
        self.size.store(octets.len() as u32, Ordering::Relaxed);
    }

    fn take(&self, octets: &mut Vec<u8>) {
        let size = (self.size.load(Ordering::Relaxed) as usize).min(ROOM);
        let words = &self.words[..size.div_ceil(size_of::<u64>())];
        octets.resize(size_of_val(words), 0);
        let (to, _) = octets.as_chunks_mut();
        for (to, word) in to.iter_mut().zip(words) {
            *to = word.load(Ordering::Relaxed).to_ne_bytes();
        }
        octets.truncate(size);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    impl Memory {
        /// What a process does that wants to be answered on.
        pub(in super::super) fn pretend_open(&self) {
            self.region().closed.store(0, Ordering::SeqCst);
        }
    }

    /// The answerer gives every question back, reversed, until the memory is closed.
    fn echo(memory: &Memory) {
        let mut octets = Vec::new();
        while memory.await_question(memory.table(), &mut octets) {
            octets.reverse();
            memory.answer(memory.table(), &octets);
        }
    }

    #[test]
    fn questions_are_answered_and_none_is_lost() {
        let (here, file) = Memory::new().unwrap();
        let there = Memory::map(&file).unwrap();
        let answerer = thread::spawn(move || echo(&there));
        let mut answer = Vec::new();
        for round in 0..20_000_u32 {
            // Now and then long enough for the other side to fall asleep.
            if round % 4000 == 0 {
                thread::sleep(LOOK * 5);
            }
            let question: Vec<u8> = (0..round % 41).map(|at| (at + round) as u8).collect();
            here.ask(here.table(), &question, &mut answer, None).unwrap();
            answer.reverse();
            assert_eq!(answer, question);
        }
        let long = vec![7; ROOM + 1];
        here.ask(here.table(), &long, &mut answer, None).unwrap();
        assert_eq!(answer.len(), ROOM);
        here.close();
        answerer.join().unwrap();
        let silence = here.ask(here.table(), b"anybody?", &mut answer, None);
        assert_eq!(silence, Err(Silence::Closed));
    }

    #[test]
    fn nobody_waits_longer_than_until() {
        let (here, _file) = Memory::new().unwrap();
        let until = Instant::now() + Duration::from_millis(50);
        let silence = here.ask(here.calls(), b"anybody?", &mut Vec::new(), Some(until));
        assert_eq!(silence, Err(Silence::Late));
        assert!(Instant::now() >= until);
    }

    #[test]
    fn bells_are_heard() {
        let (here, file) = Memory::new().unwrap();
        let there = Memory::map(&file).unwrap();
        let listener = thread::spawn(move || {
            let mut heard = 0;
            while let Some(rung) = there.listen() {
                heard |= rung;
                if heard == 0b101 {
                    return heard;
                }
            }
            heard
        });
        here.ring(0);
        here.ring(2);
        assert_eq!(listener.join().unwrap(), 0b101);
        here.close();
        assert_eq!(here.listen(), None);
    }

    #[test]
    fn nobody_can_make_it_shorter() {
        let (_here, file) = Memory::new().unwrap();
        // SAFETY: takes numbers.
        assert!(unsafe { libc::ftruncate(file.as_raw_fd(), 0) } < 0);
    }
}
