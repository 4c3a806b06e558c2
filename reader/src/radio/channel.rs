//! An L2CAP channel to a phone (18013-5 second edition): messages behind their lengths, no GATT.

use std::pin::Pin;
use std::time::Duration;

use bluer::l2cap::{Socket, SocketAddr, Stream as L2capStream};
use bluer::{Adapter, Device, DeviceEvent, DeviceProperty};
use futures_util::{Stream, StreamExt as _};
use mdoc::session::link::Outgoing;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};

use super::system::Radio;
use super::worker::{Gone, Incoming};

/// How long a channel may take to open before GATT is taken instead.
const OPEN: Duration = Duration::from_secs(3);
/// The dynamic channels of LE (Bluetooth Core Specification, Vol 3 Part A, 4.22).
const DYNAMIC: core::ops::RangeInclusive<u16> = 0x80..=0xff;
const BUFFER: usize = 4096;

/// A connection by a channel.
pub(super) struct Channel {
    pub(super) radio: Radio,
    device: Device,
    events: Option<Pin<Box<dyn Stream<Item = DeviceEvent> + Send>>>,
    stream: L2capStream,
    buffer: Vec<u8>,
}

/// The PSM in the value of a phone's L2CAP characteristic: four bytes, big-endian.
pub(super) fn psm(value: &[u8]) -> Option<u16> {
    let bytes: [u8; 4] = value.try_into().ok()?;
    u16::try_from(u32::from_be_bytes(bytes)).ok()
}

/// Opens the channel to a device that is connected, over the adapter by which it is; none where it does not come up.
pub(super) async fn open(adapter: &Adapter, device: &Device, psm: u16) -> Option<L2capStream> {
    if !DYNAMIC.contains(&psm) {
        tracing::info!("the phone names a channel outside the dynamic range");
        return None;
    }
    let connect = async {
        let socket = Socket::<L2capStream>::new_stream().ok()?;
        // The kernel would otherwise take any adapter, and connect to the phone a second time.
        let own = SocketAddr::new(
            adapter.address().await.ok()?,
            adapter.address_type().await.ok()?,
            0,
        );
        socket.bind(own).ok()?;
        let address = SocketAddr::new(device.address(), device.address_type().await.ok()?, psm);
        let stream = socket.connect(address).await.ok()?;
        // The call may return before the channel is up.
        while stream.as_ref().send_mtu().is_err() {
            sleep(Duration::from_millis(10)).await;
        }
        Some(stream)
    };
    let stream = timeout(OPEN, connect).await.ok().flatten();
    if stream.is_none() {
        tracing::info!("the phone's L2CAP channel does not open; GATT is used");
    }
    stream
}

impl Channel {
    pub(super) async fn new(radio: Radio, device: Device, stream: L2capStream) -> Self {
        Self {
            events: match device.events().await {
                Ok(events) => Some(Box::pin(events)),
                Err(_) => None,
            },
            radio,
            device,
            stream,
            buffer: vec![0; BUFFER],
        }
    }

    pub(super) async fn transmit(&mut self, outgoing: &Outgoing) -> Result<(), Gone> {
        match outgoing {
            Outgoing::State(_) => Ok(()),
            Outgoing::Part(bytes) => self.stream.write_all(bytes).await.map_err(|_| Gone),
        }
    }

    pub(super) async fn next(&mut self) -> Incoming {
        let disconnected = async {
            match &mut self.events {
                Some(events) => loop {
                    match events.next().await {
                        Some(DeviceEvent::PropertyChanged(DeviceProperty::Connected(false))) | None => return,
                        Some(_) => {}
                    }
                },
                None => core::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            read = self.stream.read(&mut self.buffer) => match read {
                Ok(count) if count > 0 => Incoming::Bytes(self.buffer[..count].to_vec()),
                _ => Incoming::Gone,
            },
            () = disconnected => Incoming::Gone,
        }
    }

    pub(super) async fn close(mut self) -> Option<bluer::Address> {
        let address = self.device.address();
        let _ = self.stream.shutdown().await;
        drop(self.stream);
        // Disconnects too. Nothing of the phone stays with the system.
        let _ = self.radio.adapter.remove_device(address).await;
        Some(address)
    }
}

#[cfg(test)]
mod tests {
    use super::psm;

    #[test]
    fn a_psm_is_four_bytes() {
        assert_eq!(psm(&[0, 0, 0, 0x80]), Some(0x80));
        assert_eq!(psm(&[0, 1, 0, 0]), None);
        assert_eq!(psm(&[0, 0x80]), None);
        assert_eq!(psm(&[0, 0, 0, 0, 0x80]), None);
    }
}
