//! A phone on the reader, behind a thread: a command to it may take as long as the holder thinks, and nothing ends it but
//! the phone. Here it is waited for with a deadline.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::nfc_fault::NfcFault;
use crate::transport::Stop;

/// How often a wait looks whether it is to stop.
const STEP: Duration = Duration::from_millis(20);

/// What takes commands and gives answers: a phone in a field.
pub(super) trait Card: Send {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, NfcFault>;
}

/// The near end of the thread. The card is let go when this is dropped and every command that was given has been sent.
pub(super) struct Chip {
    commands: Sender<Vec<u8>>,
    answers: Receiver<Result<Vec<u8>, NfcFault>>,
}

/// What came of a wait.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Waited {
    Answer(Vec<u8>),
    Fault(NfcFault),
    Deadline,
    Stopped,
}

impl Chip {
    /// The thread ends by itself; who wants to wait for that has its handle.
    pub(super) fn new(mut card: Box<dyn Card>) -> (Self, JoinHandle<()>) {
        let (commands, to_send) = channel::<Vec<u8>>();
        let (tell, answers) = channel();
        let thread = std::thread::spawn(move || {
            for command in to_send {
                let answer = card.transmit(&command);
                let is_over = answer.is_err();
                // Where nobody waits for it, a last command has been sent all the same.
                let _ = tell.send(answer);
                if is_over {
                    return;
                }
            }
        });
        (Self { commands, answers }, thread)
    }

    /// Gives a command. Where the card is lost, [`wait`](Self::wait) says so.
    pub(super) fn submit(&self, command: Vec<u8>) {
        let _ = self.commands.send(command);
    }

    /// Waits for the answer to the last command.
    pub(super) fn wait(&self, deadline: Instant, stop: &Stop) -> Waited {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.answers.recv_timeout(left.min(STEP)) {
                Ok(Ok(answer)) => return Waited::Answer(answer),
                Ok(Err(fault)) => return Waited::Fault(fault),
                Err(RecvTimeoutError::Disconnected) => return Waited::Fault(NfcFault::CardLost),
                Err(RecvTimeoutError::Timeout) if stop.is_wished() => return Waited::Stopped,
                Err(RecvTimeoutError::Timeout) if left.is_zero() => return Waited::Deadline,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}
