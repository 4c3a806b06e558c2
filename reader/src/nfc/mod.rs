//! Phones that are held to an NFC reader: engagement, and data transfer where that is what both sides come to.

mod chip;
mod field;
mod link;

use std::ffi::CString;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mdoc::engagement::{DeviceEngagement, NfcOptions, RetrievalMethod};
use mdoc::nfc::handover::{BleOffer, HandoverError, HandoverRequest, NfcEngagement, Offer};
use mdoc::nfc::{Engaging, EngagingError, Step, TransferLimits, select_mdoc};
use mdoc::session::{Party, Phase, SessionFailure};
use rand_core::Rng as _;

use crate::arguments::{self, Role};
use crate::counter::Counter;
use crate::failure::Failure;
use crate::nfc_fault::NfcFault;
use crate::say;
use crate::transport::{Connector, Stop, Transport};
use chip::{Card, Chip, Waited};
use field::Field;
use link::Link;

/// How often to look for a phone.
const PAUSE: Duration = Duration::from_millis(50);
/// How long an engagement may take before the phone is let go: the waits that phones ask for add up.
const ENGAGING: Duration = Duration::from_secs(15);
/// How long last commands may take before the program ends.
const FAREWELL: Duration = Duration::from_millis(1500);

/// Connects to phones on a reader, and hands those on that want Bluetooth.
pub(crate) struct Nearby {
    field: Field,
    /// What Bluetooth, or what stands in for it, there is.
    radio: Option<Box<dyn Connector>>,
    role: Role,
    is_short: bool,
    max_message_len: usize,
    quiet: bool,
    stop: Stop,
    /// The phone whose engagement was read last.
    held: Option<Chip>,
    /// The last fault of the counter's side, which is told once.
    trouble: Option<NfcFault>,
    /// The reader whose phone is known to be locked.
    locked: Option<CString>,
    /// Threads of phones that are being let go.
    ending: Vec<JoinHandle<()>>,
}

impl Nearby {
    pub(crate) fn new(
        near: &arguments::Near,
        role: Role,
        counter: &Counter,
        radio: Option<Box<dyn Connector>>,
        stop: Stop,
    ) -> Self {
        Self {
            field: Field::new(near.nfc_reader.clone()),
            radio: radio.filter(|_| !near.nfc_data),
            role,
            is_short: near.nfc_short,
            max_message_len: counter.settings.max_message_len,
            quiet: counter.quiet,
            stop,
            held: None,
            trouble: None,
            locked: None,
            ending: Vec::new(),
        }
    }

    /// Waits for a phone until the deadline, and reads its engagement. A locked phone is waited for as well.
    pub(crate) fn wait(&mut self, deadline: Instant) -> Result<NfcEngagement, Failure> {
        let mut locked = None;
        loop {
            match self.look() {
                Some(Err(failure)) if is_locked(&failure) => locked = Some(failure),
                Some(engaged) => return engaged,
                None if self.stop.is_wished() => return Err(stopped(Phase::Engagement)),
                None if Instant::now() >= deadline => {
                    let fault = self.trouble.take();
                    let fault = fault.map(|fault| Failure::Nfc {
                        fault,
                        phase: Phase::Engagement,
                    });
                    return Err(locked.or(fault).unwrap_or(Failure::NoPhone));
                }
                None => std::thread::sleep(PAUSE),
            }
        }
    }

    /// One look at the readers: an engagement, or why a phone gave none. Faults of the readers are told once.
    fn look(&mut self) -> Option<Result<NfcEngagement, Failure>> {
        let (reader, chip) = self.arrival()?;
        let mut has_answered = false;
        let engaged = self.engage(&chip, &mut has_answered);
        match &engaged {
            Ok(engaged) => {
                self.tell(engaged);
                self.locked = None;
                self.field.rest();
                self.held = Some(chip);
            }
            Err(failure) if is_locked(failure) => {
                self.field.look_again_at(&reader);
                // It is told once, however long it lies there.
                if self.locked.replace(reader.clone()) == Some(reader) {
                    return None;
                }
            }
            // It is known to be locked, and has left instead of being asked again: nothing new.
            Err(failure) if is_lost(failure) && !has_answered && self.locked.as_ref() == Some(&reader) => {
                self.locked = None;
                return None;
            }
            Err(_) => self.locked = None,
        }
        Some(engaged)
    }

