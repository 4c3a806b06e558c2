//! The counter program: one transaction with a phone, and the verdict. The program is one call of [`run`];
//! [`read`] is there for measurements too.

mod arguments;
mod bundle;
mod camera;
mod certificate;
mod clock;
mod configuration;
mod connectors;
mod counter;
mod doctor;
mod failure;
mod identity;
mod inbox;
mod input;
mod interrupt;
mod loopback;
#[cfg(feature = "nfc")]
mod nfc;
mod nfc_fault;
mod pull;
#[cfg(feature = "bluetooth")]
mod radio;
mod radio_fault;
mod serve;
mod service_manager;
mod step;
mod till;
#[cfg(feature = "pkcs11")]
mod token;
mod token_fault;
mod transaction;
mod transport;
mod upstream;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use arguments::{Arguments, Command, Format, Read};
use clap::{CommandFactory as _, Parser as _};
use clock::Clock;
use counter::{Counter, StartError};
use failure::Failure;
use loopback::{Connected, Loopback};
use mdoc::session::{Handover, SessionTranscript};
use mdoc::time::UnixTime;
use relying_party::DeviceKeys;
use relying_party::purpose::READY_MADE;
use relying_party::verdict_text;
use transaction::{Outcome, converse};
use transport::{Connector, Stop};

/// The exit status for wrong usage, unreadable files and bad configuration.
const USAGE: u8 = 64;
/// Seconds to connect over the loopback, unless told otherwise.
const LOOPBACK_CONNECT: u64 = 10;
/// Seconds to find a phone and connect to it over Bluetooth, unless told otherwise: what 18013-5 recommends from the
/// engagement on.
const RADIO_CONNECT: u64 = 30;

/// Runs the program on the arguments of the process.
pub fn run() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let given: Vec<OsString> = std::env::args_os().collect();
    let (given, faults) = match configuration::with_file(given.clone()) {
        Ok(merged) => (merged, Vec::new()),
        Err(faults) => (given, faults),
    };
    let arguments = match Arguments::try_parse_from(&given) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version come this way too. There is nowhere to report a failure to print.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(USAGE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    if let Some(path) = &arguments.check_config {
        return configuration::check(path);
    }
    let Some(command) = arguments.command else {
        // Not reached: clap shows its help where there is neither.
        return ExitCode::from(USAGE);
    };
    match command {
        Command::Doctor(doctor) => doctor::run(&doctor, &given, &faults),
        // Its file was left out.
        _ if !faults.is_empty() => configuration::refuse(&faults),
        Command::Configuration => {
            print(&configuration::documented());
            ExitCode::SUCCESS
        }
        Command::Purposes => purposes(),
        Command::Certificate(arguments) => match certificate::run(&arguments) {
            Ok(status) => ExitCode::from(status),
            Err(error) => usage(&error),
        },
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "reader", &mut script);
            print(&String::from_utf8_lossy(&script));
            ExitCode::SUCCESS
        }
        Command::Manual => {
            let mut page = Vec::new();
            match clap_mangen::Man::new(Arguments::command()).render(&mut page) {
                Ok(()) => {
                    print(&String::from_utf8_lossy(&page));
                    ExitCode::SUCCESS
                }
                Err(error) => usage(&StartError::Argument(error.to_string())),
            }
        }
        Command::Read(read) => {
            let print_outcome = |outcome: &Outcome| {
                print(&match read.format {
                    Format::Json => format!("{}\n", outcome.report),
                    Format::Text => verdict_text(&outcome.report),
                });
            };
            match read_one(&read, print_outcome) {
                Ok(outcome) => ExitCode::from(outcome.status),
                Err(error) => usage(&error),
            }
        }
        Command::Serve(serve) => match serve::run(&serve) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => usage(&error),
        },
    }
}

fn usage(error: &StartError) -> ExitCode {
    say(&error.to_string());
    ExitCode::from(USAGE)
}

/// Reads one phone. What is made of the outcome comes before the connection is taken down, which may take a moment.
fn read_one(read: &Read, then: impl FnOnce(&Outcome)) -> Result<Outcome, StartError> {
    let connect_timeout = match &read.connect {
        Some(_) if !read.near.nfc && !read.camera.is_given() => LOOPBACK_CONNECT,
        _ => RADIO_CONNECT,
    };
    let counter = Counter::load(&read.common, connect_timeout, Clock::System)?;
    let (result, connector) = match &read.connect {
        _ if read.camera.is_given() => read_seen(read, &counter)?,
        _ if read.near.nfc => read_nearby(read, &counter)?,
        Some(address) => {
            let address = Loopback::address(address).map_err(StartError::Argument)?;
            counter.progress(&format!("asking for: {}", counter.asked()));
            (read_loopback(&counter, &address), None)
        }
        None => read_code(read, &counter)?,
    };
    let outcome = Outcome::new(result);
    then(&outcome);
    drop((connector, counter));
    Ok(outcome)
}

/// The verdict, or why there is none; and what is still to be taken down.
type Conversed = (Result<serde_json::Value, Failure>, Option<Box<dyn Connector>>);

/// The engagement is a code, and the phone is reached over Bluetooth.
fn read_code(read: &Read, counter: &Counter) -> Result<Conversed, StartError> {
    let stop = Stop::default();
    let mut connector = connectors::radio_connector(&read.radio, counter, &stop)?;
    counter.progress(&format!("asking for: {}", counter.asked()));
    let text = match read.qr.as_deref() {
        Some("-") | None => inbox::first_line(std::io::stdin().lock())
            .map_err(|error| StartError::Argument(error.to_string()))?,
        Some(text) => text.to_owned(),
    };
    // From here on there is something to end in good order.
    interrupt::on_interrupt(move || stop.wish()).map_err(|error| StartError::Argument(error.to_string()))?;
    let clock = Instant::now();
    let result = input::code::read(&text)
        .map_err(Failure::from)
        .and_then(|code| converse(counter, &code.engagement, Handover::Qr, connector.as_mut(), clock));
    Ok((result, Some(connector)))
}

