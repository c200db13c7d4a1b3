//! Entities and their events (A4).

use std::sync::Arc;

use waypost_routprot::Status;
use waypost_rtmv2::client::{Event, Events, Handle, PROFILE, Registration};

use super::convert::{entity_info, family_of, name_of};
use super::layout::{EntityInfo, EventCallback, Profile, RouteHead};
use super::pointer::{In, Out, RoutePointer};
use super::registry::{Module, Worker, answer, code, of_number};

/// The event callback of an entity.
struct Callback {
    function: EventCallback,
    worker: Worker,
}

impl Events for Callback {
    fn event(&self, entity: Handle, event: Event) -> Status {
        let call = |number: u32, first: usize, second: usize| {
            let _inside = self.worker.enter();
            // SAFETY: the module gave the function for this; its code stays loaded until its entities have ended, and what
            // the arguments point to lives through the call.
            Status(unsafe { (self.function)(entity.0, number, first, second) })
        };
        match event {
            Event::EntityRegistered(about, info) => {
                let mut info = entity_info(info.family, info.name);
                call(0, about.0 as usize, (&raw mut info) as usize)
            }
            Event::EntityDeregistered(about, info) => {
                let mut info = entity_info(info.family, info.name);
                call(1, about.0 as usize, (&raw mut info) as usize)
            }
            Event::RouteExpired(route, info) => {
                let mut space = [0_u64; size_of::<RouteHead>() / 8 + waypost_types::MAX_NEXT_HOPS];
                let place: *mut RouteHead = space.as_mut_ptr().cast();
                // SAFETY: the space has a head and all next hops that a route may have.
                let pointer = unsafe { RoutePointer::new(place) };
                pointer.put(&info);
                call(2, route.0 as usize, place as usize)
            }
            Event::ChangeNotification(registration, context) => call(3, registration.0 as usize, context),
        }
    }
}

pub(super) extern "C" fn register_entity(
    module: u32,
    info: In<EntityInfo>,
    methods: In<[u32; 2]>,
    callback: Option<EventCallback>,
    reserves_slot: i32,
    profile: Out<Profile>,
    handle: Out<u64>,
) -> u32 {
    code(|| {
        let module = of_number(module).ok_or(Status::ERROR_NOT_SUPPORTED)?;
        profile.check()?;
        handle.check()?;
        let info = info.get()?;
        if info.instance != 0 {
            // The interface knows one instance.
            return Err(Status::ERROR_INVALID_PARAMETER);
        }
        let registration = registration(&module, methods, callback, reserves_slot != 0)?;
        let entity = module
            .client
            .register(family_of(info.family)?, name_of(&info), &registration)?;
        profile.put(Profile {
            next_hops: PROFILE.next_hops,
            handles: PROFILE.handles,
            views: PROFILE.views,
            view_count: PROFILE.view_count,
        });
        handle.put(entity.0);
        Ok(())
    })
}

fn registration(
    module: &Module,
    methods: In<[u32; 2]>,
    callback: Option<EventCallback>,
    reserves_slot: bool,
) -> Result<Registration, Status> {
    let methods = if methods.is_null() {
        Vec::new()
    } else {
        let [count, _] = methods.get()?;
        if count > u32::BITS {
            return Err(Status::ERROR_INVALID_PARAMETER);
        }
        let methods = methods.behind().of::<usize>().all(count)?;
        if methods.contains(&0) {
            return Err(Status::ERROR_INVALID_PARAMETER);
        }
        methods
    };
    let worker = module.worker();
    Ok(Registration {
        events: callback.map(|function| Arc::new(Callback { function, worker }) as Arc<dyn Events>),
        methods: methods.into(),
        reserves_slot,
    })
}

pub(super) extern "C" fn deregister_entity(entity: u64) -> u32 {
    answer(entity, |client, entity| client.deregister(entity))
}

pub(super) extern "C" fn get_registered_entities(
    entity: u64,
    count: Out<u32>,
    handles: Out<u64>,
    infos: Out<EntityInfo>,
) -> u32 {
    answer(entity, |client, entity| {
        let room = count.get()? as usize;
        let family = client.entity_info(entity, entity)?.family;
        let names = client.entities(entity)?;
        // INVARIANT: there are far fewer than 2^32.
        let total = names.len() as u32;
        if handles.is_null() && infos.is_null() {
            count.put(total);
            return Ok(());
        }
        count.put(0);
        for (at, name) in names.iter().take(room).enumerate() {
            if !handles.is_null() {
                handles.put_at(at, client.entity(entity, *name)?.0);
            }
            infos.put_at(at, entity_info(family, *name));
            count.put(at as u32 + 1);
        }
        if names.len() > room {
            Err(Status::ERROR_INSUFFICIENT_BUFFER)
        } else {
            Ok(())
        }
    })
}

pub(super) extern "C" fn release_entities(entity: u64, count: u32, handles: In<u64>) -> u32 {
    answer(entity, |client, entity| {
        client.release_entities(entity, &handles.handles(count)?)
    })
}

pub(super) extern "C" fn get_entity_info(entity: u64, of: u64, info: Out<EntityInfo>) -> u32 {
    answer(entity, |client, entity| {
        info.check()?;
        let found = client.entity_info(entity, Handle(of))?;
        info.put(entity_info(found.family, found.name));
        Ok(())
    })
}

/// There is nothing in it to release.
pub(super) extern "C" fn release_entity_info(entity: u64, info: In<EntityInfo>) -> u32 {
    answer(entity, |client, entity| {
        info.get()?;
        client.entity_info(entity, entity).map(|_| ())
    })
}

pub(super) extern "C" fn reference_handles(entity: u64, count: u32, handles: In<u64>) -> u32 {
    answer(entity, |client, entity| {
        client.refer(entity, &handles.handles(count)?)
    })
}
