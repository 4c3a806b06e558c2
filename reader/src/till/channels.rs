//! The channels that the flags name, around one hub.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::event::TillEvent;
use super::flags::TillFlags;
use super::http::Http;
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

impl Channels {
    /// Opens them.
    pub(super) fn open(flags: &TillFlags) -> Result<Self, StartError> {
        let hub = Arc::new(Hub::default());
        let (busy, idle) = mpsc::channel();
        #[cfg(not(unix))]
        if flags.till_socket.is_some() {
            return Err(StartError::Argument("this system has no Unix sockets".to_owned()));
        }
        // The keys and the origins are looked at before anything is made.
        let http = match (&flags.till_http, &flags.till_key_file) {
            (Some(address), Some(keys)) => Some(Http::open(address, keys, &flags.till_origin, &hub)?),
            _ => None,
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
        // Nobody new finds the way in, then everybody takes what is still theirs.
        #[cfg(unix)]
        drop(self.socket.take());
        self.hub.end();
        drop(self.http.take());
        // Nothing is ever sent: it ends, or the time is over.
        let idle = self.idle.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = idle.recv_timeout(FAREWELL);
    }
}
