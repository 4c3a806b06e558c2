//! The thread behind a camera: it opens the camera again for as long as codes are wanted.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mdoc::session::{Party, Phase, SessionFailure};

use super::recording::Recording;
use super::watch::{Recipient, Watch};
use super::{CameraFault, CameraFlags};
use crate::counter::StartError;
use crate::failure::Failure;
use crate::inbox::Inbox;
use crate::input::code;
use crate::input::complaints::Complaints;
use crate::say;
use crate::transport::Stop;

/// How long to leave a camera alone that cannot be used.
const RETRY: Duration = Duration::from_secs(2);
/// How often to look whether somebody wants to end.
const STOP_PAUSE: Duration = Duration::from_millis(100);

/// Where pictures come from.
enum Input {
    Device(PathBuf),
    Recording(Box<Recording>),
}

impl Input {
    /// What the flags name; none where they name nothing.
    fn new(flags: &CameraFlags) -> Result<Option<Self>, StartError> {
        if let Some(path) = &flags.camera {
            if !cfg!(all(feature = "camera", target_os = "linux")) {
                return Err(StartError::Argument(
                    "this reader was built without cameras and has recordings only; build it on Linux with --features camera"
                        .to_owned(),
                ));
            }
            return Ok(Some(Self::Device(path.clone())));
        }
        let Some(path) = &flags.camera_recording else {
            return Ok(None);
        };
        let refused = |fault: String| StartError::File {
            path: path.clone(),
            fault,
        };
        let recording = Recording::open(path)
            .map_err(|error| refused(format!("cannot read: {error}")))?
            .map_err(|fault| refused(CameraFault::from(fault).to_string()))?;
        Ok(Some(Self::Recording(Box::new(recording))))
    }
}

/// Whether this build has what the flags name, and whether a recording begins as one. A camera may be plugged in later.
pub(crate) fn check(flags: &CameraFlags) -> Result<(), StartError> {
    Input::new(flags).map(drop)
}

/// Starts what fills the inbox with the codes that a camera sees, if there is one. A camera is opened again for as long as
/// the program runs; where a recording ends, the inbox does.
pub(crate) fn attend(flags: &CameraFlags, inbox: &Arc<Inbox>) -> Result<(), StartError> {
    let Some(input) = Input::new(flags)? else {
        return Ok(());
    };
    inbox.outlive_lines();
    let inbox = Arc::clone(inbox);
    spawn(move || {
        let recipient = Counter {
            inbox,
            trouble: Mutex::default(),
            complaints: Mutex::default(),
        };
        match input {
            Input::Device(path) => recipient.serve(&path),
            Input::Recording(mut recording) => {
                if let Err(fault) = Watch::default().run(recording.as_mut(), &recipient) {
                    recipient.tell(fault);
                }
                recipient.inbox.close();
            }
        }
    })
}

/// Waits for the first code of a mobile document: its text, or why there is none.
pub(crate) fn first_code(
    flags: &CameraFlags,
    patience: Duration,
    stop: &Stop,
) -> Result<Result<String, Failure>, StartError> {
    let Some(input) = Input::new(flags)? else {
        return Ok(Err(Failure::NoCode));
    };
    let (sender, receiver) = channel();
    let recipient = First {
        sender: sender.clone(),
        is_over: Arc::default(),
        complaints: Mutex::default(),
    };
    let is_over = Arc::clone(&recipient.is_over);
    spawn(move || {
        let result = match input {
            Input::Device(path) => session(&path, Instant::now(), &mut Watch::default(), &recipient),
            Input::Recording(mut recording) => Watch::default().run(recording.as_mut(), &recipient),
        };
        // Nobody hears of it behind the first code.
        let _ = sender.send(match result {
            Ok(()) => Err(Failure::NoCode),
            Err(fault) => Err(Failure::Camera(fault)),
        });
    })?;
    let result = wait(&receiver, patience, stop);
    is_over.store(true, Ordering::Relaxed);
    Ok(result)
}

