//! What a counter asks, who judges, and what a verdict is made of.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mdoc::engagement::DeviceEngagement;
use mdoc::limits::Limits;
use mdoc::session::{Engaged, Handover, MonotonicTime, ReaderSession, SessionSettings, SessionTranscript};
use mdoc::time::UnixTime;
use relying_party::bundle::{LoadedBundle, age_words};
use relying_party::purpose::{Purpose, SeenBefore};
use relying_party::{DeviceKeys, TrustFile, TrustSnapshot, judge};
use serde_json::Value;

use crate::arguments::Common;
use crate::bundle::Bundles;
use crate::clock::Clock;
use crate::failure::Failure;
use crate::identity::{Identity, KeyPlace};
use crate::say;
use crate::service_manager::ServiceManager;
use crate::step::Step;
use crate::till::Till;
use crate::token_fault::TokenFault;
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
    #[error("{0}; {next}", next = .0.next_step())]
    Token(#[from] TokenFault),
    #[error("{0}")]
    Argument(String),
    /// Something that is needed is not there now. It may come by itself.
    #[error("{0}")]
    Unavailable(String),
}

impl StartError {
    /// Whether the same start may work later, without anybody's doing. A PIN that was refused is not tried again.
    pub(crate) const fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_) | Self::Token(TokenFault::NoToken(_) | TokenFault::Gone)
        )
    }
}

/// Who judges.
enum Judge {
    Trust(Box<TrustSnapshot>),
    /// The bundle at hand.
    Bundle,
    /// A service; where it cannot be reached, the bundle at hand, if there is one.
    Service(Box<Service>),
}

/// What every transaction of a counter is made with.
pub(crate) struct Counter {
    purpose: Purpose,
    judge: Judge,
    bundles: Option<Arc<Bundles>>,
    /// The bundle of this transaction: it stays the same from the request to the verdict.
    bundle: Option<Arc<LoadedBundle>>,
    named: String,
    identity: Option<Identity>,
    /// When the reader's certificate was last looked at.
    looked: Option<UnixTime>,
    pub(crate) settings: SessionSettings,
    limits: Limits,
    service_timeout: Option<Duration>,
    pub(crate) quiet: bool,
    clock: Clock,
    /// Who is told of steps beside the clerk.
    till: Option<Arc<Till>>,
    manager: Option<ServiceManager>,
}

impl Counter {
    /// Reads what the flags name, and pulls a bundle if they say from where. `connect_timeout` in
    /// seconds counts where none is given.
    pub(crate) fn load(read: &Common, connect_timeout: u64, clock: Clock) -> Result<Self, StartError> {
        let limits = match &read.limits {
            Some(file) => operator::load_limits(file)?,
            None => Limits::default(),
        };
        let is_local = read.verify == "local";
        let bundles = Bundles::load(&read.bundle, limits, clock)?.map(Arc::new);
        if let Some(bundles) = &bundles {
            bundles.pull();
        }
        let bundle = bundles.as_ref().and_then(|bundles| bundles.bundle());
        if is_local && bundles.is_some() && bundle.is_none() {
            return Err(StartError::Unavailable(
                "there is no bundle to judge by: bring this counter to a network once, or carry one here as a file (--bundle)".to_owned(),
            ));
        }
        let purpose = purpose(&read.purpose, bundle.as_deref())?;
        check_judge(&purpose, is_local)?;
        let judge = if !is_local {
            if read.trust.is_some() {
                say("warning: the service judges by its own trust directory; --trust is not used");
            }
            let timeout = Duration::from_secs(read.service_timeout);
            let service = Service::new(&read.verify, read.api_key_file.as_deref(), timeout)?;
            Judge::Service(Box::new(service))
        } else if bundle.is_some() {
            Judge::Bundle
        } else {
            Judge::Trust(Box::new(load_trust(read, clock)?.with_limits(limits)))
        };
        let key = KeyPlace::new(
            read.reader_key.as_deref(),
            read.pkcs11.as_deref(),
            read.pin_env.as_deref(),
        )?;
        let identity = match (&read.reader_cert, key) {
            (Some(certificate), Some(key)) => Some(Identity::load(certificate, key)?),
            _ => None,
        };
        let mut counter = Self {
            purpose,
            judge,
            bundles,
            bundle,
            named: read.purpose.clone(),
            identity,
            looked: None,
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
            clock,
            till: None,
            manager: None,
        };
        counter.look_at_certificate();
        counter.tell_bundle();
        Ok(counter)
    }

