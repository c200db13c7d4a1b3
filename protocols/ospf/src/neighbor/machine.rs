//! The neighbour state machine (RFC 2328 §10.1 to §10.3), as a table.

use serde::Serialize;

/// The state of a conversation with a neighbour (RFC 2328 §10.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum State {
    /// Nothing was heard lately.
    #[default]
    Down,
    /// Nothing was heard lately from a configured neighbour, who is asked all the same.
    Attempt,
    /// It was heard, but does not hear us yet.
    Init,
    /// Both hear each other.
    TwoWay,
    /// Who is master of the exchange is being settled.
    ExStart,
    /// The contents of databases are described.
    Exchange,
    /// What the neighbour has newer is asked for.
    Loading,
    /// Databases are the same.
    Full,
}

/// What happens in a conversation (RFC 2328 §10.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Event {
    /// A Hello came.
    HelloReceived,
    /// A configured neighbour is to be asked.
    Start,
    /// It hears us.
    TwoWayReceived,
    /// Who is master is settled.
    NegotiationDone,
    /// Both have described everything.
    ExchangeDone,
    /// It asked for an LSA that is not there.
    BadLsReq,
    /// Everything asked for came.
    LoadingDone,
    /// Whether to be adjacent is to be looked at again.
    AdjOk,
    /// A Database Description that should not have come.
    SeqNumberMismatch,
    /// It does not hear us any more.
    OneWay,
    /// It is to be forgotten.
    KillNbr,
    /// It was silent for too long.
    InactivityTimer,
    /// The lower levels say that it cannot be reached.
    LlDown,
}

/// What is to be done; it may decide the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Nothing.
    Nothing,
    /// Send it a Hello and start the inactivity timer.
    Ask,
    /// Start the inactivity timer anew.
    Heard,
    /// Decide whether to be adjacent: if so begin the exchange and be in ExStart, else be in 2-Way.
    Judge,
    /// Keep the adjacency if it should still be; else forget the lists and be in 2-Way.
    JudgeAgain,
    /// List what the database holds and begin to describe it.
    Describe,
    /// Be in Full if nothing was asked for, in Loading otherwise.
    Conclude,
    /// Forget the lists and begin the exchange from its start.
    Restart,
    /// Forget the lists.
    Clear,
    /// Forget the lists and stop the inactivity timer.
    Forget,
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
    pub const ALL: [Self; 8] = [
        Self::Down,
        Self::Attempt,
        Self::Init,
        Self::TwoWay,
        Self::ExStart,
        Self::Exchange,
        Self::Loading,
        Self::Full,
    ];

    /// Whether LSAs are flooded to such a neighbour (RFC 2328 §13.3).
    #[must_use]
    pub fn takes_part_in_flooding(self) -> bool {
        self >= Self::Exchange
    }
}

impl Event {
    /// Every event, in order.
    pub const ALL: [Self; 13] = [
        Self::HelloReceived,
        Self::Start,
        Self::TwoWayReceived,
        Self::NegotiationDone,
        Self::ExchangeDone,
        Self::BadLsReq,
        Self::LoadingDone,
        Self::AdjOk,
        Self::SeqNumberMismatch,
        Self::OneWay,
        Self::KillNbr,
        Self::InactivityTimer,
        Self::LlDown,
    ];
}

const fn go(action: Action, next: State) -> Transition {
    Transition {
        action,
        next: Some(next),
    }
}

const fn stay(action: Action) -> Transition {
    Transition { action, next: None }
}

const NONE: Transition = stay(Action::Nothing);
const ASK: Transition = go(Action::Ask, State::Attempt);
const MET: Transition = go(Action::Heard, State::Init);
const HEARD: Transition = stay(Action::Heard);
const JUDGE: Transition = stay(Action::Judge);
const AGAIN: Transition = stay(Action::JudgeAgain);
const DESCR: Transition = go(Action::Describe, State::Exchange);
const CONCL: Transition = stay(Action::Conclude);
const FULL: Transition = go(Action::Nothing, State::Full);
const RSTRT: Transition = go(Action::Restart, State::ExStart);
const ONEW: Transition = go(Action::Clear, State::Init);
const DOWN: Transition = go(Action::Forget, State::Down);

