//! A phone over Bluetooth LE, by BlueZ: as GATT server, as GATT client, or over an L2CAP channel.
//!
//! All of Bluetooth lives on one thread with a single-threaded runtime, so that values are worked on in the order in
//! which they come; what was registered with the system goes away with the thread.

mod client;
mod interrupt;
mod parts;
mod server;

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use bluer::{Adapter, Session};
use holder::link_fault::LinkFault;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::desk::Carrier;
use crate::present::Radio;
use crate::say;
use client::Client;
pub(crate) use interrupt::is_interrupted;
use server::Server;

/// How long a reader may be silent.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long one value may take to be taken by the system.
const WRITE: Duration = Duration::from_secs(20);
/// How long a reader has to hang up after the end.
const HANG_UP: Duration = Duration::from_secs(2);
/// How long taking down may take.
const TIDY: Duration = Duration::from_secs(3);

enum Command {
    Send(Vec<u8>),
    Respond(Vec<u8>),
    Close,
}

enum Happening {
    Ready,
    Message(Vec<u8>),
    Gone,
    Failed(String),
}

/// This phone's end of one connection.
pub(crate) struct Air {
    commands: UnboundedSender<Command>,
    happenings: Receiver<Happening>,
    /// What is wrong with this machine's Bluetooth, if anything is.
    thread: JoinHandle<Result<(), String>>,
}

impl Air {
    /// Registers with the system; a reader finds the phone from then on.
    pub(crate) fn open(radio: &Radio, uuid: &str, ident: [u8; 16]) -> Result<Self, String> {
        let uuid = Uuid::parse_str(uuid).map_err(|error| error.to_string())?;
        let (commands, to_do) = unbounded_channel();
        let (tell, happenings) = channel();
        let plan = Plan {
            service: uuid,
            ident,
            server: radio.peripheral,
            client: radio.central,
            psm: radio.l2cap.then_some(crate::present::PSM),
            psm_in_gatt: radio.psm_in_gatt,
            adapter: radio.adapter.clone(),
            second_adapter: radio.second_adapter.clone(),
            fault: radio.fault,
        };
        interrupt::watch()?;
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let ended = match runtime {
                Ok(runtime) => runtime.block_on(run(&plan, &tell, to_do)),
                Err(error) => Err(Trouble::Radio(error.to_string())),
            };
            let (happening, radio) = match ended {
                Ok(()) => (Happening::Gone, Ok(())),
                Err(Trouble::Link(error)) => (Happening::Failed(error), Ok(())),
                Err(Trouble::Radio(error)) => (
                    Happening::Failed(error.clone()),
                    Err(format!("Bluetooth: {error}")),
                ),
            };
            // Nobody listens where the phone has closed already.
            let _ = tell.send(happening);
            radio
        });
        match happenings.recv_timeout(PATIENCE) {
            Ok(Happening::Ready) => Ok(Self {
                commands,
                happenings,
                thread,
            }),
            Ok(Happening::Failed(error)) => Err(format!("Bluetooth: {error}")),
            Ok(_) | Err(_) => Err("Bluetooth does not start".to_owned()),
        }
    }

    /// Disconnects and waits until everything is gone. The error is what is wrong with this machine's Bluetooth.
    pub(crate) fn close(self) -> Result<(), String> {
        let _ = self.commands.send(Command::Close);
        self.thread
            .join()
            .map_err(|_| "Bluetooth: its thread died".to_owned())?
    }
}

