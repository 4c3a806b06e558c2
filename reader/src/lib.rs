//! The counter program: one transaction with a phone, and the verdict. The program is one call of [`run`];
//! [`read`] is there for measurements too.

mod arguments;
mod bundle;
mod clock;
mod counter;
mod failure;
mod identity;
mod inbox;
mod interrupt;
mod loopback;
mod pull;
#[cfg(feature = "bluetooth")]
mod radio;
mod radio_fault;
mod serve;
mod step;
mod transaction;
mod transport;
mod upstream;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use arguments::{Arguments, Command, Format, Read};
use clap::{CommandFactory as _, Parser as _};
use clock::Clock;
use counter::{Counter, StartError};
use failure::Failure;
use loopback::{Connected, Loopback};
use mdoc::engagement::DeviceEngagement;
use mdoc::session::SessionTranscript;
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
    let arguments = match Arguments::try_parse() {
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
    match arguments.command {
        Command::Purposes => purposes(),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "reader", &mut script);
            print(&String::from_utf8_lossy(&script));
            ExitCode::SUCCESS
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
    let (counter, result, connector) = match (&read.connect, &read.qr) {
        (Some(address), _) => {
            let counter = Counter::load(&read.common, LOOPBACK_CONNECT, Clock::System)?;
            let address = Loopback::address(address).map_err(StartError::Argument)?;
            counter.progress(&format!("asking for: {}", counter.asked()));
            let result = read_loopback(&counter, &address);
            (counter, result, None)
        }
        (None, text) => {
            let counter = Counter::load(&read.common, RADIO_CONNECT, Clock::System)?;
            let stop = Stop::default();
            let mut connector = radio_connector(&read.radio, &counter, &stop)?;
            counter.progress(&format!("asking for: {}", counter.asked()));
            let text = match text.as_deref() {
                Some("-") | None => inbox::first_line(std::io::stdin().lock())
                    .map_err(|error| StartError::Argument(error.to_string()))?,
                Some(text) => text.to_owned(),
            };
            // From here on there is something to end in good order.
            interrupt::on_interrupt(move || stop.wish())
                .map_err(|error| StartError::Argument(error.to_string()))?;
            let clock = Instant::now();
            let result = DeviceEngagement::from_uri(text.trim())
                .map_err(|_| Failure::Engagement)
                .and_then(|engagement| converse(&counter, &engagement, connector.as_mut(), clock));
            (counter, result, Some(connector))
        }
    };
    let outcome = Outcome::new(result);
    then(&outcome);
    drop((connector, counter));
    Ok(outcome)
}

/// The engagement comes over the connection itself.
fn read_loopback(counter: &Counter, address: &std::net::SocketAddr) -> Result<serde_json::Value, Failure> {
    let clock = Instant::now();
    let timeout = counter.settings.connect_timeout.max(Duration::from_millis(1));
    let mut connection = Loopback::connect(address, timeout, counter.settings.max_message_len)
        .map_err(|_| Failure::Connect)?;
    let clock_of_engagement = Instant::now();
    let engagement = connection.engagement(clock_of_engagement + timeout)?;
    converse(counter, &engagement, &mut Connected(Some(connection)), clock)
}

/// What reaches phones over Bluetooth.
#[cfg(feature = "bluetooth")]
#[expect(
    clippy::unnecessary_wraps,
    reason = "a build without Bluetooth has none to give"
)]
fn radio_connector(
    radio: &arguments::Radio,
    counter: &Counter,
    stop: &Stop,
) -> Result<Box<dyn Connector>, StartError> {
    Ok(Box::new(radio::Bluetooth::new(radio, counter, stop.clone())))
}

/// This build has no Bluetooth.
#[cfg(not(feature = "bluetooth"))]
fn radio_connector(_: &arguments::Radio, _: &Counter, _: &Stop) -> Result<Box<dyn Connector>, StartError> {
    Err(StartError::Argument(
        "this reader was built without Bluetooth; build it with --features bluetooth".to_owned(),
    ))
}

/// Runs `reader read` with these arguments in this process: the report, and the exit status.
///
/// # Errors
/// Wrong usage, an unreadable file or a bad configuration, in words.
pub fn read(arguments: &[&str]) -> Result<(serde_json::Value, u8), String> {
    let arguments = ["reader", "read"].into_iter().chain(arguments.iter().copied());
    let arguments = Arguments::try_parse_from(arguments).map_err(|error| error.to_string())?;
    let Command::Read(read) = arguments.command else {
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
    let Command::Read(read) = arguments.command else {
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

/// A line for people, on standard error.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "reader: {text}");
}