    /// Looks for a newer bundle every so often, beside the transactions. The thread ends with the
    /// process.
    pub(crate) fn pull_every(&self, pause: Duration) {
        if let Some(bundles) = self.bundles.clone() {
            std::thread::spawn(move || {
                loop {
                    std::thread::sleep(pause);
                    bundles.pull();
                }
            });
        }
    }

    /// Says what is wrong with the reader's certificate, at the start and once a day: a counter runs for longer than a
    /// certificate may last.
    fn look_at_certificate(&mut self) {
        const DAY: i64 = 86_400;
        let now = self.clock.now();
        let since = |looked: UnixTime| now.seconds().saturating_sub(looked.seconds());
        if let Some(identity) = &self.identity
            && self
                .looked
                .is_none_or(|looked| !(0..DAY).contains(&since(looked)))
        {
            identity.warn(now);
            self.looked = Some(now);
        }
    }

    /// Goes over to a newer bundle, between two transactions. One without a purpose that can be asked
    /// of a phone is not gone over to.
    pub(crate) fn renew(&mut self) {
        self.look_at_certificate();
        let Some(newer) = self.bundles.as_ref().and_then(|bundles| bundles.bundle()) else {
            return;
        };
        let number = |bundle: &LoadedBundle| bundle.facts().number;
        if self.bundle.as_deref().map(number) == Some(number(&newer)) {
            return;
        }
        match purpose(&self.named, Some(&newer)) {
            Ok(purpose) => {
                self.purpose = purpose;
                self.bundle = Some(newer);
                self.tell_bundle();
            }
            Err(error) => say(&format!(
                "warning: bundle {} is not used: {error}",
                number(&newer)
            )),
        }
    }

    #[cfg(test)]
    pub(crate) fn bundle_number(&self) -> Option<u64> {
        self.bundle.as_ref().map(|bundle| bundle.facts().number)
    }

    #[cfg(test)]
    pub(crate) fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    #[cfg(test)]
    pub(crate) fn pull_now(&self) {
        self.bundles.iter().for_each(|bundles| bundles.pull());
    }

    /// Says what an operator should know of the bundle at hand.
    fn tell_bundle(&self) {
        let Some(bundle) = &self.bundle else {
            return;
        };
        let (facts, now) = (bundle.facts(), self.clock.now());
        let [age, _] = age_words(facts.age(now));
        self.progress(&format!("offline evidence: bundle {}, {age} old", facts.number));
        for remark in bundle.trust().remarks(now) {
            say(&format!("warning: {remark}"));
        }
    }

    /// What is asked, in words.
    pub(crate) fn asked(&self) -> String {
        asked(&self.purpose)
    }

    /// What is asked.
    pub(crate) const fn purpose(&self) -> &Purpose {
        &self.purpose
    }

    /// Has a till told which step begins.
    pub(crate) fn tell(&mut self, till: Arc<Till>) {
        self.till = Some(till);
    }

    /// Has the service manager told which step begins, and that the loop lives.
    pub(crate) fn report_to(&mut self, manager: ServiceManager) {
        self.manager = Some(manager);
    }

    /// The loop that waits for phones has come round.
    pub(crate) fn beat(&self) {
        if let Some(manager) = &self.manager {
            manager.beat();
        }
    }

    /// How long the loop may wait, where it would wait for `pause`.
    pub(crate) fn patience(&self, pause: Option<Duration>) -> Option<Duration> {
        match &self.manager {
            Some(manager) => Some(manager.patience(pause)),
            None => pause,
        }
    }

