//! The object's side: the instance, and the door to it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use waypost_engine::{Instance, InstanceCell, Now};
use waypost_rip::Rip;
use waypost_routprot::Refusal;
use waypost_sim::{Persisted, Process};
use waypost_types::{Seed, Time, WallTime};

/// How a simulator reaches the instance of an object besides the functions of the interface.
pub trait Door: Sync {
    /// Of what the next instance is made: the interface gives a protocol neither.
    fn prepare(&self, seed: Seed, persisted: Persisted);
    /// What time it is in the calls that follow.
    fn set_clock(&self, now: Now);
    /// Runs `call` on the instance made last, whether the module has it still or has stopped.
    fn reach(&self, call: &mut dyn FnMut(&mut dyn Process));
}

type Shared = Arc<Mutex<Instance<Rip>>>;

struct House {
    now: Now,
    next: Option<(Seed, Persisted)>,
    instance: Option<Shared>,
}

static HOUSE: Mutex<House> = Mutex::new(House {
    now: Now {
        time: Time::ZERO,
        wall: WallTime(0),
    },
    next: None,
    instance: None,
});

fn house() -> MutexGuard<'static, House> {
    HOUSE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lock(instance: &Shared) -> MutexGuard<'_, Instance<Rip>> {
    instance.lock().unwrap_or_else(PoisonError::into_inner)
}

struct FrontDoor;

impl Door for FrontDoor {
    fn prepare(&self, seed: Seed, persisted: Persisted) {
        house().next = Some((seed, persisted));
    }

    fn set_clock(&self, now: Now) {
        house().now = now;
    }

    fn reach(&self, call: &mut dyn FnMut(&mut dyn Process)) {
        let instance = house().instance.clone();
        if let Some(instance) = instance {
            call(&mut *lock(&instance));
        }
    }
}

/// The door of this copy of the object.
pub(crate) fn door() -> &'static dyn Door {
    &FrontDoor
}

/// What holds the instance for the functions of the interface. What the outbox asks for is left there for the simulator.
pub(crate) struct Cell(Shared);

impl Cell {
    /// With a fresh instance, made of what was prepared.
    pub(crate) fn enter() -> Self {
        let mut house = house();
        let (seed, persisted) = house.next.take().unwrap_or((Seed(0), Persisted::new()));
        let instance = Arc::new(Mutex::new(Instance::new(seed, persisted)));
        house.instance = Some(Arc::clone(&instance));
        Self(instance)
    }
}

impl InstanceCell<Rip> for Cell {
    fn with<R>(
        &mut self,
        call: impl FnOnce(Now, &mut Instance<Rip>) -> R,
    ) -> Result<(R, Vec<String>), Refusal> {
        let now = house().now;
        Ok((call(now, &mut lock(&self.0)), Vec::new()))
    }
}
