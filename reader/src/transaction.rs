//! One transaction: connect, engage, ask, judge.

use std::time::{Duration, Instant};

use mdoc::engagement::DeviceEngagement;
use mdoc::limits::Limits;
use mdoc::session::{
    Engaged, Event, Handover, MonotonicTime, ReaderSession, SessionFailure, SessionSettings, TransportEnd,
};
use mdoc::time::UnixTime;
use relying_party::purpose::Purpose;
use relying_party::{Decision, DeviceKeys, TrustSnapshot, judge};
use serde_json::{Value, json};

use crate::arguments::Read;
use crate::loopback::{Loopback, Received};
use crate::say;

/// The names, heads and the tag around a response in an encrypted message.
const FRAME_OVERHEAD: usize = 1024;
/// The exit status of a session that failed.
const SESSION_FAILURE: u8 = 3;

/// What is printed, and the exit status.
pub(crate) struct Outcome {
    pub(crate) report: Value,
    pub(crate) status: u8,
}

/// What keeps a transaction from starting.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Operator(#[from] operator::OperatorError),
    #[error("the purpose may not be sent to a phone: {0}")]
    Purpose(String),
    #[error("{0}")]
    Argument(String),
}

/// Runs one transaction.
pub(crate) fn run(read: &Read) -> Result<Outcome, StartError> {
    let purpose = operator::load_purpose(&read.purpose)?;
    purpose
        .check_request()
        .map_err(|error| StartError::Purpose(error.to_string()))?;
    let limits = match &read.limits {
        Some(file) => operator::load_limits(file)?,
        None => Limits::default(),
    };
    let trust = operator::load_trust(&read.trust)?.with_limits(limits);
    for (file, reason) in trust.skipped() {
        say(&format!("warning: {file} is left aside: {reason}"));
    }
    let address = Loopback::address(&read.connect).map_err(StartError::Argument)?;
    let connect_timeout = Duration::from_secs(read.connect_timeout);
    say(&format!("asking for: {}", asked(&purpose)));
    say("connecting to the phone …");
    // The head and names of a frame beside the message, and the tag.
    let max_frame = limits.message_bytes + FRAME_OVERHEAD;
    let connection = Loopback::connect(&address, connect_timeout, max_frame);
    let Ok(mut connection) = connection else {
        return Ok(failure("session.transport", "connect"));
    };
    Ok(converse(&mut connection, read, &purpose, &trust))
}

/// What the purpose asks, in words.
fn asked(purpose: &Purpose) -> String {
    let document = |document: &relying_party::purpose::Document| {
        let names: Vec<&str> = document
            .request()
            .values()
            .flat_map(|elements| elements.keys().map(String::as_str))
            .collect();
        format!("{} of {}", names.join(", "), document.doc_type())
    };
    let documents: Vec<String> = purpose.documents().iter().map(document).collect();
    documents.join("; ")
}

fn converse(connection: &mut Loopback, read: &Read, purpose: &Purpose, trust: &TrustSnapshot) -> Outcome {
    let clock = Instant::now();
    let engagement = match connection.receive(clock + Duration::from_secs(read.connect_timeout)) {
        Ok(Received::Message(frame)) => String::from_utf8(frame).ok(),
        Ok(Received::Deadline) => return failure("session.timeout", "engagement"),
        Ok(Received::End) | Err(_) => return failure("session.transport", "engagement"),
    };
    let engagement = engagement.and_then(|uri| DeviceEngagement::from_uri(&uri).ok());
    let Some(engagement) = engagement else {
        return failure("session.engagement", "engagement");
    };
    let settings = SessionSettings {
        max_message_len: trust.limits().message_bytes + FRAME_OVERHEAD,
        connect_timeout: Duration::from_secs(read.connect_timeout),
        consent_timeout: Duration::from_secs(read.consent_timeout),
        ..SessionSettings::default()
    };
    let session = start(&engagement, purpose, settings, since(clock));
    let mut session = match session {
        Ok(session) => session,
        Err(outcome) => return *outcome,
    };
    session.handle_connected(since(clock));
    say("waiting for the holder's consent …");
    loop {
        while let Some(message) = session.poll_transmit() {
            match connection.send(&message) {
                Ok(()) => session.handle_sent(since(clock)),
                Err(_) => session.handle_transport_end(since(clock), TransportEnd::Lost),
            }
        }
        match session.poll_event() {
            Some(Event::Response(response)) => {
                // Tells the phone that the session is over; what it makes of it changes nothing.
                session.terminate();
                while let Some(message) = session.poll_transmit() {
                    let _ = connection.send(&message);
                }
                say("checking …");
                return verdict(&response, &session, purpose, trust);
            }
            Some(Event::Failed(error)) => {
                while let Some(message) = session.poll_transmit() {
                    let _ = connection.send(&message);
                }
                return session_failure(&error);
            }
            Some(Event::Ended) | None => {}
        }
        let Some(deadline) = session.poll_timeout() else {
            return failure("session.transport", "consent");
        };
        match connection.receive(clock + Duration::from_millis(deadline.as_millis())) {
            // A message after the end is refused by the session and changes nothing.
            Ok(Received::Message(message)) => drop(session.handle_message(since(clock), &message)),
            Ok(Received::Deadline) => session.handle_timeout(since(clock)),
            Ok(Received::End) => session.handle_transport_end(since(clock), TransportEnd::Ended),
            Err(_) => session.handle_transport_end(since(clock), TransportEnd::Lost),
        }
    }
}

fn start(
    engagement: &DeviceEngagement,
    purpose: &Purpose,
    settings: SessionSettings,
    now: MonotonicTime,
) -> Result<ReaderSession, Box<Outcome>> {
    // The operating system's source; where it fails there is nothing to go on with.
    let mut random = rand_core::UnwrapErr(getrandom::SysRng);
    let engaged = Engaged::new(engagement, Handover::Qr, &mut random)
        .map_err(|error| Box::new(session_failure(&error)))?;
    let unsendable = || Box::new(failure("session.engagement", "engagement"));
    let request = purpose.device_request().map_err(|_| unsendable())?;
    engaged.request(now, &request, settings).map_err(|_| unsendable())
}

fn verdict(response: &[u8], session: &ReaderSession, purpose: &Purpose, trust: &TrustSnapshot) -> Outcome {
    let seconds = jiff::Timestamp::now().as_second();
    let Some(now) = UnixTime::from_seconds(seconds) else {
        return failure("session.transport", "checking");
    };
    let keys = session
        .e_reader_private_key()
        .map_or(DeviceKeys::None, DeviceKeys::Reader);
    let judgement = judge(
        response,
        session.transcript(),
        keys,
        purpose,
        trust,
        trust.evidence(),
        now,
    );
    let status = match judgement.verdict.decision {
        Decision::Accepted => 0,
        Decision::Rejected => 1,
        Decision::Undetermined => 2,
    };
    Outcome {
        report: judgement.verdict.to_json(),
        status,
    }
}

fn session_failure(error: &SessionFailure) -> Outcome {
    say(&error.to_string());
    failure(error.code(), error.phase().name())
}

fn failure(reason: &str, phase: &str) -> Outcome {
    Outcome {
        report: json!({ "verdict": null, "reason": reason, "phase": phase }),
        status: SESSION_FAILURE,
    }
}

fn since(clock: Instant) -> MonotonicTime {
    MonotonicTime::from_millis(u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX))
}
