//! The module's side.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_rtmv2::{
    Bell, ChangeTypes, DestinationSnapshot, EntityKey, EntityName, RouteTable, Views, WatchKey,
};
use waypost_types::{PathId, Prefix, Route};
use waypost_wire::{Reader, Writer};

use super::super::memory::Memory;
use super::serve::PAGE;
use super::wire::{Question, get_destination, get_name, get_prefix, get_success, get_views, put_set};

/// The router's table, asked across memory that both see. A router that is gone cannot complete anything.
pub(in super::super) struct RemoteTable {
    memory: Arc<Memory>,
    /// One thread asks at a time; the last answer is kept for its room.
    answer: Mutex<Vec<u8>>,
    bells: Arc<Mutex<BTreeMap<u32, Arc<dyn Bell>>>>,
}

impl RemoteTable {
    /// # Errors
    /// When the thread that hears of changes cannot be started.
    pub(in super::super) fn new(memory: Arc<Memory>) -> io::Result<Self> {
        let bells: Arc<Mutex<BTreeMap<u32, Arc<dyn Bell>>>> = Arc::default();
        thread::Builder::new().name("bells".to_owned()).spawn({
            let (memory, bells) = (memory.clone(), bells.clone());
            move || {
                while let Some(rung) = memory.listen() {
                    let bells = bells.lock().unwrap_or_else(PoisonError::into_inner);
                    let rung = bells.iter().filter(|(bell, _)| rung >> **bell & 1 != 0);
                    rung.for_each(|(_, bell)| bell.ring());
                }
            }
        })?;
        Ok(Self {
            memory,
            answer: Mutex::default(),
            bells,
        })
    }

    /// Asks what `put` writes, and does something else until the answer is there; `read` what comes back on success.
    fn exchange<R>(
        &self,
        put: impl FnOnce(&mut Writer),
        meanwhile: impl FnOnce(),
        read: impl FnOnce(&mut Reader<'_>) -> Option<R>,
    ) -> Result<R, Status> {
        let mut question = Writer::with_capacity(128);
        put(&mut question);
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = self.memory.ask_while(
            self.memory.table(),
            question.as_slice(),
            &mut answer,
            None,
            meanwhile,
        );
        asked.map_err(|_| Status::ERROR_CAN_NOT_COMPLETE)?;
        let reader = &mut Reader::new(&answer);
        get_success(reader)?;
        read(reader).ok_or(Status::ERROR_INVALID_DATA)
    }

    fn ask<R>(
        &self,
        question: &Question,
        read: impl FnOnce(&mut Reader<'_>) -> Option<R>,
    ) -> Result<R, Status> {
        self.exchange(|to| question.put(to), || (), read)
    }

    /// Asks what may have an answer or not.
    fn find(&self, question: &Question) -> Option<DestinationSnapshot> {
        self.ask(question, |from| get_destination(from).ok()).ok()
    }
}

/// Reads as many as there are.
fn all<R>(from: &mut Reader<'_>, read: impl Fn(&mut Reader<'_>) -> Option<R>) -> Option<Vec<R>> {
    let mut found = Vec::new();
    while !from.is_empty() {
        found.push(read(from)?);
    }
    Some(found)
}

impl RouteTable for RemoteTable {
    fn register(&self, family: Family, name: EntityName) -> Result<EntityKey, Status> {
        self.ask(&Question::Register(family, name), |from| {
            from.u32().ok().map(EntityKey)
        })
    }

    fn deregister(&self, entity: EntityKey) {
        // A router that is gone has forgotten it.
        let _ = self.ask(&Question::Deregister(entity), |_| Some(()));
    }

    fn entities(&self, family: Family) -> Vec<EntityName> {
        self.ask(&Question::Entities(family), |from| {
            all(from, |from| get_name(from).ok())
        })
        .unwrap_or_default()
    }

    fn set(
        &self,
        entity: EntityKey,
        prefix: Prefix,
        path: PathId,
        views: Views,
        route: &Route,
    ) -> Result<Views, Status> {
        self.set_while(entity, prefix, path, views, route, &mut || ())
    }

    fn set_while(
        &self,
        entity: EntityKey,
        prefix: Prefix,
        path: PathId,
        views: Views,
        route: &Route,
        meanwhile: &mut dyn FnMut(),
    ) -> Result<Views, Status> {
        self.exchange(
            |to| put_set(to, entity, prefix, path, views, route),
            meanwhile,
            |from| get_views(from).ok(),
        )
    }

    fn delete(&self, entity: EntityKey, prefix: Prefix, path: PathId) -> Result<Views, Status> {
        self.ask(&Question::Delete(entity, prefix, path), |from| {
            get_views(from).ok()
        })
    }

    fn hold(&self, prefix: Prefix, views: Views, duration: Duration) -> Result<(), Status> {
        self.ask(&Question::Hold(prefix, views, duration), |_| Some(()))
    }

    fn destination(&self, prefix: Prefix) -> Option<DestinationSnapshot> {
        self.find(&Question::Destination(prefix))
    }

    fn covering(&self, prefix: Prefix, views: Views, shorter: bool) -> Option<DestinationSnapshot> {
        self.find(&Question::Covering(prefix, views, shorter))
    }

    fn page(&self, after: Option<Prefix>, within: Prefix, max: usize) -> Vec<DestinationSnapshot> {
        let max = u32::try_from(max).unwrap_or(u32::MAX);
        self.ask(&Question::Page(after, within, max), |from| {
            all(from, |from| get_destination(from).ok())
        })
        .unwrap_or_default()
    }

    fn watch(
        &self,
        family: Family,
        views: Views,
        types: ChangeTypes,
        bell: Arc<dyn Bell>,
    ) -> Result<WatchKey, Status> {
        // Held until the bell is known: one that rings at once is rung after that.
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        let watch = self.ask(&Question::Watch(family, views, types), |from| from.u32().ok())?;
        bells.insert(watch, bell);
        Ok(WatchKey(watch))
    }

    fn changed(&self, watch: WatchKey, max: usize) -> Vec<Prefix> {
        let mut changed = Vec::new();
        loop {
            // Fewer than asked for says that there are no more, so nobody is asked for more than one answer takes.
            let wanted = u32::try_from(max - changed.len()).unwrap_or(u32::MAX).min(PAGE);
            let news = self.ask(&Question::Changed(watch.0, wanted), |from| {
                all(from, |from| get_prefix(from).ok())
            });
            let news = news.unwrap_or_default();
            let is_all = news.len() < wanted as usize || wanted == 0;
            changed.extend(news);
            if is_all {
                return changed;
            }
        }
    }

    fn unwatch(&self, watch: WatchKey) {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.remove(&watch.0);
        let _ = self.ask(&Question::Unwatch(watch.0), |_| Some(()));
    }
}
