//! One transaction: connect, engage, ask, judge.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use mdoc::engagement::DeviceEngagement;
use mdoc::limits::Limits;
use mdoc::session::{Engaged, Event, Handover, MonotonicTime, ReaderSession, SessionSettings, TransportEnd};
use mdoc::time::UnixTime;
use relying_party::purpose::{Purpose, SeenBefore};
use relying_party::{DeviceKeys, TrustFile, TrustSnapshot, judge, next_steps};
use serde_json::Value;

use crate::arguments::Read;
use crate::failure::Failure;
use crate::identity::Identity;
use crate::loopback::{Loopback, Received};
use crate::say;
use crate::upstream::Service;

/// The names, heads and the tag around a response in an encrypted message.
const FRAME_OVERHEAD: usize = 1024;
/// The exit status of a transaction without a verdict.
const NO_VERDICT: u8 = 3;

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
    #[error("{}: {fault}", path.display())]
    File { path: PathBuf, fault: String },
    #[error("{0}")]
    Argument(String),
}

/// Who judges.
enum Judge {
    Local(Box<TrustSnapshot>),
    Service(Box<Service>),
}

/// What a transaction is made with.
struct Counter {
    purpose: Purpose,
    judge: Judge,
    identity: Option<Identity>,
    settings: SessionSettings,
    limits: Limits,
    quiet: bool,
}

