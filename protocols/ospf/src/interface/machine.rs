//! The interface state machine (RFC 2328 §9.1 to §9.3), as a table.

use serde::Serialize;

/// The state of an interface (RFC 2328 §9.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum State {
    /// Nothing works yet.
    #[default]
    Down,
    /// Looped back: a host route is advertised, no packet is sent.
    Loopback,
    /// Listening who the Designated Router is.
    Waiting,
    /// Adjacent to everybody on it: point-to-point, point-to-multipoint, virtual link.
    PointToPoint,
    /// Neither Designated Router nor Backup.
    DrOther,
    /// Backup Designated Router.
    Backup,
    /// Designated Router.
    Dr,
}

/// What happens to an interface (RFC 2328 §9.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Event {
    /// The lower levels say that it works.
    InterfaceUp,
    /// Waiting is over.
    WaitTimer,
    /// A neighbour says it is Backup, or that it is Designated Router and there is no Backup.
    BackupSeen,
    /// Something changed that the election looks at.
    NeighborChange,
    /// It was looped back.
    LoopInd,
    /// It is not any more.
    UnloopInd,
    /// The lower levels say that it does not work.
    InterfaceDown,
}

/// What is to be done; it may decide the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Nothing.
    Nothing,
    /// Start Hellos; [`started`] says which state follows.
    Start,
    /// Elect the Designated Router; [`super::election::Outcome::state`] is the state that follows.
    Elect,
    /// Forget everything learned here: stop timers, kill every neighbour.
    Reset,
}

/// A row of the table: what is to be done, and the state that follows unless that decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// What is to be done.
    pub action: Action,
    /// What follows; `None`: the action decides it, or the state stays.
    pub next: Option<State>,
}

impl State {
    /// Every state, in order.
    pub const ALL: [Self; 7] = [
        Self::Down,
        Self::Loopback,
        Self::Waiting,
        Self::PointToPoint,
        Self::DrOther,
        Self::Backup,
        Self::Dr,
    ];
}

impl Event {
    /// Every event, in order.
    pub const ALL: [Self; 7] = [
        Self::InterfaceUp,
        Self::WaitTimer,
        Self::BackupSeen,
        Self::NeighborChange,
        Self::LoopInd,
        Self::UnloopInd,
        Self::InterfaceDown,
    ];
}

const IGNORE: Transition = Transition {
    action: Action::Nothing,
    next: None,
};
const START: Transition = Transition {
    action: Action::Start,
    next: None,
};
const ELECT: Transition = Transition {
    action: Action::Elect,
    next: None,
};
const DOWN: Transition = Transition {
    action: Action::Reset,
    next: Some(State::Down),
};
const LOOPED: Transition = Transition {
    action: Action::Reset,
    next: Some(State::Loopback),
};
const UNLOOPED: Transition = Transition {
    action: Action::Nothing,
    next: Some(State::Down),
};

/// RFC 2328 §9.3: a line for each state, a column for each event.
#[rustfmt::skip]
const TABLE: [[Transition; Event::ALL.len()]; State::ALL.len()] = [
    //              InterfaceUp WaitTimer BackupSeen NeighborChange LoopInd  UnloopInd InterfaceDown
    /* Down         */ [START,  IGNORE,   IGNORE,    IGNORE,        LOOPED,  IGNORE,   DOWN],
    /* Loopback     */ [IGNORE, IGNORE,   IGNORE,    IGNORE,        LOOPED,  UNLOOPED, DOWN],
    /* Waiting      */ [IGNORE, ELECT,    ELECT,     IGNORE,        LOOPED,  IGNORE,   DOWN],
    /* PointToPoint */ [IGNORE, IGNORE,   IGNORE,    IGNORE,        LOOPED,  IGNORE,   DOWN],
    /* DrOther      */ [IGNORE, IGNORE,   IGNORE,    ELECT,         LOOPED,  IGNORE,   DOWN],
    /* Backup       */ [IGNORE, IGNORE,   IGNORE,    ELECT,         LOOPED,  IGNORE,   DOWN],
    /* Dr           */ [IGNORE, IGNORE,   IGNORE,    ELECT,         LOOPED,  IGNORE,   DOWN],
];

/// What an event means in a state.
#[must_use]
pub const fn transition(state: State, event: Event) -> Transition {
    TABLE[state as usize][event as usize]
}

/// The state that [`Action::Start`] leads to: `has_election` on networks with a Designated Router, where a router that can
/// never be it does not wait.
#[must_use]
pub const fn started(has_election: bool, priority: u8) -> State {
    match (has_election, priority) {
        (false, _) => State::PointToPoint,
        (true, 0) => State::DrOther,
        (true, _) => State::Waiting,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2328 §9.3 read again, rule by rule.
    fn rule(state: State, event: Event) -> (Action, Option<State>) {
        match event {
            // "State(s): Down".
            Event::InterfaceUp if state == State::Down => (Action::Start, None),
            // "State(s): Waiting".
            Event::WaitTimer | Event::BackupSeen if state == State::Waiting => (Action::Elect, None),
            // "State(s): DR Other, Backup or DR".
            Event::NeighborChange if state >= State::DrOther => (Action::Elect, None),
            // "State(s): Any State".
            Event::InterfaceDown => (Action::Reset, Some(State::Down)),
            Event::LoopInd => (Action::Reset, Some(State::Loopback)),
            // "State(s): Loopback".
            Event::UnloopInd if state == State::Loopback => (Action::Nothing, Some(State::Down)),
            _ => (Action::Nothing, None),
        }
    }

    #[test]
    fn every_pair_of_state_and_event() {
        for state in State::ALL {
            for event in Event::ALL {
                let transition = transition(state, event);
                assert_eq!(
                    (transition.action, transition.next),
                    rule(state, event),
                    "{state:?} {event:?}"
                );
            }
        }
    }

    #[test]
    fn the_state_after_start() {
        for priority in [0, 1, 255] {
            assert_eq!(started(false, priority), State::PointToPoint);
        }
        assert_eq!(started(true, 0), State::DrOther);
        assert_eq!(started(true, 1), State::Waiting);
    }

    #[test]
    fn states_are_numbered_by_their_lines() {
        for (number, state) in State::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, number);
        }
        for (number, event) in Event::ALL.into_iter().enumerate() {
            assert_eq!(event as usize, number);
        }
    }
}