    /// Tells the clerk, the till and the service manager which step begins.
    pub(crate) fn step(&self, step: Step) {
        if let Some(till) = &self.till {
            till.step(step);
        }
        let line = step.line(&self.settings, self.service_timeout);
        if let Some(manager) = &self.manager {
            let at_most = step.timeout(&self.settings, self.service_timeout);
            manager.step(step, &line, at_most);
        }
        self.progress(&line);
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
        handover: Handover<'_>,
        now: MonotonicTime,
    ) -> Result<ReaderSession, Failure> {
        if let (Judge::Bundle, Some(bundle)) = (&self.judge, &self.bundle) {
            // Before a phone is asked for what could not be judged.
            bundle
                .facts()
                .check_at(self.clock.now())
                .map_err(Failure::Bundle)?;
        }
        // The operating system's source; where it fails there is nothing to go on with.
        let mut random = rand_core::UnwrapErr(getrandom::SysRng);
        let engaged = Engaged::new(engagement, handover, &mut random)?;
        let signature = |error: &dyn core::error::Error| Failure::Signature(error.to_string());
        let mut request = self
            .purpose
            .device_request(engagement.version())
            .map_err(|error| signature(&error))?;
        if let Some(identity) = &self.identity {
            identity.sign(&mut request, engaged.transcript())?;
        }
        engaged
            .request(now, &request, self.settings)
            .map_err(|error| signature(&error))
    }

    /// The verdict on a response, in its form for programs.
    pub(crate) fn verdict(&self, response: &[u8], session: &ReaderSession) -> Result<Value, Failure> {
        let keys = session
            .e_reader_private_key()
            .map_or(DeviceKeys::None, DeviceKeys::Reader);
        let Judge::Service(service) = &self.judge else {
            return self.judge_here(response, session.transcript(), keys);
        };
        let ask = || service.judge(response, session, &self.purpose, &self.limits);
        let answer = match ask() {
            // The phone need not be read again for that.
            Err(Failure::ServiceUnreachable(_)) => {
                self.progress("the service cannot be reached; trying once more …");
                std::thread::sleep(SERVICE_PAUSE);
                ask()
            }
            answer => answer,
        };
        match answer {
            Err(failure @ (Failure::ServiceUnreachable(_) | Failure::ServiceTimeout))
                if self.bundle.is_some() =>
            {
                say(&format!("warning: {failure}; judging by the bundle"));
                self.judge_here(response, session.transcript(), keys)
            }
            answer => answer,
        }
    }

    /// The verdict of this program.
    pub(crate) fn judge_here(
        &self,
        response: &[u8],
        transcript: &SessionTranscript,
        keys: DeviceKeys<'_>,
    ) -> Result<Value, Failure> {
        let now = self.clock.now();
        let trust = match (&self.judge, &self.bundle) {
            (Judge::Trust(trust), _) => trust,
            (_, Some(bundle)) => {
                bundle.facts().check_at(now).map_err(Failure::Bundle)?;
                bundle.trust()
            }
            (_, None) => {
                let words = "there is no bundle to judge by".to_owned();
                return Err(Failure::ServiceUnreachable(words));
            }
        };
        let judgement = judge(
            response,
            transcript,
            keys,
            &self.purpose,
            trust,
            trust.evidence(),
            now,
        );
        let mut verdict = judgement.verdict.to_json();
        if let Some(bundle) = &self.bundle {
            bundle.annotate(&mut verdict, now);
        }
        Ok(verdict)
    }
}

/// Whether this program can judge the purpose, where it is the one that judges.
pub(crate) fn check_judge(purpose: &Purpose, is_local: bool) -> Result<(), StartError> {
    if is_local && purpose.seen_before() != SeenBefore::Ignore {
        // Before a phone is asked for what could not be accepted anyway.
        return Err(StartError::Argument(
            "the purpose asks whether the record was seen before; this program keeps nothing that would tell: have a service judge with --verify".to_owned(),
        ));
    }
    Ok(())
}

/// The purpose of this name: the bundle's, else a ready-made one or a file.
pub(crate) fn purpose(named: &str, bundle: Option<&LoadedBundle>) -> Result<Purpose, StartError> {
    let purpose = match bundle.and_then(|bundle| bundle.purpose(named)) {
        Some(purpose) => purpose.clone(),
        None => operator::load_purpose(named)?,
    };
    purpose
        .check_request()
        .map_err(|error| StartError::Purpose(error.to_string()))?;
    Ok(purpose)
}

fn load_trust(read: &Common, clock: Clock) -> Result<TrustSnapshot, StartError> {
    let Some(directory) = &read.trust else {
        say("warning: without --trust nothing is trusted and nothing can be accepted");
        return Ok(TrustSnapshot::new(Vec::<TrustFile>::new()).map_err(operator::OperatorError::from)?);
    };
    let trust = operator::load_trust(directory)?;
    for remark in trust.remarks(clock.now()) {
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