impl Carrier for Air {
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.commands
            .send(Command::Send(message.to_vec()))
            .map_err(io::Error::other)
    }

    fn send_response(&mut self, message: &[u8]) -> io::Result<()> {
        self.commands
            .send(Command::Respond(message.to_vec()))
            .map_err(io::Error::other)
    }

    fn receive(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self.happenings.recv_timeout(PATIENCE) {
            Ok(Happening::Message(message)) => Ok(Some(message)),
            Ok(Happening::Failed(error)) => Err(io::Error::other(error)),
            Ok(Happening::Gone | Happening::Ready) => Ok(None),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}

/// Why a connection ended badly.
enum Trouble {
    /// This machine's Bluetooth.
    Radio(String),
    /// The connection, or the reader.
    Link(String),
}

/// What to do on the air.
struct Plan {
    service: Uuid,
    ident: [u8; 16],
    server: bool,
    client: bool,
    psm: Option<u16>,
    psm_in_gatt: bool,
    adapter: Option<String>,
    second_adapter: Option<String>,
    fault: Option<LinkFault>,
}

/// A value from the reader.
enum Incoming {
    State(Vec<u8>),
    Part(Vec<u8>),
    /// Of an L2CAP channel.
    Bytes(Vec<u8>),
    Gone,
}

/// The side that the reader has started on.
enum Side {
    Server(Box<Server>),
    Client(Box<Client>),
}

impl Side {
    async fn write(&mut self, state: bool, value: &[u8]) -> Result<(), String> {
        let written = async {
            match self {
                Self::Server(server) => server.write(state, value).await,
                Self::Client(client) => client.write(state, value).await,
            }
        };
        timeout(WRITE, written)
            .await
            .map_err(|_| "the reader takes nothing".to_owned())?
    }

    async fn next(&mut self) -> Incoming {
        match self {
            Self::Server(server) => server.next().await,
            Self::Client(client) => client.next().await,
        }
    }

    fn value_bytes(&self) -> usize {
        match self {
            Self::Server(server) => server.value_bytes(),
            Self::Client(client) => client.value_bytes(),
        }
    }

    /// Whether messages go behind their lengths, not in parts.
    fn is_channel(&self) -> bool {
        matches!(self, Self::Server(server) if server.is_channel())
    }

    async fn close(self) {
        match self {
            Self::Server(server) => server.close().await,
            Self::Client(client) => client.close().await,
        }
    }
}

async fn open_adapter(session: &Session, name: Option<&str>) -> Result<Adapter, String> {
    let adapter = match name {
        Some(name) => session.adapter(name),
        None => session.default_adapter().await,
    };
    let adapter = adapter.map_err(|error| error.to_string())?;
    adapter
        .set_powered(true)
        .await
        .map_err(|error| error.to_string())?;
    Ok(adapter)
}

async fn run(
    plan: &Plan,
    tell: &Sender<Happening>,
    mut to_do: UnboundedReceiver<Command>,
) -> Result<(), Trouble> {
    let session = Session::new()
        .await
        .map_err(|error| Trouble::Radio(error.to_string()))?;
    let adapter = open_adapter(&session, plan.adapter.as_deref())
        .await
        .map_err(Trouble::Radio)?;
    let server = match plan.server {
        true => Some(Server::register(&adapter, plan).await.map_err(Trouble::Radio)?),
        false => None,
    };
    let _ = tell.send(Happening::Ready);
    let serving = async {
        match server {
            Some(server) => server.wait().await,
            None => core::future::pending().await,
        }
    };
    let seeking = async {
        match plan.client {
            true => client::start(&adapter, plan).await,
            false => core::future::pending().await,
        }
    };
    let mut side = tokio::select! {
        served = serving => Side::Server(Box::new(served.map_err(Trouble::Radio)?)),
        sought = seeking => Side::Client(Box::new(sought.map_err(Trouble::Radio)?)),
        _ = to_do.recv() => return Ok(()),
        () = interrupt::interrupted() => return Ok(()),
    };
    say(if side.is_channel() {
        "a reader has started a session by a channel"
    } else {
        "a reader has started a session"
    });
    let pumped = tokio::select! {
        pumped = pump(plan, &session, &mut side, tell, &mut to_do) => pumped.map_err(Trouble::Link),
        () = interrupt::interrupted() => Ok(()),
    };
    let _ = timeout(TIDY, side.close()).await;
    match adapter.is_powered().await {
        Ok(true) => pumped,
        Ok(false) => Err(Trouble::Radio("the adapter was switched off".to_owned())),
        Err(_) => Err(Trouble::Radio(
            "the adapter or the Bluetooth service is gone".to_owned(),
        )),
    }
}

async fn pump(
    plan: &Plan,
    session: &Session,
    side: &mut Side,
    tell: &Sender<Happening>,
    to_do: &mut UnboundedReceiver<Command>,
) -> Result<(), String> {
    let mut joiner = parts::Joiner::default();
    let mut received = Vec::new();
    let mut messages = 0;
    loop {
        let command = tokio::select! {
            biased;
            incoming = side.next() => {
                let message = match incoming {
                    Incoming::Gone => return Ok(()),
                    Incoming::State(value) if value == [2] => {
                        say("the reader has ended the session");
                        return Ok(());
                    }
                    Incoming::State(_) => continue,
                    Incoming::Part(value) => joiner.push(&value),
                    Incoming::Bytes(bytes) => {
                        received.extend(bytes);
                        take_message(&mut received)
                    }
                };
                let Some(message) = message else { continue };
                messages += 1;
                if messages == 1 {
                    match plan.fault {
                        Some(LinkFault::LostAfterRequest) => return Ok(()),
                        Some(LinkFault::SecondCentral) => client::intrude(session, plan).await?,
                        _ => {}
                    }
                }
                let _ = tell.send(Happening::Message(message));
                continue;
            }
            command = to_do.recv() => command,
        };
        match command {
            Some(Command::Send(message)) => send(side, None, &message).await?,
            Some(Command::Respond(message)) => {
                send(side, plan.fault, &message).await?;
                match plan.fault {
                    Some(LinkFault::DisconnectAfterResponse | LinkFault::LostInResponse) => {
                        // What is with the system is not yet on the air.
                        sleep(Duration::from_millis(100)).await;
                        return Ok(());
                    }
                    Some(LinkFault::EndByState) => {
                        // The system takes State and parts from two sockets.
                        sleep(Duration::from_millis(300)).await;
                        side.write(true, &[2]).await?;
                    }
                    _ => {}
                }
            }
            Some(Command::Close) | None => {
                let gone = async { while !matches!(side.next().await, Incoming::Gone) {} };
                let _ = timeout(HANG_UP, gone).await;
                return Ok(());
            }
        }
    }
}

async fn send(side: &mut Side, fault: Option<LinkFault>, message: &[u8]) -> Result<(), String> {
    let pieces = match side.is_channel() {
        true => parts::stream_with(fault, message),
        false => parts::cut_with(fault, message, side.value_bytes()),
    };
    for part in pieces {
        side.write(false, &part).await?;
    }
    Ok(())
}

/// The first message of what has come over a channel.
fn take_message(received: &mut Vec<u8>) -> Option<Vec<u8>> {
    let head = received.first_chunk::<4>()?;
    let end = 4 + usize::try_from(u32::from_be_bytes(*head)).ok()?;
    let message = received.get(4..end)?.to_vec();
    received.drain(..end);
    Some(message)
}
