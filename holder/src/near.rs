//! A phone that is held to a reader: a card in the virtual reader of vsmartcard, over TCP.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use holder::card::{BleTerms, Card, NfcTerms, Reply, Selected, Terms};
use holder::nfc_fault::NfcFault;
use holder::phone::Engaged;
use serde_json::json;

use crate::desk::{Carrier, Desk};
use crate::loopback::Loopback;
use crate::present::{Radio, converse_over_the_air, uuid_text};
use crate::{Failed, Present, Transport};

/// What the reader asks of the card itself, in messages of one byte.
const POWER_OFF: u8 = 0;
const RESET: u8 = 2;
const ANSWER_TO_RESET: u8 = 4;
/// The answer to reset of a contactless card of ISO/IEC 14443-4 (PC/SC part 3).
const ATR: &[u8] = &[0x3b, 0x80, 0x80, 0x01, 0x01];
/// A command of the extended form.
const MAX_COMMAND: usize = 4 + 3 + 65_535 + 2;
/// How long a reader may be silent.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long the phone stays when all is said.
const FAREWELL: Duration = Duration::from_millis(1000);
/// How long it is away before it comes again.
const AWAY: Duration = Duration::from_millis(1500);
/// Whether this program can go on over Bluetooth itself.
const HAS_BLUETOOTH: bool = cfg!(all(feature = "bluetooth", target_os = "linux"));
/// WT_INT of 4 ms.
const WAITING_TIME: u8 = 12;

/// How a phone is held to a reader.
#[derive(Args)]
#[command(next_help_heading = "NFC")]
pub(crate) struct Near {
    /// Engage by NFC, in a virtual reader, and not by a code; --transport says what the handover offers: nfc, ble-… or
    /// both (ble-… goes on over Bluetooth, or by another program with --bridge)
    #[arg(long, value_enum, value_name = "HANDOVER")]
    pub(crate) nfc: Option<Handover>,
    /// Where the virtual reader listens
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:35963")]
    vpcd: String,
    /// The longest command data that the phone takes: from 256 on extended commands; the virtual reader has an end before
    /// the standard's
    #[arg(long, value_name = "BYTES", default_value_t = 32_768, value_parser = clap::value_parser!(u32).range(255..=65_500))]
    nfc_max_command: u32,
    /// The longest response data that it gives
    #[arg(long, value_name = "BYTES", default_value_t = 32_768, value_parser = clap::value_parser!(u32).range(256..=65_500))]
    nfc_max_response: u32,
    /// The most bytes that the tag lets be read at once
    #[arg(long, value_name = "BYTES", default_value_t = 0x7fff, value_parser = clap::value_parser!(u16).range(15..))]
    nfc_read_at_once: u16,
    /// The most bytes that the tag lets be written at once
    #[arg(long, value_name = "BYTES", default_value_t = 0x7fff, value_parser = clap::value_parser!(u16).range(2..))]
    nfc_write_at_once: u16,
    /// How often the tag is empty before it shows something new
    #[arg(long, value_name = "TIMES", default_value_t = 0)]
    nfc_empty_readings: u8,
}

/// Who chooses the carrier.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Handover {
    /// The phone offers, once and for all
    Static,
    /// Reader and phone negotiate
    Negotiated,
}

/// A checked wish to engage by NFC.
#[derive(Clone, Copy)]
pub(crate) struct Checked<'a> {
    near: &'a Near,
    handover: Handover,
    fault: Option<NfcFault>,
}

impl Near {
    /// None where the phone shows a code.
    pub(crate) fn check(arguments: &Present, fault: Option<NfcFault>) -> Result<Option<Checked<'_>>, String> {
        let has = |transport| arguments.transport.contains(&transport);
        let has_ble = has(Transport::BleCentral) || has(Transport::BlePeripheral);
        let Some(handover) = arguments.near.nfc else {
            return match fault {
                Some(fault) => Err(format!("the fault {} needs --nfc", fault.name())),
                None if has(Transport::Nfc) => Err("--transport nfc needs --nfc".to_owned()),
                None => Ok(None),
            };
        };
        if has(Transport::L2cap) || !(has(Transport::Nfc) || has_ble) {
            return Err("--nfc needs --transport nfc, ble-peripheral or ble-central".to_owned());
        }
        if arguments.bridge && !has_ble {
            return Err("--bridge needs --transport ble-…".to_owned());
        }
        if has_ble && !arguments.bridge && !HAS_BLUETOOTH {
            return Err(
                "this holder was built without Bluetooth: with --nfc, --transport ble-… needs --bridge"
                    .to_owned(),
            );
        }
        if let Some(fault) = fault.filter(|fault| fault.needs_bluetooth() && (!has_ble || arguments.bridge)) {
            return Err(format!(
                "the fault {} needs --transport ble-… without --bridge",
                fault.name()
            ));
        }
        if fault == Some(NfcFault::RefusesService) && handover == Handover::Static {
            return Err("the fault nfc-refuses-service needs --nfc negotiated".to_owned());
        }
        Ok(Some(Checked {
            near: &arguments.near,
            handover,
            fault,
        }))
    }
}

