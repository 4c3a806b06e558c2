//! The loopback transport: TCP, each message behind its length as a big-endian u32.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use mdoc::engagement::DeviceEngagement;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::transport::{Connector, LinkError, Received, Transport};

/// A message of more bytes is a response under way; a shorter one, such as a status, comes at once.
const SHORT: usize = 256;

/// A connection to a phone.
pub(crate) struct Loopback {
    stream: TcpStream,
    max_frame: usize,
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

    /// The text of an address that may be one; what it leads to is seen when it is used.
    pub(crate) fn checked(connect: &str) -> Result<String, String> {
        let place = connect
            .strip_prefix("tcp://")
            .and_then(|place| place.rsplit_once(':'));
        match place {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(connect.to_owned()),
            _ => Err("must be tcp://HOST:PORT".to_owned()),
        }
    }

    /// Connects.
    pub(crate) fn connect(address: &SocketAddr, timeout: Duration, max_frame: usize) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(address, timeout.max(Duration::from_millis(1)))?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(timeout.max(Duration::from_secs(1))))?;
        Ok(Self { stream, max_frame })
    }

    /// The text of the engagement, which is the phone's first frame.
    pub(crate) fn engagement(&mut self, deadline: Instant) -> Result<DeviceEngagement, Failure> {
        let frame = match self.receive(deadline, &mut || Some(deadline)) {
            Ok(Received::Message(frame)) => frame,
            Ok(Received::Deadline) => return Err(Failure::Silence),
            Ok(Received::End | Received::Stopped) | Err(_) => return Err(Failure::Connect),
        };
        core::str::from_utf8(&frame)
            .ok()
            .and_then(|uri| DeviceEngagement::from_uri(uri).ok())
            .ok_or(Failure::Engagement)
    }

    fn read_message(
        &mut self,
        deadline: Instant,
        begun: &mut dyn FnMut() -> Option<Instant>,
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
        let mut message = Zeroizing::new(vec![0; length]);
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

impl Transport for Loopback {
    fn send(&mut self, message: &[u8], _deadline: Instant) -> Result<(), LinkError> {
        let length = u32::try_from(message.len()).map_err(|_| LinkError::LOST)?;
        self.stream
            .write_all(&[&length.to_be_bytes(), message].concat())
            .map_err(|_| LinkError::LOST)
    }

    fn receive(
        &mut self,
        deadline: Instant,
        begun: &mut dyn FnMut() -> Option<Instant>,
    ) -> Result<Received, LinkError> {
        self.read_message(deadline, begun).map_err(|_| LinkError::LOST)
    }

    fn finish(&mut self, last: Option<&[u8]>) {
        if let Some(last) = last {
            let _ = self.send(last, Instant::now());
        }
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }
}

/// A connection that is there already: the engagement came over it.
pub(crate) struct Connected(pub(crate) Option<Loopback>);

impl Connector for Connected {
    fn connect(&mut self, _: &DeviceEngagement, _: Instant) -> Result<Box<dyn Transport>, Failure> {
        match self.0.take() {
            Some(connection) => Ok(Box::new(connection)),
            None => Err(Failure::Connect),
        }
    }
}

/// Connects in the place of Bluetooth, to a phone whose engagement came by another way.
pub(crate) struct Instead {
    pub(crate) address: SocketAddr,
    pub(crate) max_frame: usize,
}

impl Connector for Instead {
    fn connect(&mut self, _: &DeviceEngagement, deadline: Instant) -> Result<Box<dyn Transport>, Failure> {
        let left = deadline.saturating_duration_since(Instant::now());
        let connection = Loopback::connect(&self.address, left, self.max_frame);
        let mut connection = connection.map_err(|_| Failure::Connect)?;
        // It greets with an engagement, which is known.
        connection.engagement(deadline)?;
        Ok(Box::new(connection))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_scheme_a_host_and_a_port() {
        for sound in ["tcp://127.0.0.1:4000", "tcp://[::1]:4000", "tcp://bridge:65535"] {
            assert_eq!(Loopback::checked(sound).as_deref(), Ok(sound));
        }
        for text in [
            "",
            "127.0.0.1:4000",
            "http://127.0.0.1:4000",
            "tcp://127.0.0.1",
            "tcp://:4000",
            "tcp://127.0.0.1:",
            "tcp://127.0.0.1:65536",
        ] {
            assert_eq!(
                Loopback::checked(text),
                Err("must be tcp://HOST:PORT".to_owned()),
                "{text}"
            );
        }
    }
}
