//! Phones over Bluetooth LE, in both roles and over L2CAP.
//!
//! All of Bluetooth lives on one thread with a single-threaded runtime: values are then worked on in the order in which
//! the system hands them out. The thread stays for as long as connections end in good order; after one that does not, it
//! ends, and everything that was registered with the system goes away with it. The session's side waits on channels and
//! knows nothing of that.

#[cfg(target_os = "linux")]
mod central;
#[cfg(target_os = "linux")]
mod channel;
#[cfg(target_os = "linux")]
mod objects;
#[cfg(target_os = "linux")]
mod peripheral;
mod plan;
mod portable;
#[cfg(target_os = "linux")]
mod race;
mod system;
mod thread;
mod worker;

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use mdoc::engagement::DeviceEngagement;
use mdoc::session::Phase;
use tokio::sync::mpsc::UnboundedSender;

use crate::arguments;
use crate::counter::Counter;
use crate::failure::Failure;
use crate::say;
use crate::transport::{Connector, LinkError, Received, Stop, Suspicion, Transport};
use plan::Plan;
#[cfg(target_os = "linux")]
pub(crate) use system::{MAIN_CONF, configured_number, main_conf};
use thread::{InOrder, Thread};
use worker::{Command, Happening};

/// How often a wait looks whether it is to stop.
const STEP: Duration = Duration::from_millis(500);
/// How long a fault of this machine's Bluetooth may last before it is told: a service that is being restarted.
const GRACE: Duration = Duration::from_secs(3);
/// How long to wait before the next attempt.
const PAUSE: Duration = Duration::from_millis(300);
/// How long parts may still come that a last part has overtaken.
const STRAGGLERS: Duration = Duration::from_millis(300);
/// How long a connection may take to be taken down before the next one is made beside it.
const TEAR_DOWN: Duration = Duration::from_secs(6);

/// Connects to phones by Bluetooth.
pub(crate) struct Bluetooth {
    options: Options,
    stop: Stop,
    quiet: bool,
    /// Where connections are made, once there has been one.
    thread: Option<Thread>,
    /// Connections that are being taken down, by what says that they are down.
    ending: Vec<Receiver<InOrder>>,
}

/// What the flags say.
#[derive(Clone)]
struct Options {
    adapter: Option<String>,
    role: arguments::Role,
    central: arguments::Central,
    l2cap: bool,
    l2cap_psm_from_gatt: bool,
    max_message_len: usize,
    /// The system may still know devices from connections that broke off.
    broke_off: bool,
}

impl Bluetooth {
    pub(crate) fn new(radio: &arguments::Radio, counter: &Counter, stop: Stop) -> Self {
        Self {
            options: Options {
                adapter: radio.adapter.clone(),
                role: radio.ble,
                central: radio.central,
                l2cap: !radio.no_l2cap,
                l2cap_psm_from_gatt: radio.l2cap_psm_from_gatt,
                max_message_len: counter.settings.max_message_len,
                broke_off: true,
            },
            stop,
            quiet: counter.quiet,
            thread: None,
            ending: Vec::new(),
        }
    }

    /// Waits until earlier connections are down, a bounded while.
    fn settle(&mut self) {
        self.settle_within(TEAR_DOWN);
    }

    /// A thread on which a connection hangs gets no further one.
    fn settle_within(&mut self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let (broke_off, thread) = (&mut self.options.broke_off, &mut self.thread);
        self.ending.retain(|down| {
            let left = deadline.saturating_duration_since(Instant::now());
            let ended = down.recv_timeout(left);
            *broke_off |= ended.is_err();
            let hangs = matches!(ended, Err(RecvTimeoutError::Timeout));
            if hangs {
                *thread = None;
            }
            hangs
        });
    }

    /// One attempt: until a session may begin, or the deadline.
    fn attempt(&mut self, plan: &Plan, deadline: Instant) -> Result<Link, Attempt> {
        self.thread = self.thread.take().filter(|thread| !thread.is_over());
        let thread = self.thread.get_or_insert_with(Thread::start);
        let (commands, happenings, down) = thread.connect(plan.clone(), self.options.clone());
        self.ending.push(down);
        let mut link = Link {
            commands,
            happenings,
            stop: self.stop.clone(),
            pending: false,
            suspicion: None,
            spreads: false,
        };
        let quiet = self.quiet;
        loop {
            match link.next(deadline) {
                Next::Happening(Happening::Up { spreads }) => {
                    self.options.broke_off = false;
                    link.spreads = spreads;
                    return Ok(link);
                }
                Next::Happening(Happening::Found) => {
                    if !quiet {
                        say("a phone was found …");
                    }
                }
                Next::Happening(Happening::Fault(fault)) => return Err(Attempt::Fault(fault)),
                Next::Happening(_) | Next::Over => return Err(Attempt::Lost),
                Next::Deadline => return Err(Attempt::Late),
                Next::Stopped => return Err(Attempt::Stopped),
            }
        }
    }
}

