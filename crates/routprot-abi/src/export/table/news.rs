//! News of other protocols' best routes: a thread that asks for them when the host says that there are some.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use waypost_routprot::Status;
use waypost_rtmv2::client::{HopInfo, RouteInfo, route_flags};
use waypost_types::{BestRoute, InterfaceIndex, NextHop, Prefix, ProtocolId, Route, RouteKind, RouteNotice};

use super::host::{Destination, Host};

/// Is given the news.
pub type Sink = Box<dyn Fn(Vec<RouteNotice>) + Send>;

/// RTM_CHANGE_NOTIFICATION.
const CHANGED: u32 = 3;

/// Who is told that there are news, by the context that the host gives back. A number and not a pointer: whatever comes late
/// finds nobody.
static BELLS: Mutex<BTreeMap<usize, Arc<Bell>>> = Mutex::new(BTreeMap::new());
static NEXT: AtomicUsize = AtomicUsize::new(1);

fn bells() -> MutexGuard<'static, BTreeMap<usize, Arc<Bell>>> {
    BELLS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The event callback of entities (RTM_EVENT_CALLBACK).
pub(super) unsafe extern "C" fn event(_entity: u64, kind: u32, _first: usize, second: usize) -> u32 {
    if kind == CHANGED
        && let Some(bell) = bells().get(&second)
    {
        bell.tell(|noted| noted.is_rung = true);
    }
    Status::NO_ERROR.0
}

#[derive(Default)]
struct Bell {
    noted: Mutex<Noted>,
    news: Condvar,
}

#[derive(Default)]
struct Noted {
    is_rung: bool,
    /// What is asked for from now on.
    asked: Option<Interest>,
    is_over: bool,
}

struct Interest {
    owners: BTreeSet<ProtocolId>,
    sink: Sink,
}

impl Bell {
    fn tell(&self, note: impl FnOnce(&mut Noted)) {
        note(&mut self.noted.lock().unwrap_or_else(PoisonError::into_inner));
        self.news.notify_one();
    }

    /// Waits for something to do; `None`: it is over.
    fn next(&self) -> Option<Option<Interest>> {
        let noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let is_idle = |noted: &mut Noted| !noted.is_rung && noted.asked.is_none() && !noted.is_over;
        let waited = self.news.wait_while(noted, is_idle);
        let mut noted = waited.unwrap_or_else(PoisonError::into_inner);
        noted.is_rung = false;
        (!noted.is_over).then(|| noted.asked.take())
    }
}

/// Tells of the best routes of others until it is dropped.
pub(super) struct News {
    context: usize,
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
}

impl News {
    /// For these entities, one for each family.
    pub(super) fn new(host: Host, entities: Vec<u64>) -> std::io::Result<Self> {
        let bell = Arc::new(Bell::default());
        let context = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut teller = Teller {
            host,
            entities: entities.into_iter().map(|entity| (entity, None)).collect(),
            context,
            interest: None,
            told: BTreeSet::new(),
        };
        let thread = std::thread::Builder::new().name("routes".to_owned()).spawn({
            let bell = bell.clone();
            move || {
                while let Some(asked) = bell.next() {
                    if let Err(status) = teller.work(asked) {
                        tracing::error!(%status, "news of routes cannot be had");
                    }
                }
                teller.end();
            }
        })?;
        bells().insert(context, bell.clone());
        Ok(Self {
            context,
            bell,
            thread: Some(thread),
        })
    }

    /// From now on tells `sink` of the best routes of `owners`, starting with what there is.
    pub(super) fn interest(&self, owners: BTreeSet<ProtocolId>, sink: Sink) {
        self.bell
            .tell(|noted| noted.asked = Some(Interest { owners, sink }));
    }
}

impl Drop for News {
    fn drop(&mut self) {
        bells().remove(&self.context);
        self.bell.tell(|noted| noted.is_over = true);
        if let Some(thread) = self.thread.take() {
            // A panic of it was told by the hook.
            drop(thread.join());
        }
    }
}

