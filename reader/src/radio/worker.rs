//! The work of one connection: finds the phone, moves values, tidies up.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use mdoc::session::framing::{FramingError, LengthReader, with_length};
use mdoc::session::link::{GattLink, LinkEvent, Outgoing};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};
use zeroize::Zeroizing;

use super::plan::Plan;
#[cfg(target_os = "linux")]
use super::race::Touched;
#[cfg(target_os = "linux")]
use super::system::Service;
use super::thread::InOrder;
use super::{Options, system};
use crate::radio_fault::RadioFault;
use crate::transport::Suspicion;

/// How often service and adapter are looked after.
pub(super) const LOOK_AFTER: Duration = Duration::from_secs(1);
/// How long one value may take to be taken by the system.
const WRITE: Duration = Duration::from_secs(10);
/// How long a phone has to hang up by itself after the end.
const HANG_UP: Duration = Duration::from_millis(500);
/// Between two values where the system may send the next one by a channel that overtakes: as long as one is on its
/// way. A request has two or three parts.
const SPREAD_PAUSE: Duration = Duration::from_millis(20);
/// How long taking down may take in all. BlueZ alone takes two seconds to let a phone go.
const TIDY: Duration = Duration::from_secs(5);

/// From the session to the connection.
pub(super) enum Command {
    /// Send a message.
    Send(Vec<u8>),
    /// Send a last message, if there is one, and end.
    Finish(Option<Vec<u8>>),
}

/// From the connection to the session.
pub(super) enum Happening {
    /// A phone was found.
    Found,
    /// A session may begin. `spreads` where the system may use several channels for the parts of one message.
    Up { spreads: bool },
    /// The message is with the system, whole.
    Sent,
    /// The first part of a message has come, and more are due.
    Progress,
    /// A whole message, and what the system may have done to its parts.
    Message {
        message: Zeroizing<Vec<u8>>,
        suspicion: Option<Suspicion>,
    },
    /// The phone ended the connection.
    Ended,
    /// The connection broke.
    Lost { untouched: bool },
    /// What came is no message.
    Framing(FramingError),
    /// This machine's Bluetooth failed.
    Fault(RadioFault),
}

/// A value from the phone.
pub(super) enum Incoming {
    /// Of the characteristic State.
    State(Vec<u8>),
    /// A part of a message.
    Part(Vec<u8>),
    /// Bytes of a channel.
    Bytes(Vec<u8>),
    /// The phone is gone.
    Gone,
}

/// The way to a phone that has been found.
pub(super) enum Carrier {
    #[cfg(target_os = "linux")]
    Central(Box<super::central::Central>),
    #[cfg(target_os = "linux")]
    Peripheral(Box<super::peripheral::Peripheral>),
    #[cfg(target_os = "linux")]
    Channel(Box<super::channel::Channel>),
    Portable(Box<super::portable::Portable>),
}

