//! The counter at work: one transaction after the other, as codes come.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mdoc::nfc::handover::NfcEngagement;
use mdoc::session::Handover;

use crate::arguments::Serve;
use crate::camera;
use crate::clock::Clock;
use crate::connectors::connector;
use crate::counter::{Counter, StartError};
use crate::failure::Failure;
use crate::inbox::{Inbox, Next};
use crate::input::{self, code};
use crate::interrupt::on_interrupt;
use crate::service_manager::{self, ServiceManager};
use crate::step::Step;
use crate::till::{Output, Till};
use crate::transaction::{Outcome, converse};
use crate::transport::{Connector, Stop};
use crate::{RADIO_CONNECT, say};

/// Serves standard input and the other inputs until the first ends alone, or the program is told to.
pub(crate) fn run(serve: &Serve) -> Result<(), StartError> {
    let faults = serve.scanners.faults(serve.has_other_inputs());
    if let Some((_, error)) = faults.into_iter().next() {
        return Err(error);
    }
    let mut counter = Counter::load(&serve.common, RADIO_CONNECT, Clock::System)?;
    counter.pull_every(Duration::from_secs(serve.bundle_every));
    let stop = Stop::default();
    let mut connector = connector(serve, &counter, &stop)?;
    counter.progress(&format!("asking for: {}", counter.asked()));
    let inbox = Arc::new(Inbox::new(stop));
    let interrupted = Arc::clone(&inbox);
    on_interrupt(move || {
        service_manager::stopping();
        interrupted.end();
    })
    .map_err(|error| StartError::Argument(error.to_string()))?;
    let till = Arc::new(Till::open(&serve.till, counter.purpose())?);
    counter.tell(Arc::clone(&till));
    counter.report_to(ServiceManager::of_environment());
    // The threads end with their input, or with the process.
    input::start(&serve.scanners, &inbox, counter.quiet);
    camera::attend(&serve.camera, &inbox)?;
    if serve.camera.is_given() {
        counter.progress(camera::WAITING);
    }
    if serve.scanners.no_stdin {
        inbox.outlive_lines();
    } else {
        let filled = Arc::clone(&inbox);
        std::thread::spawn(move || filled.fill(io::stdin().lock()));
    }
    let mut output = Output::new(&serve.till, io::stdout());
    let served = serve_lines(&mut counter, &inbox, connector.as_mut(), &till, &mut output);
    service_manager::stopping();
    served
}

/// How a phone came.
enum Arrival {
    /// By the line of a scanner.
    Line(String),
    /// By itself, to an NFC reader.
    Phone(Result<Box<NfcEngagement>, Failure>),
}

/// The next line or phone; none at the end of the input.
fn arrival(counter: &Counter, inbox: &Inbox, connector: &mut dyn Connector) -> Option<Arrival> {
    loop {
        counter.beat();
        match inbox.next(counter.patience(connector.pause())) {
            Next::Line(line) => return Some(Arrival::Line(line)),
            Next::End => return None,
            Next::Nothing => {
                if let Some(engaged) = connector.poll() {
                    inbox.begin();
                    return Some(Arrival::Phone(engaged.map(Box::new)));
                }
            }
        }
    }
}

/// One JSON line for each line of the inbox, and for each phone that comes by itself.
fn serve_lines(
    counter: &mut Counter,
    inbox: &Inbox,
    connector: &mut dyn Connector,
    till: &Till,
    output: &mut Output<impl io::Write>,
) -> Result<(), StartError> {
    loop {
        counter.step(match connector.pause() {
            Some(_) => Step::WaitingNear,
            None => Step::Waiting,
        });
        let Some(arrival) = arrival(counter, inbox, connector) else {
            return Ok(());
        };
        // What was pulled while nobody came counts for this one already.
        counter.renew();
        let clock = Instant::now();
        till.begin();
        let result = match arrival {
            Arrival::Line(line) => match code::read(&line) {
                Ok(code) => {
                    counter.step(Step::Engaged);
                    connector.scanned();
                    converse(counter, &code.engagement, Handover::Qr, connector, clock)
                }
                Err(fault) => {
                    // The text may be anybody's: only what is wrong with it is told.
                    say(&format!("{fault} ({})", fault.code()));
                    Err(fault.into())
                }
            },
            Arrival::Phone(engaged) => engaged.and_then(|engaged| {
                counter.step(Step::Engaged);
                converse(
                    counter,
                    engaged.engagement(),
                    engaged.handover(),
                    connector,
                    clock,
                )
            }),
        };
        let told = till.end(&result, counter.purpose(), clock.elapsed());
        let outcome = Outcome::new(result);
        output.write(&outcome.report, &told)?;
    }
}
