//! The Unix socket: whoever may open it hears every event from then on, one JSON line each.

use std::fs;
use std::io::{self, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TrySendError, sync_channel};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with};

use super::channels::Busy;
use super::hub::{Begin, Hub, Kind, QUEUE, Refused, Told, Unheard};
use crate::counter::StartError;
use crate::say;

/// The owner and the group of the counter.
const MODE: u32 = 0o660;
/// How often it is looked whether a till that is told nothing is still there.
const LOOK: Duration = Duration::from_secs(1);
/// A pause where the system has no room for a connection.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(200);

/// The socket; its file is removed when it is dropped, and nobody waits there any more where the hub has ended before.
pub(super) struct Socket {
    listener: Arc<UnixListener>,
    path: PathBuf,
    /// Device and number of the file, by which it is known again.
    identity: (u64, u64),
}

impl Socket {
    /// Makes the socket and serves it on threads of its own.
    pub(super) fn open(path: &Path, hub: &Arc<Hub>, busy: &Busy) -> Result<Self, StartError> {
        let fault = |fault: String| StartError::File {
            path: path.to_owned(),
            fault,
        };
        make_room(path).map_err(fault)?;
        let listener = bound(path).map_err(|error| fault(format!("cannot listen there: {error}")))?;
        let listener = Arc::new(listener);
        let file = fs::symlink_metadata(path).map_err(|error| fault(error.to_string()))?;
        let (waiting, hub, busy) = (Arc::clone(&listener), Arc::clone(hub), busy.clone());
        std::thread::spawn(move || {
            accept(&waiting, &hub, &busy);
            drop((waiting, hub));
            // Last: who waits for that may look at the others.
            drop(busy);
        });
        Ok(Self {
            listener,
            path: path.to_owned(),
            identity: (file.dev(), file.ino()),
        })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Another program's file, put there since, stays.
        let is_ours =
            fs::symlink_metadata(&self.path).is_ok_and(|file| (file.dev(), file.ino()) == self.identity);
        if is_ours && let Err(error) = fs::remove_file(&self.path) {
            say(&format!(
                "warning: the till's socket {} stays: {error}",
                self.path.display()
            ));
        }
        // Ends the wait for tills. Where a system does not know that, the end takes a moment longer.
        let _ = rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both);
    }
}

/// Removes a socket that a program left behind; leaves everything else alone.
fn make_room(path: &Path) -> Result<(), String> {
    let file = match fs::symlink_metadata(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    if !file.file_type().is_socket() {
        return Err("what is there is no socket, and is left alone".to_owned());
    }
    match UnixStream::connect(path) {
        Ok(_) => Err("another program listens there".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| format!("the socket left there cannot be removed: {error}"))
        }
        Err(error) => Err(format!("who listens there cannot be told: {error}")),
    }
}

/// The listener. Its mode is set before it listens, so that nobody comes in whom the mode keeps out.
fn bound(path: &Path) -> io::Result<UnixListener> {
    let flags = SocketFlags::empty();
    #[cfg(target_os = "linux")]
    let flags = flags | SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    fs::set_permissions(path, fs::Permissions::from_mode(MODE))?;
    listen(&socket, 16)?;
    Ok(UnixListener::from(socket))
}

/// Takes tills until the hub has ended.
fn accept(listener: &UnixListener, hub: &Arc<Hub>, busy: &Busy) {
    let mut is_full = false;
    loop {
        let Ok((stream, _)) = listener.accept() else {
            if hub.is_over() {
                return;
            }
            std::thread::sleep(NO_ROOM_PAUSE);
            continue;
        };
        match serve(stream, hub, busy) {
            Ok(()) => is_full = false,
            Err(Refused::Full) => {
                if !is_full {
                    say(&format!(
                        "warning: {} tills are on the socket already; no more are let in",
                        Kind::Socket.most()
                    ));
                }
                is_full = true;
            }
            Err(Refused::Over) => return,
        }
    }
}

/// Has one till told from a thread of its own.
fn serve(stream: UnixStream, hub: &Arc<Hub>, busy: &Busy) -> Result<(), Refused> {
    let Ok(ending) = stream.try_clone() else {
        return Ok(());
    };
    let (sender, receiver) = sync_channel::<Arc<Told>>(QUEUE);
    let sink = Box::new(move |told: &Arc<Told>| {
        sender.try_send(Arc::clone(told)).map_err(|error| match error {
            TrySendError::Full(_) => {
                // Ends the write that the thread hangs in.
                let _ = ending.shutdown(Shutdown::Both);
                Unheard::Slow
            }
            TrySendError::Disconnected(_) => Unheard::Gone,
        })
    });
    let place = hub.listen(Kind::Socket, Begin::Now, sink)?;
    let (hub, busy) = (Arc::clone(hub), busy.clone());
    std::thread::spawn(move || {
        // An end that the till makes is nothing to speak of.
        let _ = write_all(&stream, &receiver);
        hub.leave(place);
        drop(hub);
        drop(busy);
    });
    Ok(())
}

/// Until there is nothing more to tell, or the till is gone.
fn write_all(mut stream: &UnixStream, events: &Receiver<Arc<Told>>) -> io::Result<()> {
    loop {
        match events.recv_timeout(LOOK) {
            Ok(told) => stream.write_all(format!("{}\n", told.line).as_bytes())?,
            Err(RecvTimeoutError::Timeout) if is_gone(stream)? => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// Whether the other side has closed. One that has only said that it sends nothing still listens.
fn is_gone(stream: &UnixStream) -> io::Result<bool> {
    let mut look = [PollFd::new(stream, PollFlags::empty())];
    poll(
        &mut look,
        Some(&Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        }),
    )?;
    Ok(look[0].revents().intersects(PollFlags::HUP | PollFlags::ERR))
}
