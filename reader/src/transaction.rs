//! One transaction: connect, ask, wait for consent, receive, judge.

use std::time::{Duration, Instant};

use mdoc::engagement::DeviceEngagement;
use mdoc::session::{
    Event, Handover, MonotonicTime, Party, Phase, ReaderSession, SessionFailure, TransportEnd,
};
use relying_party::bundle::bundle_words;
use relying_party::next_steps;
use serde_json::Value;

use crate::counter::{Counter, since};
use crate::failure::Failure;
use crate::say;
use crate::step::Step;
use crate::transport::{Connector, LinkError, Received, Suspicion, Transport};

/// The exit status of a transaction without a verdict.
const NO_VERDICT: u8 = 3;

/// What is printed, and the exit status.
pub(crate) struct Outcome {
    pub(crate) report: Value,
    pub(crate) status: u8,
}

impl Outcome {
    /// Tells the person what to do next, and gives the report for programs.
    pub(crate) fn new(result: Result<Value, Failure>) -> Self {
        match result {
            Ok(report) => {
                for words in bundle_words(&report).into_iter().flatten() {
                    say(&words);
                }
                // From the verdict's JSON form, so that it is the same whoever judged.
                for words in next_steps(&report) {
                    say(&format!("next: {words}"));
                }
                Self {
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
                Self {
                    report: failure.to_json(),
                    status: NO_VERDICT,
                }
            }
        }
    }
}

/// From the engagement, and the way in which it came, to the verdict. `clock` is when it came. The keys and the response
/// end with this call.
pub(crate) fn converse(
    counter: &Counter,
    engagement: &DeviceEngagement,
    handover: Handover<'_>,
    connector: &mut dyn Connector,
    clock: Instant,
) -> Result<Value, Failure> {
    let mut transaction = Transaction {
        counter,
        engagement,
        clock,
        session: counter.start(engagement, handover, since(clock))?,
        link: None,
    };
    counter.step(Step::Connecting);
    let result = transaction.run(connector);
    // The phone hears of the end; what it makes of it changes nothing.
    let last = transaction.session.poll_transmit();
    if let Some(link) = &mut transaction.link {
        link.finish(last.as_deref());
    }
    let response = result?;
    counter.step(Step::Checking);
    counter.verdict(&response, &transaction.session)
}

struct Transaction<'c> {
    counter: &'c Counter,
    engagement: &'c DeviceEngagement,
    clock: Instant,
    session: ReaderSession,
    link: Option<Box<dyn Transport>>,
}

/// A response, wiped on drop.
type Response = zeroize::Zeroizing<Vec<u8>>;

impl Transaction<'_> {
    /// Until there is a response, or the session has failed.
    fn run(&mut self, connector: &mut dyn Connector) -> Result<Response, Failure> {
        self.link = Some(self.connect(connector)?);
        self.session.handle_connected(self.now());
        self.counter.step(Step::Requesting);
        self.request(connector)?;
        self.counter.step(Step::Consent);
        loop {
            match self.session.poll_event() {
                Some(Event::Response(response)) => {
                    self.session.terminate();
                    return Ok(response);
                }
                Some(Event::Failed(failure)) => return Err(self.failure(failure)),
                Some(Event::Ended) | None => self.receive()?,
            }
        }
    }

    /// As often as it takes until the deadline of the phase.
    fn connect(&self, connector: &mut dyn Connector) -> Result<Box<dyn Transport>, Failure> {
        let Some(deadline) = self.deadline() else {
            return Err(Failure::Connect);
        };
        connector.connect(self.engagement, deadline)
    }

    /// Sends the request. Where the phone is lost before anything of it has left, the phone is connected to again
    /// (18013-5 §8.3.3.1.1): the engagement and the session's keys still stand.
    fn request(&mut self, connector: &mut dyn Connector) -> Result<(), Failure> {
        let Some(message) = self.session.poll_transmit() else {
            return Ok(());
        };
        loop {
            let (Some(deadline), Some(link)) = (self.deadline(), self.link.as_mut()) else {
                return Err(Failure::Connect);
            };
            match link.send(&message, deadline) {
                Ok(()) => {
                    self.session.handle_sent(self.now());
                    return Ok(());
                }
                Err(LinkError::Lost { untouched: true }) if Instant::now() < deadline => {
                    self.counter
                        .progress("the phone was lost before it was asked; connecting again …");
                    link.finish(None);
                    self.link = None;
                    self.link = Some(self.connect(connector)?);
                }
                Err(error) => {
                    self.link_error(error)?;
                    return Ok(());
                }
            }
        }
    }

    /// Waits for what comes next, and hands it to the session.
    fn receive(&mut self) -> Result<(), Failure> {
        let (Some(deadline), Some(link)) = (self.deadline(), self.link.as_mut()) else {
            return Err(Failure::Connect);
        };
        let (session, clock, counter) = (&mut self.session, self.clock, self.counter);
        let received = link.receive(deadline, &mut || {
            counter.step(Step::Receiving);
            session.handle_progress(since(clock));
            session.poll_timeout().map(|time| instant(clock, time))
        });
        let now = self.now();
        match received {
            // A message after the end is refused by the session and changes nothing.
            Ok(Received::Message(message)) => drop(self.session.handle_message(now, &message)),
            Ok(Received::Deadline) => self.session.handle_timeout(now),
            Ok(Received::End) => self.session.handle_transport_end(now, TransportEnd::Ended),
            Ok(Received::Stopped) => self.session.terminate(),
            Err(error) => self.link_error(error)?,
        }
        Ok(())
    }

    /// What is wrong with the connection: the session's failure, or one with more to say.
    fn link_error(&mut self, error: LinkError) -> Result<(), Failure> {
        let phase = self.session.phase().unwrap_or(Phase::Connect);
        match error {
            LinkError::Lost { .. } => {
                let now = self.now();
                self.session.handle_transport_end(now, TransportEnd::Lost);
                Ok(())
            }
            LinkError::Framing(fault) => {
                self.session.terminate();
                Err(Failure::Framing { fault, phase })
            }
            LinkError::Radio(fault) => Err(Failure::Radio { fault, phase }),
            LinkError::Nfc(fault) => Err(Failure::Nfc { fault, phase }),
        }
    }

    /// The session's failure, or what the connection knows of its cause.
    fn failure(&mut self, failure: SessionFailure) -> Failure {
        let Some(link) = &mut self.link else {
            return failure.into();
        };
        match failure {
            SessionFailure::Timeout {
                phase: Phase::Receive,
            } if link.is_message_pending() => Failure::Unfinished,
            SessionFailure::Decryption {
                phase,
                by: Party::Reader,
            }
            | SessionFailure::Decoding {
                phase,
                fault: Some(_),
            } => match link.suspicion() {
                Some(Suspicion::Reordered) => Failure::Reordered { phase },
                Some(Suspicion::Lost) => Failure::PartsLost { phase },
                None => failure.into(),
            },
            _ => failure.into(),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.session.poll_timeout().map(|time| instant(self.clock, time))
    }

    fn now(&self) -> MonotonicTime {
        since(self.clock)
    }
}

fn instant(clock: Instant, time: MonotonicTime) -> Instant {
    clock + Duration::from_millis(time.as_millis())
}
