//! The loopback framing: TCP, each message behind its length as a big-endian u32.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::desk::Carrier;

/// A reader's message; requests are small.
const MAX_FRAME: usize = 1024 * 1024;
/// How long a reader may be silent.
const PATIENCE: Duration = Duration::from_secs(300);

/// A connection of a reader.
pub(crate) struct Loopback(TcpStream);

impl Loopback {
    /// The first frame is the text of the engagement.
    pub(crate) fn greet(stream: TcpStream, uri: &str) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let mut loopback = Self(stream);
        loopback.send(uri.as_bytes())?;
        Ok(loopback)
    }
}

impl Carrier for Loopback {
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let length = u32::try_from(message.len()).map_err(io::Error::other)?;
        self.0.write_all(&[&length.to_be_bytes(), message].concat())
    }

    fn receive(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut head = [0; 4];
        match self.0.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let length = usize::try_from(u32::from_be_bytes(head)).map_err(io::Error::other)?;
        if length > MAX_FRAME {
            return Err(io::Error::other("a frame over the limit"));
        }
        let mut frame = vec![0; length];
        self.0.read_exact(&mut frame)?;
        Ok(Some(frame))
    }
}