/// Runs one transaction.
pub(crate) fn run(read: &Read) -> Result<Outcome, StartError> {
    let counter = Counter::load(read)?;
    let address = Loopback::address(&read.connect).map_err(StartError::Argument)?;
    counter.progress(&format!("asking for: {}", asked(&counter.purpose)));
    counter.progress("connecting to the phone …");
    let max_frame = counter.settings.max_message_len;
    let connection = Loopback::connect(&address, counter.settings.connect_timeout, max_frame);
    let outcome = match connection {
        Ok(mut connection) => counter.converse(&mut connection),
        Err(_) => Err(Failure::Connect),
    };
    Ok(match outcome {
        Ok(report) => {
            // From the verdict's JSON form, so that it is the same whoever judged.
            for words in next_steps(&report) {
                say(&format!("next: {words}"));
            }
            Outcome {
                status: match report["verdict"].as_str() {
                    Some("accepted") => 0,
                    Some("rejected") => 1,
                    _ => 2,
                },
                report,
            }
        }
        Err(failure) => {
            say(&format!("no verdict: {failure}"));
            say(&format!("next: {}", failure.next_step()));
            Outcome {
                report: failure.to_json(),
                status: NO_VERDICT,
            }
        }
    })
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

impl Counter {
    fn load(read: &Read) -> Result<Self, StartError> {
        let purpose = operator::load_purpose(&read.purpose)?;
        purpose
            .check_request()
            .map_err(|error| StartError::Purpose(error.to_string()))?;
        if read.verify == "local" && purpose.seen_before() != SeenBefore::Ignore {
            // Before a phone is asked for what could not be accepted anyway.
            return Err(StartError::Argument(
                "the purpose asks whether the record was seen before; this program keeps nothing that would tell: have a service judge with --verify".to_owned(),
            ));
        }
        let limits = match &read.limits {
            Some(file) => operator::load_limits(file)?,
            None => Limits::default(),
        };
        let judge = if read.verify == "local" {
            Judge::Local(Box::new(load_trust(read)?.with_limits(limits)))
        } else {
            if read.trust.is_some() {
                say("warning: the service judges by its own trust directory; --trust is not used");
            }
            let timeout = Duration::from_secs(read.service_timeout);
            let service = Service::new(&read.verify, read.api_key_file.as_deref(), timeout)?;
            Judge::Service(Box::new(service))
        };
        let identity = match (&read.reader_cert, &read.reader_key) {
            (Some(certificate), Some(key)) => Some(Identity::load(certificate, key)?),
            _ => None,
        };
        Ok(Self {
            purpose,
            judge,
            identity,
            settings: SessionSettings {
                connect_timeout: Duration::from_secs(read.connect_timeout),
                request_timeout: Duration::from_secs(read.request_timeout),
                consent_timeout: Duration::from_secs(read.consent_timeout),
                receive_timeout: Duration::from_secs(read.receive_timeout),
                max_message_len: limits.message_bytes.saturating_add(FRAME_OVERHEAD),
                ..SessionSettings::default()
            },
            limits,
            quiet: read.quiet,
        })
    }

    /// Tells the person how far it is.
    fn progress(&self, words: &str) {
        if !self.quiet {
            say(words);
        }
    }

    /// From the engagement to the verdict. The keys and the response end with this call.
    fn converse(&self, connection: &mut Loopback) -> Result<Value, Failure> {
        let clock = Instant::now();
        let deadline = clock + self.settings.connect_timeout;
        let frame = match connection.receive(deadline, || Some(deadline)) {
            Ok(Received::Message(frame)) => frame,
            Ok(Received::Deadline) => return Err(Failure::Silence),
            Ok(Received::End) | Err(_) => return Err(Failure::Connect),
        };
        let engagement = core::str::from_utf8(&frame)
            .ok()
            .and_then(|uri| DeviceEngagement::from_uri(uri).ok())
            .ok_or(Failure::Engagement)?;
        let mut session = self.start(&engagement, since(clock))?;
        session.handle_connected(since(clock));
        self.progress("waiting for the holder's consent …");
        loop {
            while let Some(message) = session.poll_transmit() {
                match connection.send(&message) {
                    Ok(()) => session.handle_sent(since(clock)),
                    Err(_) => session.handle_transport_end(since(clock), TransportEnd::Lost),
                }
            }
            match session.poll_event() {
                Some(Event::Response(response)) => {
                    // The phone hears of the end first; what it makes of it changes nothing.
                    session.terminate();
                    drain(&mut session, connection);
                    self.progress("checking …");
                    return self.verdict(&response, &session);
                }
                Some(Event::Failed(error)) => {
                    drain(&mut session, connection);
                    return Err(error.into());
                }
                Some(Event::Ended) | None => {}
            }
            let Some(deadline) = session.poll_timeout() else {
                return Err(Failure::Connect);
            };
            let instant = |time: MonotonicTime| clock + Duration::from_millis(time.as_millis());
            let received = connection.receive(instant(deadline), || {
                session.handle_progress(since(clock));
                session.poll_timeout().map(instant)
            });
            match received {
                // A message after the end is refused by the session and changes nothing.
                Ok(Received::Message(message)) => drop(session.handle_message(since(clock), &message)),
                Ok(Received::Deadline) => session.handle_timeout(since(clock)),
                Ok(Received::End) => session.handle_transport_end(since(clock), TransportEnd::Ended),
                Err(_) => session.handle_transport_end(since(clock), TransportEnd::Lost),
            }
        }
    }

    fn start(&self, engagement: &DeviceEngagement, now: MonotonicTime) -> Result<ReaderSession, Failure> {
        // The operating system's source; where it fails there is nothing to go on with.
        let mut random = rand_core::UnwrapErr(getrandom::SysRng);
        let engaged = Engaged::new(engagement, Handover::Qr, &mut random)?;
        let signature = |error: &dyn core::error::Error| Failure::Signature(error.to_string());
        let mut request = self
            .purpose
            .device_request(engagement.version())
            .map_err(|error| signature(&error))?;
        if let Some(identity) = &self.identity {
            let reader = identity.reader().map_err(|error| signature(&error))?;
            request
                .sign(engaged.transcript(), &reader)
                .map_err(|error| signature(&error))?;
        }
        engaged
            .request(now, &request, self.settings)
            .map_err(|error| signature(&error))
    }

    fn verdict(&self, response: &[u8], session: &ReaderSession) -> Result<Value, Failure> {
        let trust = match &self.judge {
            Judge::Local(trust) => trust,
            Judge::Service(service) => {
                return service.judge(response, session, &self.purpose, &self.limits);
            }
        };
        let keys = session
            .e_reader_private_key()
            .map_or(DeviceKeys::None, DeviceKeys::Reader);
        let judgement = judge(
            response,
            session.transcript(),
            keys,
            &self.purpose,
            trust,
            trust.evidence(),
            now(),
        );
        Ok(judgement.verdict.to_json())
    }
}

fn now() -> UnixTime {
    let seconds = jiff::Timestamp::now().as_second();
    UnixTime::from_seconds(seconds).expect("invariant: jiff's years have four digits")
}

fn load_trust(read: &Read) -> Result<TrustSnapshot, StartError> {
    let Some(directory) = &read.trust else {
        say("warning: without --trust nothing is trusted and nothing can be accepted");
        return Ok(TrustSnapshot::new(Vec::<TrustFile>::new()).map_err(operator::OperatorError::from)?);
    };
    let trust = operator::load_trust(directory)?;
    for remark in trust.remarks(now()) {
        say(&format!("warning: {remark}"));
    }
    Ok(trust)
}

/// Sends what the session has left to say.
fn drain(session: &mut ReaderSession, connection: &mut Loopback) {
    while let Some(message) = session.poll_transmit() {
        let _ = connection.send(&message);
    }
}

fn since(clock: Instant) -> MonotonicTime {
    MonotonicTime::from_millis(u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX))
}