/// RFC 2328 §10.3: a line for each state, a column for each event.
#[rustfmt::skip]
const TABLE: [[Transition; Event::ALL.len()]; State::ALL.len()] = [
    //            Hello  Start 2-Way  Negot. Exch.  BadReq Loaded AdjOk  SeqNum 1-Way Kill  Inact LLDown
    /* Down     */ [MET,   ASK,  NONE,  NONE,  NONE,  NONE,  NONE, NONE,  NONE,  NONE, DOWN, DOWN, DOWN],
    /* Attempt  */ [MET,   NONE, NONE,  NONE,  NONE,  NONE,  NONE, NONE,  NONE,  NONE, DOWN, DOWN, DOWN],
    /* Init     */ [HEARD, NONE, JUDGE, NONE,  NONE,  NONE,  NONE, NONE,  NONE,  NONE, DOWN, DOWN, DOWN],
    /* 2-Way    */ [HEARD, NONE, NONE,  NONE,  NONE,  NONE,  NONE, JUDGE, NONE,  ONEW, DOWN, DOWN, DOWN],
    /* ExStart  */ [HEARD, NONE, NONE,  DESCR, NONE,  NONE,  NONE, AGAIN, NONE,  ONEW, DOWN, DOWN, DOWN],
    /* Exchange */ [HEARD, NONE, NONE,  NONE,  CONCL, RSTRT, NONE, AGAIN, RSTRT, ONEW, DOWN, DOWN, DOWN],
    /* Loading  */ [HEARD, NONE, NONE,  NONE,  NONE,  RSTRT, FULL, AGAIN, RSTRT, ONEW, DOWN, DOWN, DOWN],
    /* Full     */ [HEARD, NONE, NONE,  NONE,  NONE,  RSTRT, NONE, AGAIN, RSTRT, ONEW, DOWN, DOWN, DOWN],
];

/// What an event means in a state.
#[must_use]
pub const fn transition(state: State, event: Event) -> Transition {
    TABLE[state as usize][event as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2328 §10.3 read again, rule by rule.
    fn rule(state: State, event: Event) -> (Action, Option<State>) {
        use Event as E;
        use State as S;
        match event {
            E::Start if state == S::Down => (Action::Ask, Some(S::Attempt)),
            E::HelloReceived if state <= S::Attempt => (Action::Heard, Some(S::Init)),
            // "State(s): Init or greater".
            E::HelloReceived => (Action::Heard, None),
            E::TwoWayReceived if state == S::Init => (Action::Judge, None),
            E::NegotiationDone if state == S::ExStart => (Action::Describe, Some(S::Exchange)),
            E::ExchangeDone if state == S::Exchange => (Action::Conclude, None),
            E::LoadingDone if state == S::Loading => (Action::Nothing, Some(S::Full)),
            E::AdjOk if state == S::TwoWay => (Action::Judge, None),
            // "State(s): ExStart or greater".
            E::AdjOk if state >= S::ExStart => (Action::JudgeAgain, None),
            // "State(s): Exchange or greater".
            E::SeqNumberMismatch | E::BadLsReq if state >= S::Exchange => (Action::Restart, Some(S::ExStart)),
            // "State(s): Any state".
            E::KillNbr | E::LlDown | E::InactivityTimer => (Action::Forget, Some(S::Down)),
            // "State(s): 2-Way or greater".
            E::OneWay if state >= S::TwoWay => (Action::Clear, Some(S::Init)),
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
    fn states_are_numbered_by_their_lines() {
        for (number, state) in State::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, number);
            assert_eq!(state.takes_part_in_flooding(), number >= 5);
        }
        for (number, event) in Event::ALL.into_iter().enumerate() {
            assert_eq!(event as usize, number);
        }
    }
}
