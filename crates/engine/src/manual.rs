//! An instance without a host: whoever holds it moves its clock. For tests of protocols and of the interface.

use std::sync::{Arc, Mutex, PoisonError};

use waypost_routprot::Refusal;
use waypost_types::{RouteBatch, Seed};

use crate::{Engine, Instance, InstanceCell, Now, Output, Transport};

/// An instance and the clock it lives by. Ports open unless they are taken, storing succeeds and packets go nowhere; route changes are kept.
pub struct World<E: Engine> {
    now: Now,
    instance: Instance<E>,
    routes: RouteBatch,
    taken: Option<Transport>,
}

impl<E: Engine> World<E> {
    /// Does what the outbox asks for. Returns the ports that could not be opened, in words.
    fn carry_out(&mut self) -> Vec<String> {
        let mut failures = Vec::new();
        while !self.instance.outbox().is_empty() {
            self.routes.extend(self.instance.outbox().take_routes());
            let again = self.instance.outbox().take_again();
            let (mut stored, mut failed) = (Vec::new(), Vec::new());
            for output in self.instance.outbox().outputs() {
                match output {
                    Output::Persist(key, value) => stored.push((key.clone(), value.clone())),
                    Output::OpenPort(port, spec) if Some(spec.transport) == self.taken => failed.push(*port),
                    _ => {}
                }
            }
            self.instance.outbox().clear();
            for port in failed {
                let text = "somebody else has the port";
                failures.push(text.to_owned());
                self.instance.port_failed(self.now, port, text);
            }
            for (key, value) in stored {
                self.instance.persisted(self.now, &key, &value, true);
            }
            if again {
                self.instance.proceed(self.now);
            }
        }
        failures
    }
}

/// A [`World`] that several owners can look at: the protocol under test and the test itself.
pub struct ManualCell<E: Engine>(Arc<Mutex<World<E>>>);

impl<E: Engine> Clone for ManualCell<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E: Engine> ManualCell<E> {
    /// A fresh instance at `now`.
    #[must_use]
    pub fn new(seed: Seed, now: Now) -> Self {
        Self(Arc::new(Mutex::new(World {
            now,
            instance: Instance::new(seed, Vec::new()),
            routes: Vec::new(),
            taken: None,
        })))
    }

    /// From now on, no port of this transport can be opened.
    #[must_use]
    pub fn with_taken(self, transport: Transport) -> Self {
        self.world(|world| world.taken = Some(transport));
        self
    }

    fn world<R>(&self, look: impl FnOnce(&mut World<E>) -> R) -> R {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Moves the clock to the next deadline, if there is one, and lets it pass.
    pub fn pass_time(&self) {
        self.world(|world| {
            if let Some(deadline) = world.instance.next_deadline() {
                world.now.time = deadline.max(world.now.time);
                world.instance.deadline(world.now);
                drop(world.carry_out());
            }
        });
    }

    /// Takes the route changes so far.
    #[must_use]
    pub fn take_routes(&self) -> RouteBatch {
        self.world(|world| std::mem::take(&mut world.routes))
    }
}

impl<E: Engine> InstanceCell<E> for ManualCell<E> {
    fn with<R>(
        &mut self,
        call: impl FnOnce(Now, &mut Instance<E>) -> R,
    ) -> Result<(R, Vec<String>), Refusal> {
        Ok(self.world(|world| {
            let result = call(world.now, &mut world.instance);
            (result, world.carry_out())
        }))
    }
}
