//! What a counter asks, who judges, and what a verdict is made of.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use mdoc::engagement::DeviceEngagement;
use mdoc::limits::Limits;
use mdoc::session::{Engaged, Handover, MonotonicTime, ReaderSession, SessionSettings};
use mdoc::time::UnixTime;
use relying_party::purpose::{Purpose, SeenBefore};
use relying_party::{DeviceKeys, TrustFile, TrustSnapshot, judge};
use serde_json::Value;

use crate::arguments::Common;
use crate::failure::Failure;
use crate::identity::Identity;
use crate::say;
use crate::step::Step;
use crate::upstream::Service;

/// The names, heads and the tag around a response in an encrypted message.
const FRAME_OVERHEAD: usize = 1024;
/// How long to wait before the service is asked once more.
const SERVICE_PAUSE: Duration = Duration::from_millis(500);

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

/// What every transaction of a counter is made with.
pub(crate) struct Counter {
    purpose: Purpose,
    judge: Judge,
    identity: Option<Identity>,
    pub(crate) settings: SessionSettings,
    limits: Limits,
    service_timeout: Option<Duration>,
    pub(crate) quiet: bool,
}

impl Counter {
    /// Reads what the flags name. `connect_timeout` in seconds counts where none is given.
    pub(crate) fn load(read: &Common, connect_timeout: u64) -> Result<Self, StartError> {
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
                connect_timeout: Duration::from_secs(read.connect_timeout.unwrap_or(connect_timeout)),
                request_timeout: Duration::from_secs(read.request_timeout),
                consent_timeout: Duration::from_secs(read.consent_timeout),
                receive_timeout: Duration::from_secs(read.receive_timeout),
                max_message_len: limits.message_bytes.saturating_add(FRAME_OVERHEAD),
                ..SessionSettings::default()
            },
            limits,
            service_timeout: (read.verify != "local").then(|| Duration::from_secs(read.service_timeout)),
            quiet: read.quiet,
        })
    }

    /// What is asked, in words.
    pub(crate) fn asked(&self) -> String {
        asked(&self.purpose)
    }

    /// Tells the clerk which step begins.
    pub(crate) fn step(&self, step: Step) {
        self.progress(&step.line(&self.settings, self.service_timeout));
    }

    /// Tells the person how far it is.
    pub(crate) fn progress(&self, words: &str) {
        if !self.quiet {
            say(words);
        }
    }

    /// A session that is ready to ask.
    pub(crate) fn start(
        &self,
        engagement: &DeviceEngagement,
        now: MonotonicTime,
    ) -> Result<ReaderSession, Failure> {
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

    /// The verdict on a response, in its form for programs.
    pub(crate) fn verdict(&self, response: &[u8], session: &ReaderSession) -> Result<Value, Failure> {
        let trust = match &self.judge {
            Judge::Local(trust) => trust,
            Judge::Service(service) => {
                let ask = || service.judge(response, session, &self.purpose, &self.limits);
                return match ask() {
                    // The phone need not be read again for that.
                    Err(Failure::ServiceUnreachable(_)) => {
                        self.progress("the service cannot be reached; trying once more …");
                        std::thread::sleep(SERVICE_PAUSE);
                        ask()
                    }
                    answer => answer,
                };
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

fn load_trust(read: &Common) -> Result<TrustSnapshot, StartError> {
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

/// Milliseconds of the session's clock.
pub(crate) fn since(clock: Instant) -> MonotonicTime {
    MonotonicTime::from_millis(u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX))
}