/// Where messages go that do not go over NFC.
#[derive(Clone, Copy)]
pub(crate) enum Elsewhere<'a> {
    /// To another program, which connects here.
    Bridge(&'a TcpListener),
    /// Over Bluetooth.
    Air(&'a Radio),
}

impl Checked<'_> {
    /// Holds the phone to the reader once, and answers it.
    pub(crate) fn present(
        self,
        engaged: Engaged,
        desk: &Desk<'_>,
        elsewhere: Option<Elsewhere<'_>>,
        uuid: [u8; 16],
        arguments: &Present,
    ) -> Result<io::Result<()>, Failed> {
        let has = |transport| arguments.transport.contains(&transport);
        let (peripheral, central) = (has(Transport::BlePeripheral), has(Transport::BleCentral));
        let terms = Terms {
            negotiates: self.handover == Handover::Negotiated,
            ble: (peripheral || central).then_some(BleTerms {
                peripheral,
                central,
                uuid,
            }),
            nfc: has(Transport::Nfc).then_some(NfcTerms {
                max_command: self.near.nfc_max_command,
                max_response: self.near.nfc_max_response,
            }),
            read_at_once: self.near.nfc_read_at_once,
            write_at_once: self.near.nfc_write_at_once,
            empty_readings: self.near.nfc_empty_readings,
            waiting_time: WAITING_TIME,
            fault: self.fault,
        };
        let card = Card::new(engaged.engagement(), &terms);
        let mut told = json!({ "nfc": if terms.negotiates { "negotiated" } else { "static" } });
        if let Some(Elsewhere::Bridge(listener)) = elsewhere {
            let address = listener.local_addr().map_err(|error| error.to_string())?;
            told["listening"] = address.to_string().into();
        }
        tell(&told).map_err(|error| error.to_string())?;
        let mut tapped =
            Tapped::come(&self.near.vpcd, card).map_err(|error| format!("{}: {error}", self.near.vpcd))?;
        let ended = match tapped.hand_over(engaged, elsewhere.is_some()) {
            Err(error) => Ok(Err(error)),
            Ok((engaged, selected)) => match elsewhere.filter(|_| tapped.waiting.is_none()) {
                None => Ok(desk.answer(&mut tapped, &engaged)),
                Some(Elsewhere::Bridge(listener)) => Ok(bridge(listener, &engaged, desk)),
                Some(Elsewhere::Air(radio)) => {
                    return self.go_on(radio, &selected, &engaged, desk, tapped);
                }
            },
        };
        tapped.leave();
        if arguments.repeat {
            std::thread::sleep(AWAY);
        }
        ended
    }

    /// The phone leaves the reader and answers over Bluetooth.
    fn go_on(
        self,
        radio: &Radio,
        selected: &Selected,
        engaged: &Engaged,
        desk: &Desk<'_>,
        tapped: Tapped,
    ) -> Result<io::Result<()>, Failed> {
        if self.fault == Some(NfcFault::SilentAfterHandover) {
            tapped.leave();
            return Ok(Ok(()));
        }
        let mut uuid = selected.peripheral.or(selected.central).unwrap_or_default();
        if self.fault == Some(NfcFault::OtherService) {
            uuid[15] ^= 1;
        }
        let radio = Radio {
            peripheral: selected.peripheral.is_some(),
            central: selected.central.is_some(),
            ..radio.clone()
        };
        // It can be found before it leaves.
        converse_over_the_air(&radio, &uuid_text(&uuid), engaged, desk, || {
            tapped.leave();
            Ok(())
        })
    }
}

/// Where another program moves the messages.
fn bridge(listener: &TcpListener, engaged: &Engaged, desk: &Desk<'_>) -> io::Result<()> {
    let (stream, _) = listener.accept()?;
    let mut loopback = Loopback::greet(stream, &engaged.uri())?;
    desk.answer(&mut loopback, engaged)
}

