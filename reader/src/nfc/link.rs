//! NFC data transfer as a transport: one message to the phone, one back.

use std::time::{Duration, Instant};

use mdoc::nfc::{Exchange, Progress, TransferLimits};

use super::chip::{Chip, Waited};
use crate::nfc_fault::NfcFault;
use crate::transport::{LinkError, Received, Stop, Transport};

const STEP: Duration = Duration::from_millis(20);

/// A phone whose mdoc application is selected.
pub(super) struct Link {
    chip: Option<Chip>,
    limits: TransferLimits,
    /// The exchange whose answer is due.
    exchange: Option<Exchange>,
    is_pending: bool,
    stop: Stop,
}

impl Link {
    pub(super) const fn new(chip: Chip, limits: TransferLimits, stop: Stop) -> Self {
        Self {
            chip: Some(chip),
            limits,
            exchange: None,
            is_pending: false,
            stop,
        }
    }
}

impl Transport for Link {
    fn send(&mut self, message: &[u8], deadline: Instant) -> Result<(), LinkError> {
        let chip = self.chip.as_ref().ok_or(LinkError::LOST)?;
        let (mut exchange, first) = Exchange::start(message, self.limits);
        chip.submit(first);
        while !exchange.is_sent() {
            match chip.wait(deadline, &self.stop) {
                Waited::Answer(answer) => match exchange.handle_answer(&answer).map_err(fault)? {
                    Progress::Continue(on, command) => {
                        exchange = on;
                        chip.submit(command);
                    }
                    // Before everything is sent there is no message.
                    Progress::Message(_) => return Err(LinkError::LOST),
                },
                Waited::Fault(fault) => return Err(LinkError::Nfc(fault)),
                Waited::Deadline | Waited::Stopped => return Err(LinkError::LOST),
            }
        }
        self.exchange = Some(exchange);
        Ok(())
    }

    fn receive(
        &mut self,
        mut deadline: Instant,
        begun: &mut dyn FnMut() -> Option<Instant>,
    ) -> Result<Received, LinkError> {
        let chip = self.chip.as_ref().ok_or(LinkError::LOST)?;
        let Some(mut exchange) = self.exchange.take() else {
            // A phone says nothing unless it is asked.
            while Instant::now() < deadline {
                if self.stop.is_wished() {
                    return Ok(Received::Stopped);
                }
                std::thread::sleep(STEP);
            }
            return Ok(Received::Deadline);
        };
        loop {
            match chip.wait(deadline, &self.stop) {
                Waited::Answer(answer) => match exchange.handle_answer(&answer).map_err(fault)? {
                    Progress::Message(message) => {
                        self.is_pending = false;
                        return Ok(Received::Message(message));
                    }
                    Progress::Continue(on, command) => {
                        exchange = on;
                        if exchange.has_begun() && !self.is_pending {
                            self.is_pending = true;
                            match begun() {
                                Some(later) => deadline = later,
                                None => return Ok(Received::Deadline),
                            }
                        }
                        chip.submit(command);
                    }
                },
                Waited::Fault(fault) => return Err(LinkError::Nfc(fault)),
                Waited::Deadline => return Ok(Received::Deadline),
                Waited::Stopped => return Ok(Received::Stopped),
            }
        }
    }

    fn finish(&mut self, last: Option<&[u8]>) {
        if let (Some(chip), Some(last)) = (self.chip.take(), last) {
            let (exchange, command) = Exchange::start(last, self.limits);
            // A status fits one command; nobody waits for more.
            if exchange.is_sent() {
                chip.submit(command);
            }
        }
    }

    fn is_message_pending(&self) -> bool {
        self.is_pending
    }
}

fn fault(error: mdoc::nfc::TransferError) -> LinkError {
    LinkError::Nfc(NfcFault::from(error))
}
