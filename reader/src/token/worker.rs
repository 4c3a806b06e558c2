//! A thread that works a module. Nothing ends a call into a module but the module: one that hangs, because a token waits for a
//! touch or is broken, has this thread alone, and the counter says so and goes on.

use std::cell::RefCell;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use crate::token_fault::TokenFault;

/// How long the first signature may take: somebody may have to type a PIN into a keypad.
pub(super) const START_PATIENCE: Duration = Duration::from_secs(60);
/// How long each later one may take. A phone's holder waits for it.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// What makes a signature over a message.
pub(super) type Sign = Box<dyn FnMut(&[u8]) -> Signature>;

type Signature = Result<Vec<u8>, TokenFault>;
type Request = (Vec<u8>, Sender<Signature>);

/// The thread; ended when dropped.
pub(super) struct Worker {
    requests: Option<Sender<Request>>,
    /// The answer that did not come in time.
    late: RefCell<Option<Receiver<Signature>>>,
    /// Ends with the thread.
    end: Receiver<()>,
    patience: Duration,
}

impl Worker {
    /// Starts a thread that begins so, and waits for what that gives beside.
    pub(super) fn start<T: Send + 'static>(
        begin: impl FnOnce() -> Result<(Sign, T), TokenFault> + Send + 'static,
        start_patience: Duration,
        patience: Duration,
    ) -> Result<(Self, T), TokenFault> {
        let (requests, taken) = channel::<Request>();
        let (begun, beginning) = channel();
        let (running, end) = channel();
        std::thread::spawn(move || {
            work(begin, &begun, &taken);
            drop(running);
        });
        let more = answer(&beginning, start_patience)?;
        let worker = Self {
            requests: Some(requests),
            late: RefCell::new(None),
            end,
            patience,
        };
        Ok((worker, more))
    }

    /// A signature over a message.
    pub(super) fn sign(&self, message: &[u8]) -> Signature {
        if let Some(late) = self.late.take()
            && late.recv_timeout(self.patience) == Err(RecvTimeoutError::Timeout)
        {
            self.late.replace(Some(late));
            return Err(TokenFault::Silent);
        }
        let (sender, receiver) = channel();
        let requests = self.requests.as_ref().ok_or_else(broken)?;
        requests.send((message.to_vec(), sender)).map_err(|_| broken())?;
        let signature = answer(&receiver, self.patience);
        if signature == Err(TokenFault::Silent) {
            self.late.replace(Some(receiver));
        }
        signature
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.requests.take());
        // So that the module is finalised while the program is whole. Nothing is ever sent.
        let _ = self.end.recv_timeout(self.patience);
    }
}

fn work<T>(
    begin: impl FnOnce() -> Result<(Sign, T), TokenFault>,
    begun: &Sender<Result<T, TokenFault>>,
    requests: &Receiver<Request>,
) {
    let mut sign = match begin() {
        Ok((sign, more)) => {
            let _ = begun.send(Ok(more));
            sign
        }
        Err(fault) => {
            let _ = begun.send(Err(fault));
            return;
        }
    };
    for (message, sender) in requests {
        // Nobody waits any more where it took too long.
        let _ = sender.send(sign(&message));
    }
}

fn answer<T>(receiver: &Receiver<Result<T, TokenFault>>, patience: Duration) -> Result<T, TokenFault> {
    match receiver.recv_timeout(patience) {
        Ok(answer) => answer,
        Err(RecvTimeoutError::Timeout) => Err(TokenFault::Silent),
        Err(RecvTimeoutError::Disconnected) => Err(broken()),
    }
}

fn broken() -> TokenFault {
    TokenFault::Failed("its module broke off".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(60);

    fn echo() -> Result<(Sign, ()), TokenFault> {
        Ok((Box::new(|message: &[u8]| Ok(message.to_vec())), ()))
    }

    #[test]
    fn a_module_that_answers_signs_each_message() {
        let (worker, ()) = Worker::start(echo, LONG, LONG).unwrap();
        for message in [&b"one"[..], b"two"] {
            assert_eq!(worker.sign(message).as_deref(), Ok(message));
        }
    }

    #[test]
    fn a_module_that_hangs_is_told_of_and_used_again_when_it_has_come_back() {
        let (release, held) = channel::<()>();
        let begin = move || {
            let mut is_first = true;
            let sign: Sign = Box::new(move |message| {
                if core::mem::take(&mut is_first) {
                    // Until the test lets it go.
                    let _ = held.recv();
                }
                Ok(message.to_vec())
            });
            Ok((sign, ()))
        };
        let (worker, ()) = Worker::start(begin, LONG, SHORT).unwrap();
        assert_eq!(worker.sign(b"one"), Err(TokenFault::Silent));
        assert_eq!(worker.sign(b"two"), Err(TokenFault::Silent));
        drop(release);
        // The answer to the first one goes to nobody.
        let next = core::iter::repeat_with(|| worker.sign(b"three")).find(Result::is_ok);
        assert_eq!(next, Some(Ok(b"three".to_vec())));
    }

    #[test]
    fn a_module_that_hangs_at_the_start_or_breaks_is_told_of() {
        let (_release, held) = channel::<()>();
        let hangs = move || {
            let _ = held.recv();
            echo()
        };
        assert_eq!(Worker::start(hangs, SHORT, SHORT).err(), Some(TokenFault::Silent));
        let refuses = || -> Result<(Sign, ()), TokenFault> { Err(TokenFault::PinLocked) };
        assert_eq!(
            Worker::start(refuses, LONG, LONG).err(),
            Some(TokenFault::PinLocked)
        );
        let breaks = || {
            let sign: Sign = Box::new(|_| panic!("the test breaks it"));
            Ok((sign, ()))
        };
        let (worker, ()) = Worker::start(breaks, LONG, LONG).unwrap();
        assert_eq!(worker.sign(b"one"), Err(broken()));
        assert_eq!(worker.sign(b"one"), Err(broken()));
    }
}
