//! The channels that the flags name, around one hub.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::event::TillEvent;
use super::flags::TillFlags;
use super::http::{Gate, HEARTBEAT, Http};
use super::hub::Hub;
use super::serial;
#[cfg(unix)]
use super::socket::Socket;
use crate::counter::StartError;

/// How long tills have at the end to take what they were told.
const FAREWELL: Duration = Duration::from_secs(2);

/// Held by every thread that still has something to write.
pub(super) type Busy = Sender<()>;

/// The channels; ended when dropped.
pub(super) struct Channels {
    pub(super) hub: Arc<Hub>,
    #[cfg(unix)]
    socket: Option<Socket>,
    pub(super) http: Option<Http>,
    /// Ends when no thread is busy.
    idle: Mutex<Receiver<()>>,
}

/// What is wrong with the flags and the files that they name, under the option at fault. Nothing is made and nobody listens.
pub(crate) fn faults(flags: &TillFlags) -> Vec<(&'static str, StartError)> {
    gate(flags).err().unwrap_or_default()
}

/// Who is let in over HTTP, where that is asked for.
fn gate(flags: &TillFlags) -> Result<Option<Gate>, Vec<(&'static str, StartError)>> {
    if cfg!(not(unix)) && flags.till_socket.is_some() {
        let words = "this system has no Unix sockets".to_owned();
        return Err(vec![("till_socket", StartError::Argument(words))]);
    }
    match (&flags.till_http, &flags.till_key_file) {
        (Some(address), Some(keys)) => Gate::load(address, keys, &flags.till_origin).map(Some),
        _ => Ok(None),
    }
}

impl Channels {
    /// Opens them.
    pub(super) fn open(flags: &TillFlags) -> Result<Self, StartError> {
        let hub = Arc::new(Hub::default());
        let (busy, idle) = mpsc::channel();
        // Looked at before anything is made.
        let http = match gate(flags) {
            Ok(None) => None,
            Ok(Some(gate)) => Some(Http::open(gate, &hub, HEARTBEAT)?),
            Err(mut faults) => return Err(faults.swap_remove(0).1),
        };
        #[cfg(unix)]
        let socket = match &flags.till_socket {
            Some(path) => Some(Socket::open(path, &hub, &busy)?),
            None => None,
        };
        if let Some(line) = &flags.till_serial {
            serial::start(line, &hub, &busy);
        }
        Ok(Self {
            hub,
            #[cfg(unix)]
            socket,
            http,
            idle: Mutex::new(idle),
        })
    }

    /// Tells every till.
    pub(super) fn publish(&self, event: &TillEvent) {
        self.hub.publish(event);
    }
}

impl Drop for Channels {
    fn drop(&mut self) {
        // Nobody new is let in, and everybody takes what is still theirs.
        self.hub.end();
        #[cfg(unix)]
        drop(self.socket.take());
        drop(self.http.take());
        // Nothing is ever sent: it ends, or the time is over.
        let idle = self.idle.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = idle.recv_timeout(FAREWELL);
    }
}
