//! The till link: each result, and each step on the way to it, for the program that runs a till.
//!
//! What a till is told is a type of its own ([`TillEvent`]) that has no room for a value of a document. It leaves on
//! standard output (`output`), over a Unix socket (`socket`), over HTTP on loopback (`http`), and as two characters on a
//! serial line (`serial`). The channels hang on one `hub`, which waits for none of them: a till that goes away, or does
//! not read, costs a transaction nothing.

mod event;
mod flags;
mod output;

#[cfg(feature = "till")]
mod channels;
#[cfg(not(feature = "till"))]
#[path = "without.rs"]
mod channels;
#[cfg(feature = "till")]
mod http;
#[cfg(feature = "till")]
mod hub;
#[cfg(feature = "till")]
mod serial;
#[cfg(all(feature = "till", unix))]
mod socket;

#[cfg(test)]
#[cfg(all(feature = "till", unix))]
mod tests;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use relying_party::purpose::Purpose;
use serde_json::Value;

use crate::clock::Clock;
use crate::counter::StartError;
use crate::failure::Failure;
use crate::say;
use crate::step::Step;
use channels::Channels;
pub(crate) use channels::faults;
pub(crate) use event::TillEvent;
use event::{PhaseEvent, ResultEvent, TransactionId};
pub(crate) use flags::{Stdout, TillFlags};
pub(crate) use output::Output;

/// Everybody who is told of results; ended in good order when dropped.
pub(crate) struct Till {
    /// The transaction in work.
    transaction: Mutex<Option<TransactionId>>,
    channels: Channels,
}

impl Till {
    /// Opens what the flags name.
    pub(crate) fn open(flags: &TillFlags, purpose: &Purpose) -> Result<Self, StartError> {
        let values = event::values(purpose);
        if flags.stdout == Stdout::Report && !values.is_empty() {
            say(&format!(
                "warning: the purpose returns values ({}), which stand in every line on standard output; --stdout till keeps them out",
                values.join(", ")
            ));
        }
        Ok(Self {
            transaction: Mutex::new(None),
            channels: Channels::open(flags)?,
        })
    }

    /// A transaction begins.
    pub(crate) fn begin(&self) {
        self.set(Some(TransactionId::random()));
    }

    /// A step begins.
    pub(crate) fn step(&self, step: Step) {
        let transaction = *self.transaction.lock().unwrap_or_else(PoisonError::into_inner);
        self.channels.publish(&TillEvent::Phase(PhaseEvent {
            transaction,
            at: Clock::System.now(),
            step,
        }));
    }

    /// The transaction ends: what a till is told of it. `duration` is how long it took.
    pub(crate) fn end(
        &self,
        result: &Result<Value, Failure>,
        purpose: &Purpose,
        duration: Duration,
    ) -> TillEvent {
        let transaction = self.set(None).unwrap_or_else(TransactionId::random);
        let event = TillEvent::Result(ResultEvent::new(
            transaction,
            Clock::System.now(),
            result,
            purpose,
            duration,
        ));
        self.channels.publish(&event);
        event
    }

    fn set(&self, next: Option<TransactionId>) -> Option<TransactionId> {
        let mut transaction = self.transaction.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *transaction, next)
    }
}