    /// A phone that has come.
    fn arrival(&mut self) -> Option<(CString, Chip)> {
        self.held = None;
        self.ending.retain(|thread| !thread.is_finished());
        match self.field.poll() {
            Ok(Some((reader, card))) => {
                self.trouble = None;
                Some((reader, self.take(card)))
            }
            Ok(None) => None,
            Err(fault) => {
                if self.trouble.as_ref() != Some(&fault) {
                    say(&format!("warning: {fault}; next: {}", fault.next_step()));
                }
                self.trouble = Some(fault);
                None
            }
        }
    }

    fn take(&mut self, card: Box<dyn Card>) -> Chip {
        let (chip, thread) = Chip::new(card);
        self.ending.push(thread);
        chip
    }

    /// Reads an engagement; on the way, whether the phone has answered anything.
    fn engage(&self, chip: &Chip, has_answered: &mut bool) -> Result<NfcEngagement, Failure> {
        let deadline = Instant::now() + ENGAGING;
        // The operating system's source; where it fails there is nothing to go on with.
        let mut random = rand_core::UnwrapErr(getrandom::SysRng);
        let mut uuid = [0; 16];
        random.fill_bytes(&mut uuid);
        // Version 4, variant 1.
        uuid[6] = uuid[6] & 0x0f | 0x40;
        uuid[8] = uuid[8] & 0x3f | 0x80;
        let request = HandoverRequest::new(self.offer(uuid), &mut random);
        let failed = |fault| Failure::Nfc {
            fault,
            phase: Phase::Engagement,
        };
        let (mut engaging, mut next) = Engaging::start(request);
        loop {
            std::thread::sleep(next.after);
            chip.submit(next.command);
            match chip.wait(deadline, &self.stop) {
                Waited::Answer(answer) => {
                    *has_answered = true;
                    match engaging.handle_answer(&answer) {
                        Ok(Step::Continue(on, then)) => (engaging, next) = (on, then),
                        Ok(Step::Done(engaged)) => return Ok(engaged),
                        Err(EngagingError::Handover(HandoverError::Engagement(error))) => {
                            return Err(Failure::Session(error.into()));
                        }
                        Err(error) => return Err(failed(error.into())),
                    }
                }
                Waited::Fault(fault) => return Err(failed(fault)),
                Waited::Deadline => {
                    let phase = Phase::Engagement;
                    return Err(Failure::Session(SessionFailure::Timeout { phase }));
                }
                Waited::Stopped => return Err(stopped(Phase::Engagement)),
            }
        }
    }

    /// What to offer to a phone that negotiates.
    fn offer(&self, uuid: [u8; 16]) -> Offer {
        let is_server = cfg!(target_os = "linux") && self.role != Role::Central;
        Offer {
            ble: self.radio.as_ref().map(|_| BleOffer {
                central: self.role != Role::Peripheral,
                peripheral: is_server.then_some(uuid),
            }),
            nfc: true,
        }
    }

    /// What the handover came to, in words.
    fn tell(&self, engaged: &NfcEngagement) {
        if self.quiet {
            return;
        }
        let mut ways = Vec::new();
        for method in engaged.engagement().retrieval_methods() {
            match method {
                RetrievalMethod::Ble(ble) => {
                    ways.extend(ble.central_client.map(|_| "Bluetooth, this reader as the server"));
                    ways.extend(
                        ble.peripheral_server
                            .map(|_| "Bluetooth, the phone as the server"),
                    );
                }
                RetrievalMethod::Nfc(_) => ways.push("NFC"),
                _ => {}
            }
        }
        let kind = if engaged.is_negotiated() {
            "negotiated"
        } else {
            "static"
        };
        let ways = if ways.is_empty() {
            "nothing that is known here".to_owned()
        } else {
            ways.join("; ")
        };
        say(&format!("{kind} handover: {ways}"));
    }