fn wait(
    receiver: &Receiver<Result<String, Failure>>,
    patience: Duration,
    stop: &Stop,
) -> Result<String, Failure> {
    let deadline = Instant::now() + patience;
    loop {
        match receiver.recv_timeout(STOP_PAUSE) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Timeout) if stop.is_wished() => {
                return Err(Failure::Session(SessionFailure::Terminated {
                    phase: Phase::Engagement,
                    by: Party::Reader,
                    status: None,
                }));
            }
            Err(RecvTimeoutError::Timeout) if Instant::now() < deadline => {}
            Err(_) => return Err(Failure::NoCode),
        }
    }
}

fn spawn(body: impl FnOnce() + Send + 'static) -> Result<(), StartError> {
    let thread = std::thread::Builder::new().name("camera".to_owned()).spawn(body);
    thread
        .map(drop)
        .map_err(|error| StartError::Argument(error.to_string()))
}

/// From opening a camera until no more codes are wanted, or it cannot be used.
#[cfg(all(feature = "camera", target_os = "linux"))]
fn session(
    path: &Path,
    start: Instant,
    watch: &mut Watch,
    recipient: &dyn Recipient,
) -> Result<(), CameraFault> {
    // The library takes for granted that a driver keeps to the rules, and panics where one does not. What was open is closed
    // on the way.
    let run = || watch.run(&mut super::device::Camera::open(path, start)?, recipient);
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_or(Err(CameraFault::Gone))
}

/// This build has recordings only, and [`Input`] refuses a device.
#[cfg(not(all(feature = "camera", target_os = "linux")))]
fn session(_: &Path, _: Instant, _: &mut Watch, _: &dyn Recipient) -> Result<(), CameraFault> {
    Err(CameraFault::NoDevice)
}

/// A counter that reads phones one after the other.
struct Counter {
    inbox: Arc<Inbox>,
    /// What was last told of the camera.
    trouble: Mutex<Option<CameraFault>>,
    complaints: Mutex<Complaints>,
}

impl Counter {
    /// Opens the camera again and again, until the program ends.
    fn serve(&self, path: &Path) {
        let start = Instant::now();
        let mut watch = Watch::default();
        while let Err(fault) = session(path, start, &mut watch, self) {
            self.tell(fault);
            std::thread::sleep(RETRY);
        }
    }

    /// Tells of a fault, once for as long as it lasts.
    fn tell(&self, fault: CameraFault) {
        let mut trouble = self.trouble();
        if trouble.as_ref() != Some(&fault) {
            say(&format!("warning: {fault}; {}", fault.next_step()));
            *trouble = Some(fault);
        }
    }

    fn trouble(&self) -> std::sync::MutexGuard<'_, Option<CameraFault>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recipient for Counter {
    fn is_busy(&self) -> bool {
        self.inbox.is_busy()
    }

    fn is_over(&self) -> bool {
        self.inbox.is_over()
    }

    fn take(&self, code: &str) {
        match code::read(code) {
            Ok(code) => self.inbox.push(code.text),
            // Nothing in a fault is of the text.
            Err(fault) => complain(
                &self.complaints,
                fault.code(),
                &format!("{fault} ({})", fault.code()),
            ),
        }
    }

    fn take_other(&self) {
        tell_other(&self.complaints);
    }

    fn see(&self) {
        if self.trouble().take().is_some() {
            say("the camera works again");
        }
    }
}

/// A reader that reads one phone.
struct First {
    sender: Sender<Result<String, Failure>>,
    is_over: Arc<AtomicBool>,
    complaints: Mutex<Complaints>,
}

impl Recipient for First {
    fn is_busy(&self) -> bool {
        false
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn take(&self, code: &str) {
        // The first one counts; nobody hears of another.
        let _ = self.sender.send(Ok(code.to_owned()));
        self.is_over.store(true, Ordering::Relaxed);
    }

    fn take_other(&self) {
        tell_other(&self.complaints);
    }

    fn see(&self) {}
}

/// The text may be anybody's: only that there is one is told.
fn tell_other(complaints: &Mutex<Complaints>) {
    let words = "this code is not that of a mobile document; show the one of the wallet";
    complain(complaints, "another code", words);
}

fn complain(complaints: &Mutex<Complaints>, code: &'static str, words: &str) {
    let mut complaints = complaints.lock().unwrap_or_else(PoisonError::into_inner);
    if complaints.is_due(code, Instant::now()) {
        say(&format!("the camera: {words}"));
    }
}
