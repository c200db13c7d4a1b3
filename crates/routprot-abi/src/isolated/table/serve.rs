//! The router's side.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use waypost_routprot::Status;
use waypost_rtmv2::{Bell, RouteTable, WatchKey};
use waypost_wire::Writer;

use super::super::memory::{Memory, ROOM};
use super::wire::{Question, put_destination, put_name, put_prefix, put_status, put_views};

/// Bells that a module may have: each is a bit.
const BELLS: usize = super::super::turn::BELLS as usize;
/// Destinations of an answer at most.
pub(super) const PAGE: u32 = 1024;

/// A thread that answers what a module asks of the routing table.
pub(in super::super) struct Server {
    memory: Arc<Memory>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// # Errors
    /// When the thread cannot be started.
    pub(in super::super) fn start(memory: Arc<Memory>, table: Arc<dyn RouteTable>) -> io::Result<Self> {
        let mut desk = Desk {
            memory: memory.clone(),
            table,
            watches: [None; BELLS],
        };
        let thread = thread::Builder::new().name("module-table".to_owned()).spawn({
            let memory = memory.clone();
            move || {
                let (mut question, mut answer) = (Vec::new(), Writer::new());
                while memory.await_question(memory.table(), &mut question) {
                    desk.answer(&question, &mut answer);
                    memory.answer(memory.table(), answer.as_slice());
                }
            }
        })?;
        Ok(Self {
            memory,
            thread: Some(thread),
        })
    }

    /// Ends the thread. True: it had panicked.
    pub(in super::super) fn end(mut self) -> bool {
        self.close();
        self.thread.take().is_some_and(|thread| thread.join().is_err())
    }

    /// Answers nothing any more: the module's process is gone, or will be.
    pub(in super::super) fn close(&self) {
        self.memory.close();
    }
}

impl Drop for Server {
    /// The module has no part in the table any more once this returns.
    fn drop(&mut self) {
        self.close();
        if let Some(thread) = self.thread.take() {
            // It waits for nobody: the answer it is at takes no longer than a call of the table.
            drop(thread.join());
        }
    }
}

struct Desk {
    memory: Arc<Memory>,
    table: Arc<dyn RouteTable>,
    /// The registrations for changes by their bell.
    watches: [Option<WatchKey>; BELLS],
}

/// A bell in the module's process.
struct FarBell(Arc<Memory>, u32);

impl Bell for FarBell {
    fn ring(&self) {
        self.0.ring(self.1);
    }
}

impl Desk {
    fn answer(&mut self, question: &[u8], to: &mut Writer) {
        to.truncate(0);
        put_status(to, Status::NO_ERROR);
        let Ok(question) = Question::get(question) else {
            return refuse(to, Status::ERROR_INVALID_DATA);
        };
        if let Err(status) = self.fill(question, to) {
            refuse(to, status);
        }
    }

    fn fill(&mut self, question: Question, to: &mut Writer) -> Result<(), Status> {
        match question {
            Question::Register(family, name) => drop(to.u32(self.table.register(family, name)?.0)),
            Question::Deregister(entity) => self.table.deregister(entity),
            Question::Entities(family) => {
                let names = self.table.entities(family).into_iter();
                names.take(ROOM / 16).for_each(|name| put_name(to, name));
            }
            Question::Set(entity, prefix, path, views, route) => {
                put_views(to, self.table.set(entity, prefix, path, views, &route)?);
            }
            Question::Delete(entity, prefix, path) => put_views(to, self.table.delete(entity, prefix, path)?),
            Question::Hold(prefix, views, duration) => self.table.hold(prefix, views, duration)?,
            Question::Destination(prefix) => {
                let found = self.table.destination(prefix).ok_or(Status::ERROR_NOT_FOUND)?;
                put_destination(to, &found, ROOM - to.len());
            }
            Question::Covering(prefix, views, shorter) => {
                let found = self.table.covering(prefix, views, shorter);
                put_destination(to, &found.ok_or(Status::ERROR_NOT_FOUND)?, ROOM - to.len());
            }
            Question::Page(after, within, max) => {
                for (place, found) in self
                    .table
                    .page(after, within, max.min(PAGE) as usize)
                    .iter()
                    .enumerate()
                {
                    let end = to.len();
                    if !put_destination(to, found, ROOM - end) || (place > 0 && to.len() > ROOM / 2) {
                        to.truncate(if place > 0 { end } else { to.len() });
                        break;
                    }
                }
            }
            Question::Watch(family, views, types) => {
                let free = self.watches.iter().position(Option::is_none);
                let bell = free.ok_or(Status::ERROR_NO_SYSTEM_RESOURCES)?;
                let far = FarBell(self.memory.clone(), bell as u32);
                self.watches[bell] = Some(self.table.watch(family, views, types, Arc::new(far))?);
                to.u32(bell as u32);
            }
            Question::Changed(bell, max) => {
                if let Some(watch) = self.watches.get(bell as usize).copied().flatten() {
                    let changed = self.table.changed(watch, max.min(PAGE) as usize);
                    changed.into_iter().for_each(|prefix| put_prefix(to, prefix));
                }
            }
            Question::Unwatch(bell) => {
                let watch = self.watches.get_mut(bell as usize).and_then(Option::take);
                watch.into_iter().for_each(|watch| self.table.unwatch(watch));
            }
        }
        Ok(())
    }
}

fn refuse(to: &mut Writer, status: Status) {
    to.truncate(0);
    put_status(to, status);
}
