//! The NFC readers of this machine, by PC/SC: which are there, and whether a phone has come.

use std::collections::HashMap;
use std::ffi::CString;
use std::time::{Duration, Instant};

use pcsc::{Context, Error, Protocols, ReaderState, Scope, ShareMode, State};

use super::chip::Card;
use crate::nfc_fault::NfcFault;

/// How long to leave a service alone that cannot be reached.
const RETRY_SERVICE: Duration = Duration::from_secs(1);
/// How long to leave a phone alone that is locked.
const RETRY_LOCKED: Duration = Duration::from_millis(500);
/// The most bytes of an answer: those of an extended command, and the status.
const ANSWER: usize = 0x1_0000 + 2;

/// Bytes of the status that every answer ends with.
const STATUS: usize = 2;

/// The reader's name, and the phone on it.
pub(super) type Arrived = (CString, Box<dyn Card>);

/// All readers, or those whose name contains a text.
pub(super) struct Field {
    only: Option<String>,
    context: Option<Context>,
    next_attempt: Option<Instant>,
    /// What was last seen on each reader.
    seen: HashMap<CString, Seen>,
    /// Phones that lie on a reader now have been dealt with.
    is_resting: bool,
}

struct Seen {
    /// Counts insertions and removals.
    events: u32,
    /// Until when the phone there is left alone; none for as long as it stays.
    again: Option<Instant>,
}

impl Field {
    pub(super) fn new(only: Option<String>) -> Self {
        Self {
            only,
            context: None,
            next_attempt: None,
            seen: HashMap::new(),
            is_resting: false,
        }
    }

    /// Phones that lie on a reader at the next look have to leave first.
    pub(super) fn rest(&mut self) {
        self.is_resting = true;
    }

    /// Phones that lie on a reader now have to leave first, as after [`rest`](Self::rest), and those that come later do not.
    pub(super) fn settle(&mut self) {
        if self.is_resting {
            // What is wrong with the readers is told by the next look.
            let _ = self.poll();
        }
    }

    /// A phone that has come since the last look, if there is one.
    pub(super) fn poll(&mut self) -> Result<Option<Arrived>, NfcFault> {
        let now = Instant::now();
        if self.next_attempt.is_some_and(|next| now < next) {
            return Ok(None);
        }
        let looked = self.look(now);
        if let Err(NfcFault::Reader(_)) = &looked {
            self.context = None;
            self.next_attempt = Some(now + RETRY_SERVICE);
        }
        looked
    }

    /// A phone that is locked may be unlocked where it lies.
    pub(super) fn look_again_at(&mut self, reader: &CString) {
        if let Some(seen) = self.seen.get_mut(reader) {
            seen.again = Some(Instant::now() + RETRY_LOCKED);
        }
    }

    fn look(&mut self, now: Instant) -> Result<Option<Arrived>, NfcFault> {
        if self.context.is_none() {
            self.context = Some(Context::establish(Scope::User).map_err(service)?);
        }
        let Some(context) = self.context.as_ref() else {
            return Ok(None);
        };
        let only = self.only.as_deref().unwrap_or_default();
        let mut states: Vec<ReaderState> = match context.list_readers_owned() {
            Ok(names) => names,
            Err(Error::NoReadersAvailable) => Vec::new(),
            Err(error) => return Err(service(error)),
        }
        .into_iter()
        .filter(|name| name.to_string_lossy().contains(only))
        .map(|name| ReaderState::new(name, State::UNAWARE))
        .collect();
        self.seen
            .retain(|name, _| states.iter().any(|state| state.name() == name.as_c_str()));
        if states.is_empty() {
            return Err(NfcFault::NoReader(self.only.clone()));
        }
        match context.get_status_change(Duration::ZERO, &mut states) {
            Ok(()) | Err(Error::Timeout) => {}
            // Unplugged since it was listed.
            Err(Error::UnknownReader | Error::ReaderUnavailable) => return Ok(None),
            Err(error) => return Err(service(error)),
        }
        let is_resting = std::mem::take(&mut self.is_resting);
        for state in &states {
            let name = state.name().to_owned();
            if !state.event_state().contains(State::PRESENT) || state.event_state().contains(State::MUTE) {
                self.seen.remove(&name);
                continue;
            }
            let events = state.event_count();
            let is_known = self
                .seen
                .get(&name)
                .is_some_and(|seen| seen.events == events && seen.again.is_none_or(|again| now < again));
            if is_known {
                continue;
            }
            self.seen.insert(name.clone(), Seen { events, again: None });
            if is_resting {
                continue;
            }
            match context.connect(&name, ShareMode::Exclusive, Protocols::ANY) {
                Ok(card) => return Ok(Some((name, Box::new(Connected(card))))),
                Err(error @ (Error::NoService | Error::ServiceStopped)) => return Err(service(error)),
                // Gone again, or another program's; seen, and left alone until it changes.
                Err(_) => {}
            }
        }
        Ok(None)
    }
}

/// A phone that PC/SC is connected to.
struct Connected(pcsc::Card);

impl Card for Connected {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, NfcFault> {
        let mut buffer = zeroize::Zeroizing::new(vec![0; ANSWER]);
        match self.0.transmit(command, &mut buffer) {
            // Some drivers answer for a phone that has left, with less than a status.
            Ok(answer) if answer.len() < STATUS => Err(NfcFault::CardLost),
            Ok(answer) => Ok(answer.to_vec()),
            Err(error @ (Error::NoService | Error::ServiceStopped | Error::InsufficientBuffer)) => {
                Err(service(error))
            }
            // Removed, reset, out of reach: drivers name it in many ways.
            Err(_) => Err(NfcFault::CardLost),
        }
    }
}

fn service(error: Error) -> NfcFault {
    NfcFault::Reader(error.to_string())
}