/// Why an attempt led to no connection.
enum Attempt {
    Fault(crate::radio_fault::RadioFault),
    Lost,
    Late,
    Stopped,
}

impl Connector for Bluetooth {
    fn connect(
        &mut self,
        engagement: &DeviceEngagement,
        deadline: Instant,
    ) -> Result<Box<dyn Transport>, Failure> {
        let plan = Plan::new(engagement, &self.options).ok_or(Failure::NoTransport)?;
        let mut trouble: Option<Instant> = None;
        let failed = |failure| Failure::Session(failure);
        let phase = Phase::Connect;
        loop {
            self.settle();
            match self.attempt(&plan, deadline) {
                Ok(link) => return Ok(Box::new(link)),
                Err(Attempt::Late) => return Err(failed(mdoc::session::SessionFailure::Timeout { phase })),
                Err(Attempt::Stopped) => {
                    return Err(failed(mdoc::session::SessionFailure::Terminated {
                        phase,
                        by: mdoc::session::Party::Reader,
                        status: None,
                    }));
                }
                Err(Attempt::Lost) => {}
                Err(Attempt::Fault(fault)) => {
                    let since = *trouble.get_or_insert_with(Instant::now);
                    if !fault.may_pass() || since.elapsed() > GRACE {
                        return Err(Failure::Radio { fault, phase });
                    }
                }
            }
            if Instant::now() + PAUSE >= deadline {
                return Err(failed(mdoc::session::SessionFailure::Timeout { phase }));
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// Connections end in good order before the program does.
impl Drop for Bluetooth {
    fn drop(&mut self) {
        self.settle();
    }
}

/// The session's end of a connection.
struct Link {
    commands: UnboundedSender<Command>,
    happenings: Receiver<Happening>,
    stop: Stop,
    pending: bool,
    suspicion: Option<Suspicion>,
    /// The system may hand on the parts of a message in the wrong order.
    spreads: bool,
}

enum Next {
    Happening(Happening),
    Deadline,
    Stopped,
    Over,
}

impl Link {
    fn next(&self, deadline: Instant) -> Next {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.happenings.recv_timeout(left.min(STEP)) {
                Ok(happening) => return Next::Happening(happening),
                Err(RecvTimeoutError::Disconnected) => return Next::Over,
                Err(RecvTimeoutError::Timeout) if self.stop.is_wished() => return Next::Stopped,
                Err(RecvTimeoutError::Timeout) if left.is_zero() => return Next::Deadline,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

impl Transport for Link {
    fn send(&mut self, message: &[u8], deadline: Instant) -> Result<(), LinkError> {
        if self.commands.send(Command::Send(message.to_vec())).is_err() {
            return Err(LinkError::Lost { untouched: true });
        }
        loop {
            match self.next(deadline) {
                Next::Happening(Happening::Sent) => return Ok(()),
                Next::Happening(Happening::Lost { untouched }) => return Err(LinkError::Lost { untouched }),
                Next::Happening(Happening::Fault(fault)) => return Err(LinkError::Radio(fault)),
                // Before it is asked a phone has nothing to say.
                Next::Happening(_) => {}
                Next::Over | Next::Deadline | Next::Stopped => return Err(LinkError::LOST),
            }
        }
    }

    fn receive(
        &mut self,
        mut deadline: Instant,
        begun: &mut dyn FnMut() -> Option<Instant>,
    ) -> Result<Received, LinkError> {
        loop {
            match self.next(deadline) {
                Next::Happening(Happening::Progress) => {
                    self.pending = true;
                    match begun() {
                        Some(later) => deadline = later,
                        None => return Ok(Received::Deadline),
                    }
                }
                Next::Happening(Happening::Message { message, suspicion }) => {
                    self.pending = false;
                    self.suspicion = suspicion;
                    return Ok(Received::Message(message));
                }
                Next::Happening(Happening::Ended) => return Ok(Received::End),
                Next::Happening(Happening::Lost { .. }) | Next::Over => return Err(LinkError::LOST),
                Next::Happening(Happening::Framing(error)) => return Err(LinkError::Framing(error)),
                Next::Happening(Happening::Fault(fault)) => return Err(LinkError::Radio(fault)),
                Next::Happening(Happening::Found | Happening::Up { .. } | Happening::Sent) => {}
                Next::Deadline => return Ok(Received::Deadline),
                Next::Stopped => return Ok(Received::Stopped),
            }
        }
    }

    fn finish(&mut self, last: Option<&[u8]>) {
        // Where the thread is gone there is nobody to tell.
        let _ = self.commands.send(Command::Finish(last.map(<[u8]>::to_vec)));
    }

    fn is_message_pending(&self) -> bool {
        self.pending
    }

    fn suspicion(&mut self) -> Option<Suspicion> {
        if self.suspicion.is_none() && self.spreads {
            // A last part that came before all others looks like a message of one part; the others are behind it.
            let deadline = Instant::now() + STRAGGLERS;
            self.suspicion = loop {
                match self.next(deadline) {
                    Next::Happening(Happening::Progress | Happening::Message { .. }) => {
                        break Some(Suspicion::Reordered);
                    }
                    Next::Happening(Happening::Lost { .. } | Happening::Fault(_) | Happening::Ended)
                    | Next::Deadline
                    | Next::Stopped
                    | Next::Over => break None,
                    Next::Happening(_) => {}
                }
            };
        }
        self.suspicion
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    fn link(spreads: bool) -> (Link, Sender<Happening>) {
        let (commands, _) = tokio::sync::mpsc::unbounded_channel();
        let (tell, happenings) = channel();
        let link = Link {
            commands,
            happenings,
            stop: Stop::default(),
            pending: false,
            suspicion: None,
            spreads,
        };
        (link, tell)
    }

    fn message(suspicion: Option<Suspicion>) -> Happening {
        Happening::Message {
            message: zeroize::Zeroizing::new(vec![0]),
            suspicion,
        }
    }

    /// Receives a message, and then asks what is behind it.
    fn suspicion(spreads: bool, first: Option<Suspicion>, behind: Option<Happening>) -> Option<Suspicion> {
        let (mut link, tell) = link(spreads);
        tell.send(message(first)).unwrap();
        if let Some(behind) = behind {
            tell.send(behind).unwrap();
        }
        let received = link.receive(Instant::now() + Duration::from_secs(1), &mut || None);
        assert!(matches!(received, Ok(Received::Message(_))));
        link.suspicion()
    }

    #[test]
    fn parts_behind_a_last_part_have_been_overtaken() {
        let reordered = Some(Suspicion::Reordered);
        assert_eq!(suspicion(true, None, Some(Happening::Progress)), reordered);
        assert_eq!(suspicion(true, None, Some(message(None))), reordered);
        assert_eq!(suspicion(true, None, None), None, "nothing is behind it");
        let lost = Happening::Lost { untouched: true };
        assert_eq!(suspicion(true, None, Some(lost)), None);
        assert_eq!(
            suspicion(false, None, Some(Happening::Progress)),
            None,
            "one channel keeps order"
        );
        assert_eq!(
            suspicion(true, Some(Suspicion::Lost), None),
            Some(Suspicion::Lost)
        );
    }

    fn bluetooth(ending: Vec<Receiver<InOrder>>) -> Bluetooth {
        Bluetooth {
            options: Options {
                adapter: None,
                role: arguments::Role::Both,
                central: arguments::Central::default(),
                l2cap: true,
                l2cap_psm_from_gatt: false,
                max_message_len: 0,
                broke_off: false,
            },
            stop: Stop::default(),
            quiet: true,
            thread: None,
            ending,
        }
    }

    #[test]
    fn after_a_thread_that_is_over_comes_another() {
        let mut bluetooth = bluetooth(Vec::new());
        // No way to the phone: nothing is asked of the system.
        let plan = Plan {
            central: None,
            peripheral: None,
        };
        for _ in 0..2 {
            let attempt = bluetooth.attempt(&plan, Instant::now() + Duration::from_secs(60));
            assert!(matches!(attempt, Err(Attempt::Fault(_))));
            bluetooth.settle();
        }
    }

    #[test]
    fn a_thread_that_hangs_is_given_up() {
        let (up, down) = channel();
        let mut bluetooth = bluetooth(vec![down]);
        bluetooth.thread = Some(Thread::start());
        bluetooth.settle_within(Duration::ZERO);
        assert!(
            bluetooth.thread.is_none(),
            "the next connection is made on a thread of its own"
        );
        assert!(bluetooth.options.broke_off);
        assert_eq!(bluetooth.ending.len(), 1, "it is waited for once more");
        up.send(InOrder).unwrap();
        bluetooth.settle_within(Duration::ZERO);
        assert!(bluetooth.ending.is_empty());
    }

    #[test]
    fn a_thread_with_nothing_left_to_end_is_kept() {
        let (up, down) = channel();
        let mut bluetooth = bluetooth(vec![down]);
        bluetooth.thread = Some(Thread::start());
        up.send(InOrder).unwrap();
        bluetooth.settle_within(Duration::ZERO);
        assert!(bluetooth.thread.is_some());
        assert!(!bluetooth.options.broke_off);
    }

    /// Whether devices of earlier connections are to be forgotten, after one that ended so.
    fn broke_off(in_order: bool) -> bool {
        let (up, down) = channel();
        let mut bluetooth = bluetooth(vec![down]);
        if in_order {
            up.send(InOrder).unwrap();
        }
        drop(up);
        bluetooth.settle();
        assert!(bluetooth.ending.is_empty(), "what is down is waited for no more");
        bluetooth.options.broke_off
    }

    #[test]
    fn after_a_connection_that_broke_off_its_devices_are_to_be_forgotten() {
        assert!(broke_off(false));
        assert!(!broke_off(true));
    }
}