/// A card in the reader.
struct Tapped {
    stream: TcpStream,
    card: Card,
    /// A message of the reader that nobody has taken.
    waiting: Option<Vec<u8>>,
    /// The last command has no answer yet.
    is_due: bool,
}

impl Tapped {
    fn come(address: &str, card: Card) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            card,
            waiting: None,
            is_due: false,
        })
    }

    /// Until the reader has read the handover and, where the data goes over NFC, its first message has come. Gives the
    /// phone as engaged by the handover, and what was selected.
    fn hand_over(&mut self, engaged: Engaged, is_elsewhere: bool) -> io::Result<(Engaged, Selected)> {
        while self.waiting.is_none() {
            if is_elsewhere
                && self
                    .card
                    .exchanged()
                    .is_some_and(|exchanged| !exchanged.selected.nfc)
            {
                break;
            }
            self.waiting = self.exchange()?;
        }
        let Some(exchanged) = self.card.exchanged().cloned() else {
            return Err(io::Error::other(
                "the reader asks before it has read the handover",
            ));
        };
        let selected = exchanged.selected;
        tell(&json!({
            "handover": if exchanged.request.is_some() { "negotiated" } else { "static" },
            "ble-peripheral": selected.peripheral.as_ref().map(uuid_text),
            "ble-central": selected.central.as_ref().map(uuid_text),
            "transfer": selected.nfc,
        }))?;
        let engaged = engaged.with_handover(&exchanged.select, exchanged.request.as_deref());
        Ok((engaged, selected))
    }

    /// One message of the virtual reader: the reader's own message where a whole one has come.
    fn exchange(&mut self) -> io::Result<Option<Vec<u8>>> {
        let message = self.read()?;
        match message.as_slice() {
            [ANSWER_TO_RESET] => self.write(ATR)?,
            [] | [_] => {}
            command => {
                let reply = self.card.handle(command);
                return self.reply(reply);
            }
        }
        Ok(None)
    }

    fn reply(&mut self, reply: Reply) -> io::Result<Option<Vec<u8>>> {
        match reply {
            Reply::Answer(answer) => self.write(&answer).map(|()| None),
            Reply::Message(message) => {
                self.is_due = true;
                Ok(Some(message))
            }
            Reply::Gone => {
                self.stream.shutdown(std::net::Shutdown::Both)?;
                Err(io::Error::other("the phone was taken away"))
            }
        }
    }

    /// Stays until the reader lets go, answers what is still asked, and leaves.
    fn leave(mut self) {
        let deadline = Instant::now() + FAREWELL;
        let _ = self.stream.set_read_timeout(Some(FAREWELL / 4));
        let mut is_let_go = false;
        while Instant::now() < deadline {
            // A last message, such as a status, has no answer but success.
            if self.is_due && self.write(&[0x90, 0x00]).is_err() {
                return;
            }
            let message = match self.read() {
                Ok(message) => message,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
                Err(_) => return,
            };
            match message.as_slice() {
                [POWER_OFF] => return,
                // A program that lets go of a card has it reset.
                [RESET] => is_let_go = true,
                [ANSWER_TO_RESET] => {
                    let _ = self.write(ATR);
                    if is_let_go {
                        return;
                    }
                }
                [] | [_] => {}
                command => {
                    let reply = self.card.handle(command);
                    let _ = self.reply(reply);
                }
            }
        }
    }

    fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 2];
        self.fill(&mut length)?;
        let length = usize::from(u16::from_be_bytes(length));
        if length > MAX_COMMAND {
            return Err(io::Error::other("a command over the limit"));
        }
        let mut message = vec![0; length];
        self.fill(&mut message)?;
        Ok(message)
    }

    /// The virtual reader writes lengths and messages apart and waits for what TCP acknowledges late.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        std::os::linux::net::TcpStreamExt::set_quickack(&self.stream, true)?;
        self.stream.read_exact(buffer)
    }

    fn write(&mut self, message: &[u8]) -> io::Result<()> {
        self.is_due = false;
        let length = u16::try_from(message.len()).map_err(io::Error::other)?;
        self.stream.write_all(&[&length.to_be_bytes(), message].concat())
    }
}

impl Carrier for Tapped {
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let reply = self.card.answer(message);
        self.reply(reply).map(drop)
    }

    fn receive(&mut self) -> io::Result<Option<Vec<u8>>> {
        if let Some(message) = self.waiting.take() {
            return Ok(Some(message));
        }
        loop {
            match self.exchange() {
                Ok(Some(message)) => return Ok(Some(message)),
                Ok(None) => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }
}

/// A line on standard output.
fn tell(line: &serde_json::Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