/// The engagement is a code that a camera sees.
fn read_seen(read: &Read, counter: &Counter) -> Result<Conversed, StartError> {
    if read.near.nfc {
        let words = "read takes either a camera or --nfc; serve takes both";
        return Err(StartError::Argument(words.to_owned()));
    }
    let stop = Stop::default();
    let instead = read.connect.as_deref();
    let mut connector = connectors::seen_connector(&read.radio, instead, counter, &stop)?;
    counter.progress(&format!("asking for: {}", counter.asked()));
    let interrupted = stop.clone();
    interrupt::on_interrupt(move || interrupted.wish())
        .map_err(|error| StartError::Argument(error.to_string()))?;
    counter.progress(camera::WAITING);
    let seen = camera::first_code(&read.camera, counter.settings.connect_timeout, &stop)?;
    let clock = Instant::now();
    let result = seen
        .and_then(|text| input::code::read(&text).map_err(Failure::from))
        .and_then(|code| converse(counter, &code.engagement, Handover::Qr, connector.as_mut(), clock));
    Ok((result, Some(connector)))
}

/// The engagement comes from a phone on an NFC reader.
#[cfg(feature = "nfc")]
fn read_nearby(read: &Read, counter: &Counter) -> Result<Conversed, StartError> {
    let stop = Stop::default();
    let instead = read.connect.as_deref();
    let mut nearby = connectors::nearby(&read.radio, &read.near, instead, counter, &stop)?;
    counter.progress(&format!("asking for: {}", counter.asked()));
    interrupt::on_interrupt(move || stop.wish()).map_err(|error| StartError::Argument(error.to_string()))?;
    counter.step(step::Step::WaitingNear);
    let result = nearby
        .wait(Instant::now() + counter.settings.connect_timeout)
        .and_then(|engaged| {
            counter.step(step::Step::Engaged);
            let (engagement, handover) = (engaged.engagement(), engaged.handover());
            converse(counter, engagement, handover, &mut nearby, Instant::now())
        });
    Ok((result, Some(Box::new(nearby))))
}

/// This build has no NFC.
#[cfg(not(feature = "nfc"))]
fn read_nearby(_: &Read, _: &Counter) -> Result<Conversed, StartError> {
    Err(connectors::without_nfc())
}

/// The engagement comes over the connection itself.
fn read_loopback(counter: &Counter, address: &std::net::SocketAddr) -> Result<serde_json::Value, Failure> {
    let clock = Instant::now();
    let timeout = counter.settings.connect_timeout.max(Duration::from_millis(1));
    let mut connection = Loopback::connect(address, timeout, counter.settings.max_message_len)
        .map_err(|_| Failure::Connect)?;
    let clock_of_engagement = Instant::now();
    let engagement = connection.engagement(clock_of_engagement + timeout)?;
    let mut connected = Connected(Some(connection));
    converse(counter, &engagement, Handover::Qr, &mut connected, clock)
}

/// Runs `reader read` with these arguments in this process: the report, and the exit status.
///
/// # Errors
/// Wrong usage, an unreadable file or a bad configuration, in words.
pub fn read(arguments: &[&str]) -> Result<(serde_json::Value, u8), String> {
    let arguments = ["reader", "read"].into_iter().chain(arguments.iter().copied());
    let arguments = Arguments::try_parse_from(arguments).map_err(|error| error.to_string())?;
    let Some(Command::Read(read)) = arguments.command else {
        return Err("these arguments read nothing".to_owned());
    };
    let outcome = read_one(&read, |_| ()).map_err(|error| error.to_string())?;
    Ok((outcome.report, outcome.status))
}

/// Has a response judged at one instant as `reader read` with these arguments would judge it here, without a phone: the
/// report. For tests that hold many responses against another judge.
///
/// # Errors
/// Wrong usage, an unreadable file or a bad configuration, in words; or the code of a failure.
pub fn judge(
    arguments: &[&str],
    response: &[u8],
    transcript: &SessionTranscript,
    keys: DeviceKeys<'_>,
    at: UnixTime,
) -> Result<serde_json::Value, String> {
    let arguments = ["reader", "read"].into_iter().chain(arguments.iter().copied());
    let arguments = Arguments::try_parse_from(arguments).map_err(|error| error.to_string())?;
    let Some(Command::Read(read)) = arguments.command else {
        return Err("these arguments read nothing".to_owned());
    };
    let counter =
        Counter::load(&read.common, LOOPBACK_CONNECT, Clock::Fixed(at)).map_err(|error| error.to_string())?;
    counter
        .judge_here(response, transcript, keys)
        .map_err(|failure| failure.code().to_owned())
}

/// Lists the ready-made purposes.
fn purposes() -> ExitCode {
    for (id, text) in READY_MADE {
        let title = relying_party::purpose::Purpose::from_toml(text).ok();
        let title = title
            .and_then(|purpose| purpose.title().get("en").cloned())
            .unwrap_or_default();
        print(&format!("{id:<24} {title}\n"));
    }
    ExitCode::SUCCESS
}

/// Standard output. There is nowhere to report a failure to print.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A line for people, on standard error, in one piece.
fn say(text: &str) {
    let _ = std::io::stderr().write_all(format!("reader: {text}\n").as_bytes());
}