impl Carrier {
    async fn transmit(&mut self, outgoing: &Outgoing) -> Result<(), Gone> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Central(carrier) => carrier.transmit(outgoing).await,
            #[cfg(target_os = "linux")]
            Self::Peripheral(carrier) => carrier.transmit(outgoing).await,
            #[cfg(target_os = "linux")]
            Self::Channel(carrier) => carrier.transmit(outgoing).await,
            Self::Portable(carrier) => carrier.transmit(outgoing).await,
        }
    }

    async fn next(&mut self) -> Incoming {
        match self {
            #[cfg(target_os = "linux")]
            Self::Central(carrier) => carrier.next().await,
            #[cfg(target_os = "linux")]
            Self::Peripheral(carrier) => carrier.next().await,
            #[cfg(target_os = "linux")]
            Self::Channel(carrier) => carrier.next().await,
            Self::Portable(carrier) => carrier.next().await,
        }
    }

    /// Whether parts of the last message may have been lost by the system.
    fn loses_long_values(&self) -> bool {
        match self {
            #[cfg(target_os = "linux")]
            Self::Peripheral(carrier) => carrier.loses_long_values(),
            _ => false,
        }
    }

    /// Whether service and adapter are still there.
    async fn check(&mut self) -> Result<(), RadioFault> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Central(carrier) => carrier.radio.check().await,
            #[cfg(target_os = "linux")]
            Self::Peripheral(carrier) => carrier.radio.check().await,
            #[cfg(target_os = "linux")]
            Self::Channel(carrier) => carrier.radio.check().await,
            Self::Portable(_) => Ok(()),
        }
    }

    /// Disconnects, and has the system forget the phone: the one that is given back.
    async fn close(self) -> Option<Phone> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Central(carrier) => carrier.close().await,
            #[cfg(target_os = "linux")]
            Self::Peripheral(carrier) => carrier.close().await,
            #[cfg(target_os = "linux")]
            Self::Channel(carrier) => carrier.close().await,
            Self::Portable(carrier) => {
                carrier.close().await;
                None
            }
        }
    }
}

/// What the system calls a phone.
#[cfg(target_os = "linux")]
type Phone = bluer::Address;
#[cfg(not(target_os = "linux"))]
type Phone = core::convert::Infallible;

/// A value that could not be written: the phone is gone.
pub(super) struct Gone;

/// How messages are cut on the way that was found.
pub(super) enum Cutting {
    Gatt(GattLink),
    Channel {
        reader: LengthReader,
        outgoing: VecDeque<Outgoing>,
        told: bool,
    },
}

impl Cutting {
    /// A channel with lengths before messages.
    pub(super) fn channel(limit: usize) -> Self {
        Self::Channel {
            reader: LengthReader::new(limit),
            outgoing: VecDeque::new(),
            told: false,
        }
    }

    fn send(&mut self, message: &[u8]) {
        match self {
            Self::Gatt(link) => link.send(message),
            Self::Channel { outgoing, .. } => {
                outgoing.extend(with_length(message).ok().map(Outgoing::Part));
            }
        }
    }

    /// The end by the transport's own rules; a channel has none but to close.
    fn end(&mut self) {
        if let Self::Gatt(link) = self {
            link.end();
        }
    }

    fn poll_transmit(&mut self) -> Option<Outgoing> {
        match self {
            Self::Gatt(link) => link.poll_transmit(),
            Self::Channel { outgoing, .. } => outgoing.pop_front(),
        }
    }

    fn handle(&mut self, incoming: &Incoming) -> Vec<LinkEvent> {
        match (self, incoming) {
            (Self::Gatt(link), Incoming::State(value)) => link.handle_state(value).into_iter().collect(),
            (Self::Gatt(link), Incoming::Part(value)) => link.handle_part(value).into_iter().collect(),
            (Self::Channel { reader, told, .. }, Incoming::Bytes(bytes)) => {
                channel_events(reader, told, bytes)
            }
            _ => Vec::new(),
        }
    }

    /// Whether the last message came in parts.
    fn in_parts(&self) -> bool {
        match self {
            Self::Gatt(link) => link.received_parts() > 1,
            Self::Channel { .. } => false,
        }
    }
}

fn channel_events(reader: &mut LengthReader, told: &mut bool, bytes: &[u8]) -> Vec<LinkEvent> {
    let mut events = Vec::new();
    let mut taken = reader.push(bytes);
    while taken.is_ok() {
        match reader.next_message() {
            Ok(Some(message)) => {
                *told = false;
                events.push(LinkEvent::Message(message));
            }
            Ok(None) => break,
            Err(error) => taken = Err(error),
        }
    }
    if let Err(error) = taken {
        events.push(LinkEvent::Failed(error));
    } else if reader.is_pending() && !core::mem::replace(told, true) {
        events.push(LinkEvent::Progress);
    }
    events
}

