//! Changes that the host still has a part in: sockets are opened after an engine has taken its new configuration.

use waypost_routprot::{BlockConfig, Event, InfoBlock, Layout, Refusal};
use waypost_types::InterfaceIndex;

use crate::Engine;

/// A configuration in force, and the layout that `Get` returns it in: the one last set.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Held<C> {
    pub(crate) config: C,
    pub(crate) layout: Layout,
}

impl<C: BlockConfig> Held<C> {
    pub(crate) fn decode(block: &InfoBlock) -> Result<Self, Refusal> {
        let (config, layout) = C::decode(block)?;
        Ok(Self { config, layout })
    }
}

/// What a change replaced.
pub(crate) enum Replaced<G, I> {
    Nothing,
    Global(Option<Held<G>>),
    Interface(InterfaceIndex, Option<Held<I>>),
    /// The interface was not there.
    Added(InterfaceIndex),
}

/// A change that an instance has made and that its host now has to carry out.
///
/// If the host can, [`crate::Instance::keep`] ends it; if a port cannot be had, [`crate::Instance::undo`] does. A change
/// that is only dropped stays, and nobody is told of it.
pub struct Change<E: Engine> {
    pub(crate) replaced: Replaced<E::Global, E::Interface>,
    /// What is queued when the change is kept.
    pub(crate) announcement: Option<Event>,
}

/// Without contents: configuration holds keys.
impl<E: Engine> std::fmt::Debug for Change<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Change").finish_non_exhaustive()
    }
}

impl<E: Engine> Change<E> {
    pub(crate) const fn new(replaced: Replaced<E::Global, E::Interface>) -> Self {
        Self {
            replaced,
            announcement: None,
        }
    }

    pub(crate) fn announced(self, event: Event) -> Self {
        Self {
            announcement: Some(event),
            ..self
        }
    }
}
