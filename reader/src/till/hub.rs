//! Hands every event to whoever listens, and waits for nobody.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::event::TillEvent;
use crate::say;

/// Events that are kept for a till that comes back.
pub(super) const KEPT: usize = 64;
/// Events that wait for one till; with the kept ones in it there is room for more.
pub(super) const QUEUE: usize = 2 * KEPT;

/// An event with its place in the order.
#[derive(Debug)]
pub(super) struct Told {
    /// From 1 on, in this run of the program.
    pub(super) number: u64,
    pub(super) event: TillEvent,
    /// The event as a line, without its end.
    pub(super) line: String,
}

/// What takes events and never waits.
pub(super) type Sink = Box<dyn FnMut(&Arc<Told>) -> Result<(), Unheard> + Send>;

/// Why an event is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unheard {
    /// It does not read as fast as events come.
    Slow,
    /// It is gone.
    Gone,
}

/// Which kind of listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Socket,
    Http,
    Serial,
}

impl Kind {
    /// How many of them there may be.
    pub(super) const fn most(self) -> usize {
        match self {
            Self::Socket => 16,
            Self::Http => 8,
            Self::Serial => 1,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Socket => "a till on the socket",
            Self::Http => "a till over HTTP",
            Self::Serial => "the till's serial line",
        }
    }
}

/// Why nobody else may listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// There are as many as there may be.
    Full,
    /// The counter ends.
    Over,
}

/// Which events a new listener has not heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// It begins with the next one.
    Now,
    /// Those that are kept, behind this number.
    Behind(u64),
}

/// Names one listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u64);

struct Listener {
    place: Place,
    kind: Kind,
    sink: Sink,
}

#[derive(Default)]
struct State {
    kept: VecDeque<Arc<Told>>,
    last_result: Option<Arc<Told>>,
    told: u64,
    places: u64,
    listeners: Vec<Listener>,
    is_over: bool,
}

/// All listeners.
#[derive(Default)]
pub(super) struct Hub {
    state: Mutex<State>,
}

impl Hub {
    /// Tells everybody. Who is gone, or slow, is told nothing more.
    pub(super) fn publish(&self, event: &TillEvent) {
        let mut slow = Vec::new();
        let mut state = self.state();
        state.told += 1;
        let told = Arc::new(Told {
            number: state.told,
            event: event.clone(),
            line: event.line(),
        });
        if state.kept.len() == KEPT {
            state.kept.pop_front();
        }
        state.kept.push_back(Arc::clone(&told));
        if event.code().is_some() {
            state.last_result = Some(Arc::clone(&told));
        }
        state
            .listeners
            .retain_mut(|listener| match (listener.sink)(&told) {
                Ok(()) => true,
                Err(unheard) => {
                    if unheard == Unheard::Slow {
                        slow.push(listener.kind);
                    }
                    false
                }
            });
        drop(state);
        for kind in slow {
            say(&format!(
                "warning: {} does not read; it is told nothing more",
                kind.name()
            ));
        }
    }

    /// One more listener, which first hears what it has missed.
    pub(super) fn listen(&self, kind: Kind, from: Begin, mut sink: Sink) -> Result<Place, Refused> {
        let mut state = self.state();
        if state.is_over {
            return Err(Refused::Over);
        }
        let same = state.listeners.iter().filter(|listener| listener.kind == kind);
        if same.count() >= kind.most() {
            return Err(Refused::Full);
        }
        if let Begin::Behind(number) = from {
            for told in state.kept.iter().filter(|told| told.number > number) {
                // A new listener has room for all that is kept; one that is gone already is noticed later.
                let _ = sink(told);
            }
        }
        state.places += 1;
        let place = Place(state.places);
        state.listeners.push(Listener { place, kind, sink });
        Ok(place)
    }

    /// One listener less.
    pub(super) fn leave(&self, place: Place) {
        self.state().listeners.retain(|listener| listener.place != place);
    }

    /// How the last transaction ended.
    pub(super) fn last_result(&self) -> Option<Arc<Told>> {
        self.state().last_result.clone()
    }

    /// Lets every listener go, for good.
    pub(super) fn end(&self) {
        let mut state = self.state();
        state.is_over = true;
        state.listeners.clear();
    }

    /// Whether that was done.
    pub(super) fn is_over(&self) -> bool {
        self.state().is_over
    }