/// The connection's end of the channels.
pub(super) struct Ports {
    pub(super) tell: Sender<Happening>,
    to_do: UnboundedReceiver<Command>,
    spreads: bool,
}

impl Ports {
    /// With the session's ends.
    pub(super) fn new() -> (Self, UnboundedSender<Command>, Receiver<Happening>) {
        let (commands, to_do) = unbounded_channel();
        let (tell, happenings) = channel();
        let ports = Self {
            tell,
            to_do,
            spreads: false,
        };
        (ports, commands, happenings)
    }

    pub(super) fn tell(&self, happening: Happening) {
        // A session that is over listens no more, and drops its end.
        let _ = self.tell.send(happening);
    }
}

/// One connection, from the search for the phone until nothing is left of it; none where it did not end as it should.
pub(super) async fn run(
    plan: &Plan,
    options: &Options,
    service: &Service,
    mut ports: Ports,
) -> Option<InOrder> {
    let touched = Touched::default();
    let found = {
        let tell = ports.tell.clone();
        let reach = reach(plan, options, service, &touched, move || {
            drop(tell.send(Happening::Found))
        });
        tokio::select! {
            found = reach => Some(found),
            // Finished before it began, or given up.
            _ = ports.to_do.recv() => None,
        }
    };
    let (mut carrier, mut cutting) = match found {
        Some(Ok(found)) => found,
        Some(Err(fault)) => {
            ports.tell(Happening::Fault(fault));
            let _ = timeout(TIDY, touched.forget(None)).await;
            return None;
        }
        None => {
            let _ = timeout(TIDY, touched.forget(None)).await;
            return None;
        }
    };
    ports.spreads = matches!(cutting, Cutting::Gatt(_)) && system::may_reorder();
    ports.tell(Happening::Up {
        spreads: ports.spreads,
    });
    let last = pump(&mut carrier, &mut cutting, &mut ports).await;
    let is_there = !matches!(last, Last::Fault);
    let tidy = async {
        say_goodbye(&mut carrier, &mut cutting, last, ports.spreads).await;
        let phone = carrier.close().await;
        touched.forget(phone).await;
    };
    // A system that does not answer keeps nobody waiting; the connection to it ends with the thread.
    let tidied = timeout(TIDY, tidy).await;
    (is_there && tidied.is_ok()).then_some(InOrder)
}

#[cfg(target_os = "linux")]
async fn reach(
    plan: &Plan,
    options: &Options,
    service: &Service,
    touched: &Touched,
    found: impl Fn() + Clone + Send + Sync,
) -> Result<(Carrier, Cutting), RadioFault> {
    super::race::run(plan, options, service, touched, found).await
}

/// Nothing that the system would have to forget.
#[cfg(not(target_os = "linux"))]
#[derive(Default)]
struct Touched;

#[cfg(not(target_os = "linux"))]
impl Touched {
    async fn forget(&self, _: Option<Phone>) {}
}

/// Nothing that connections would share.
#[cfg(not(target_os = "linux"))]
#[derive(Default)]
pub(super) struct Service;

#[cfg(not(target_os = "linux"))]
impl Service {
    pub(super) async fn lost(&self) {
        core::future::pending().await
    }
}

#[cfg(not(target_os = "linux"))]
async fn reach(
    plan: &Plan,
    options: &Options,
    _: &Service,
    _: &Touched,
    found: impl Fn() + Clone + Send + Sync,
) -> Result<(Carrier, Cutting), RadioFault> {
    match &plan.central {
        Some(central) => super::portable::reach(central, options, &found).await,
        None => Err(RadioFault::Other("no way to the phone".to_owned())),
    }
}

/// How a connection is to end.
enum Last {
    /// By this side, with this message.
    Finish(Option<Vec<u8>>),
    /// The phone is gone; the system is there, and forgets it.
    Gone,
    /// The system is gone.
    Fault,
}

