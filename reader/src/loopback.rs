//! The loopback transport: TCP, each message behind its length as a big-endian u32. It moves whole
//! messages and knows nothing of what is in them.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

/// A message of more bytes is a response under way; a shorter one, such as a status, comes at once.
const SHORT: usize = 256;

/// A connection to a phone.
pub(crate) struct Loopback {
    stream: TcpStream,
    max_frame: usize,
}

/// What came, or did not.
pub(crate) enum Received {
    /// A whole message.
    Message(Vec<u8>),
    /// The connection ended between two messages.
    End,
    /// The deadline passed.
    Deadline,
}

impl Loopback {
    /// The address of `tcp://HOST:PORT`.
    pub(crate) fn address(connect: &str) -> Result<SocketAddr, String> {
        let host = connect
            .strip_prefix("tcp://")
            .ok_or("--connect takes tcp://HOST:PORT")?;
        let mut addresses = host
            .to_socket_addrs()
            .map_err(|error| format!("--connect {connect}: {error}"))?;
        addresses
            .next()
            .ok_or_else(|| format!("--connect {connect}: no address"))
    }

    /// Connects.
    pub(crate) fn connect(address: &SocketAddr, timeout: Duration, max_frame: usize) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(address, timeout.max(Duration::from_millis(1)))?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(timeout.max(Duration::from_secs(1))))?;
        Ok(Self { stream, max_frame })
    }

    /// Sends one message.
    pub(crate) fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let length = u32::try_from(message.len()).map_err(io::Error::other)?;
        self.stream.write_all(&[&length.to_be_bytes(), message].concat())
    }

    /// Waits for one message until the deadline, or until the one that `begun` gives when the first
    /// bytes of a long message have come.
    pub(crate) fn receive(
        &mut self,
        deadline: Instant,
        begun: impl FnOnce() -> Option<Instant>,
    ) -> io::Result<Received> {
        let mut head = [0; 4];
        match self.fill(&mut head, deadline)? {
            Filled::Whole => {}
            Filled::Nothing => return Ok(Received::End),
            Filled::Deadline => return Ok(Received::Deadline),
        }
        let length = usize::try_from(u32::from_be_bytes(head)).map_err(io::Error::other)?;
        if length > self.max_frame {
            return Err(io::Error::other("a frame over the limit"));
        }
        let deadline = if length > SHORT { begun() } else { Some(deadline) };
        let Some(deadline) = deadline else {
            return Ok(Received::Deadline);
        };
        let mut message = vec![0; length];
        match self.fill(&mut message, deadline)? {
            Filled::Whole => Ok(Received::Message(message)),
            Filled::Nothing => Err(io::ErrorKind::UnexpectedEof.into()),
            Filled::Deadline => Ok(Received::Deadline),
        }
    }

    fn fill(&mut self, buffer: &mut [u8], deadline: Instant) -> io::Result<Filled> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Filled::Deadline);
            }
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(rest) {
                Ok(0) if filled == 0 => return Ok(Filled::Nothing),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Filled::Whole)
    }
}

enum Filled {
    Whole,
    Nothing,
    Deadline,
}

/// Sockets report a read timeout as either.
fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