    #[cfg(test)]
    pub(super) fn count(&self, kind: Kind) -> usize {
        let state = self.state();
        state
            .listeners
            .iter()
            .filter(|listener| listener.kind == kind)
            .count()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, TrySendError, sync_channel};

    use super::super::event::PhaseEvent;
    use super::*;
    use crate::clock::Clock;
    use crate::step::Step;

    fn event() -> TillEvent {
        TillEvent::Phase(PhaseEvent {
            transaction: None,
            at: Clock::System.now(),
            step: Step::Waiting,
        })
    }

    fn listener(room: usize) -> (Sink, Receiver<u64>) {
        let (sender, receiver) = sync_channel(room);
        let sink = Box::new(move |told: &Arc<Told>| {
            sender.try_send(told.number).map_err(|error| match error {
                TrySendError::Full(_) => Unheard::Slow,
                TrySendError::Disconnected(_) => Unheard::Gone,
            })
        });
        (sink, receiver)
    }

    fn heard(receiver: &Receiver<u64>) -> Vec<u64> {
        receiver.try_iter().collect()
    }

    #[test]
    fn who_does_not_read_is_dropped_and_who_reads_hears_everything() {
        let hub = Hub::default();
        let ((slow, left), (good, read)) = (listener(2), listener(8));
        hub.listen(Kind::Socket, Begin::Now, slow).unwrap();
        hub.listen(Kind::Socket, Begin::Now, good).unwrap();
        (0..4).for_each(|_| hub.publish(&event()));
        assert_eq!(hub.count(Kind::Socket), 1);
        assert_eq!((heard(&left), heard(&read)), (vec![1, 2], vec![1, 2, 3, 4]));
    }

    #[test]
    fn who_is_gone_makes_room() {
        let hub = Hub::default();
        let (sink, receiver) = listener(8);
        let place = hub.listen(Kind::Http, Begin::Now, sink).unwrap();
        drop(receiver);
        hub.publish(&event());
        assert_eq!(hub.count(Kind::Http), 0);
        hub.leave(place);
        let (sink, _kept) = listener(8);
        let place = hub.listen(Kind::Http, Begin::Now, sink).unwrap();
        assert_eq!(hub.count(Kind::Http), 1);
        hub.leave(place);
        assert_eq!(hub.count(Kind::Http), 0);
    }

    #[test]
    fn each_kind_has_its_own_bound() {
        for kind in [Kind::Socket, Kind::Http, Kind::Serial] {
            let hub = Hub::default();
            for _ in 0..kind.most() {
                assert!(hub.listen(kind, Begin::Now, listener(1).0).is_ok());
            }
            assert_eq!(hub.listen(kind, Begin::Now, listener(1).0), Err(Refused::Full));
            let other = if kind == Kind::Http {
                Kind::Socket
            } else {
                Kind::Http
            };
            assert!(hub.listen(other, Begin::Now, listener(1).0).is_ok());
        }
    }

    #[test]
    fn what_was_missed_comes_first_as_far_as_it_is_kept() {
        let hub = Hub::default();
        (0..100).for_each(|_| hub.publish(&event()));
        let hear = |from| {
            let (sink, receiver) = listener(QUEUE);
            let place = hub.listen(Kind::Socket, from, sink).unwrap();
            hub.leave(place);
            heard(&receiver)
        };
        assert_eq!(hear(Begin::Now), [0; 0]);
        assert_eq!(hear(Begin::Behind(97)), [98, 99, 100]);
        assert_eq!(hear(Begin::Behind(100)), [0; 0]);
        assert_eq!(hear(Begin::Behind(u64::MAX)), [0; 0]);
        assert_eq!(hear(Begin::Behind(0)), (37..=100).collect::<Vec<u64>>());
    }

    #[test]
    fn nobody_listens_behind_the_end() {
        let hub = Hub::default();
        let (sink, receiver) = listener(8);
        hub.listen(Kind::Socket, Begin::Now, sink).unwrap();
        hub.publish(&event());
        hub.end();
        hub.publish(&event());
        assert_eq!(heard(&receiver), [1]);
        assert_eq!(
            hub.listen(Kind::Socket, Begin::Now, listener(1).0),
            Err(Refused::Over)
        );
    }
}