/// Moves values until one side has had enough.
async fn pump(carrier: &mut Carrier, cutting: &mut Cutting, ports: &mut Ports) -> Last {
    let mut look_after = interval_at(Instant::now() + LOOK_AFTER, LOOK_AFTER);
    look_after.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut begun = Instant::now();
    let mut has_come = false;
    loop {
        tokio::select! {
            biased;
            command = ports.to_do.recv() => match command {
                Some(Command::Send(message)) => {
                    cutting.send(&message);
                    match flush(carrier, cutting, ports.spreads).await {
                        Ok(()) => ports.tell(Happening::Sent),
                        Err(written) => return lost(carrier, ports, written == 0).await,
                    }
                }
                Some(Command::Finish(last)) => return Last::Finish(last),
                None => return Last::Finish(None),
            },
            incoming = carrier.next() => {
                if matches!(incoming, Incoming::Gone) {
                    return lost(carrier, ports, true).await;
                }
                has_come = true;
                for event in cutting.handle(&incoming) {
                    ports.tell(match event {
                        LinkEvent::Started => continue,
                        LinkEvent::Progress => {
                            begun = Instant::now();
                            Happening::Progress
                        }
                        LinkEvent::Message(message) => Happening::Message {
                            // Where long parts are lost, all that comes is the last one.
                            suspicion: match cutting.in_parts() {
                                true => ports.spreads.then_some(Suspicion::Reordered),
                                false => carrier.loses_long_values().then_some(Suspicion::Lost),
                            },
                            message: {
                                // How fast the air was; nothing of what it brought.
                                let (bytes, micros) = (message.len(), begun.elapsed().as_micros());
                                tracing::debug!(bytes, micros, "a message has come");
                                message
                            },
                        },
                        LinkEvent::Ended => Happening::Ended,
                        LinkEvent::Failed(error) => Happening::Framing(error),
                    });
                }
            }
            // What comes shows that the system is there; its answer would stand behind all of that.
            _ = look_after.tick() => if !core::mem::take(&mut has_come)
                && let Err(fault) = carrier.check().await
            {
                ports.tell(Happening::Fault(fault));
                return Last::Fault;
            }
        }
    }
}

/// Writes everything that is to be written; after a failure, how many parts of messages were.
async fn flush(carrier: &mut Carrier, cutting: &mut Cutting, spreads: bool) -> Result<(), usize> {
    let mut written = 0;
    let mut first = true;
    while let Some(outgoing) = cutting.poll_transmit() {
        if spreads && !core::mem::take(&mut first) {
            sleep(SPREAD_PAUSE).await;
        }
        match timeout(WRITE, carrier.transmit(&outgoing)).await {
            Ok(Ok(())) => written += usize::from(matches!(outgoing, Outgoing::Part(_))),
            Ok(Err(Gone)) | Err(_) => return Err(written),
        }
    }
    Ok(())
}

/// The phone is gone: by itself, or because the system is.
async fn lost(carrier: &mut Carrier, ports: &Ports, untouched: bool) -> Last {
    let (happening, last) = match carrier.check().await {
        Ok(()) => (Happening::Lost { untouched }, Last::Gone),
        Err(fault) => (Happening::Fault(fault), Last::Fault),
    };
    ports.tell(happening);
    last
}

/// The last message; then the phone may hang up, and if it does not, it is told by State too.
async fn say_goodbye(carrier: &mut Carrier, cutting: &mut Cutting, last: Last, spreads: bool) {
    let Last::Finish(last) = last else {
        return;
    };
    if let Some(last) = last {
        cutting.send(&last);
        if flush(carrier, cutting, spreads).await.is_err() {
            return;
        }
        let gone = async { while !matches!(carrier.next().await, Incoming::Gone) {} };
        if timeout(HANG_UP, gone).await.is_ok() {
            return;
        }
    }
    cutting.end();
    // Whether it comes to that changes nothing.
    let _ = flush(carrier, cutting, spreads).await;
}