/// What the thread has.
struct Teller {
    host: Host,
    /// With their registrations for changes.
    entities: Vec<(u64, Option<u64>)>,
    context: usize,
    interest: Option<Interest>,
    /// The destinations whose last news was a best route.
    told: BTreeSet<Prefix>,
}

impl Teller {
    fn work(&mut self, asked: Option<Interest>) -> Result<(), Status> {
        if let Some(asked) = asked {
            let is_nobody = asked.owners.is_empty();
            self.interest = Some(asked);
            if is_nobody && self.told.is_empty() {
                self.end();
                return Ok(());
            }
            self.replay()?;
        }
        for (entity, watch) in self.entities.clone() {
            let Some(watch) = watch else { continue };
            while self.some(entity, |host, each| host.changed(entity, watch, each))? {}
        }
        Ok(())
    }

    /// Tells what there is. Whatever was told and is no longer asked for is among it, or in what changed.
    fn replay(&mut self) -> Result<(), Status> {
        for at in 0..self.entities.len() {
            let (entity, watch) = self.entities[at];
            if watch.is_none() {
                // First, so that nothing that changes meanwhile is missed.
                self.entities[at].1 = Some(self.host.watch(entity, self.context)?);
            }
            let enumeration = self.host.enumerate(entity)?;
            let mut more = Ok(true);
            while more == Ok(true) {
                more = self.some(entity, |host, each| host.next(entity, enumeration, each));
            }
            self.host.end_enumeration(entity, enumeration)?;
            more?;
        }
        Ok(())
    }

    /// Asks for some destinations and tells of them.
    fn some(
        &mut self,
        entity: u64,
        get: impl FnOnce(Host, &mut dyn FnMut(&Destination)) -> Result<bool, Status>,
    ) -> Result<bool, Status> {
        let host = self.host;
        let Some(Interest { owners, sink }) = &self.interest else {
            return Ok(false);
        };
        let mut notices = Vec::new();
        let told = &mut self.told;
        let more = get(host, &mut |destination| {
            let best = best(host, entity, destination, owners);
            // Nobody is told that there is none where none was told.
            let is_news = if best.is_some() {
                told.insert(destination.prefix);
                true
            } else {
                told.remove(&destination.prefix)
            };
            if is_news {
                notices.push(RouteNotice {
                    prefix: destination.prefix,
                    best,
                });
            }
        });
        if !notices.is_empty() {
            sink(notices);
        }
        more
    }

    /// Nothing is told any more.
    fn end(&mut self) {
        for (entity, watch) in &mut self.entities {
            if let Some(watch) = watch.take()
                && let Err(status) = self.host.unwatch(*entity, watch)
            {
                tracing::error!(%status, "news of routes cannot be ended");
            }
        }
    }
}

/// The best route of a destination if it is one of these owners'. One that is gone again by now is none: there will be news
/// of that, too.
fn best(
    host: Host,
    entity: u64,
    destination: &Destination,
    owners: &BTreeSet<ProtocolId>,
) -> Option<BestRoute> {
    let (route, owner) = destination.best?;
    let owner = host.owner(entity, owner).ok()?;
    if !owners.contains(&owner) {
        return None;
    }
    host.with_route(entity, route, |info, hops| best_route(owner, info, hops))
        .ok()
}

/// A route as the interface tells it: it has no tags and no weights.
fn best_route(owner: ProtocolId, info: &RouteInfo, hops: &[HopInfo]) -> BestRoute {
    let is_black = info.flags & (route_flags::BLACKHOLE | route_flags::DISCARD) != 0;
    let preference = u8::try_from(info.preference).unwrap_or(u8::MAX);
    let next_hops = hops.iter().map(|hop| {
        let interface = InterfaceIndex(hop.interface);
        if hop.address.is_unspecified() {
            NextHop::on(interface)
        } else {
            NextHop::via(hop.address, interface)
        }
    });
    BestRoute {
        owner,
        preference,
        route: Route {
            kind: if is_black {
                RouteKind::Blackhole
            } else {
                RouteKind::Unicast
            },
            next_hops: next_hops.collect(),
            metric: info.metric,
            tag: 0,
            preference: Some(preference),
        },
    }
}