    /// The phone at hand, or the next one that comes until the deadline.
    fn phone(&mut self, deadline: Instant) -> Result<Chip, Failure> {
        loop {
            if let Some(chip) = self.held.take() {
                return Ok(chip);
            }
            if let Some((_, chip)) = self.arrival() {
                return Ok(chip);
            }
            if self.stop.is_wished() {
                return Err(stopped(Phase::Connect));
            }
            if Instant::now() >= deadline {
                let phase = Phase::Connect;
                return Err(Failure::Session(SessionFailure::Timeout { phase }));
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn transfer(&mut self, options: &NfcOptions, deadline: Instant) -> Result<Box<dyn Transport>, Failure> {
        let chip = self.phone(deadline)?;
        self.field.rest();
        let failed = |fault| Failure::Nfc {
            fault,
            phase: Phase::Connect,
        };
        chip.submit(select_mdoc());
        match chip.wait(deadline, &self.stop) {
            Waited::Answer(answer) if answer.ends_with(&[0x90, 0x00]) => {
                let limits = TransferLimits::new(options, self.is_short, self.max_message_len);
                Ok(Box::new(Link::new(chip, limits, self.stop.clone())))
            }
            Waited::Answer(_) => Err(failed(NfcFault::Transfer(
                "the phone offers to transfer over NFC, and does not".to_owned(),
            ))),
            Waited::Fault(fault) => Err(failed(fault)),
            Waited::Deadline => Err(Failure::Session(SessionFailure::Timeout {
                phase: Phase::Connect,
            })),
            Waited::Stopped => Err(stopped(Phase::Connect)),
        }
    }
}

impl Connector for Nearby {
    fn connect(
        &mut self,
        engagement: &DeviceEngagement,
        deadline: Instant,
    ) -> Result<Box<dyn Transport>, Failure> {
        let methods = engagement.retrieval_methods();
        let has_ble = methods
            .iter()
            .any(|method| matches!(method, RetrievalMethod::Ble(_)));
        let nfc = methods.iter().find_map(|method| match method {
            RetrievalMethod::Nfc(options) => Some(*options),
            _ => None,
        });
        match (&mut self.radio, nfc) {
            (Some(radio), _) if has_ble => {
                // The phone may leave the reader now.
                self.held = None;
                radio.connect(engagement, deadline)
            }
            (_, Some(options)) => self.transfer(&options, deadline),
            _ => Err(Failure::NoTransport),
        }
    }

    /// Whoever holds a phone here from now on is the next one.
    fn scanned(&mut self) {
        self.field.settle();
    }

    fn pause(&self) -> Option<Duration> {
        Some(PAUSE)
    }

    fn poll(&mut self) -> Option<Result<NfcEngagement, Failure>> {
        self.look()
    }
}

/// Last words are sent before the program ends.
impl Drop for Nearby {
    fn drop(&mut self) {
        self.held = None;
        let deadline = Instant::now() + FAREWELL;
        while self.ending.iter().any(|thread| !thread.is_finished()) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

const fn is_locked(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Nfc {
            fault: NfcFault::Locked,
            ..
        }
    )
}

const fn is_lost(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Nfc {
            fault: NfcFault::CardLost,
            ..
        }
    )
}

const fn stopped(phase: Phase) -> Failure {
    Failure::Session(SessionFailure::Terminated {
        phase,
        by: Party::Reader,
        status: None,
    })
}

#[cfg(test)]
mod tests;
