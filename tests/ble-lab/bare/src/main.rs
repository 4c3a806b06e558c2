//! The least that moves bytes over GATT in the shape of an mdoc's service, in both roles: what the programs are
//! measured against, and what the behaviour of BlueZ is found out with.
//!
//! A part is a prefix (1 more, 0 last), its number and the count of parts (both 16 bits, big-endian), then filler. The
//! client sends N parts, the server says what arrived and sends as many back, the client says what arrived. Each says
//! it in one line of JSON on standard output. One thread: on several, bluer starts the handlers of writes out of order.

use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::timeout;
use uuid::Uuid;

mod client;
mod server;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const SERVICE: Uuid = Uuid::from_u128(0x11112222_3333_4444_5555_666677778888);
/// State, Client2Server and Server2Client of the mdoc's service.
const STATE: Uuid = Uuid::from_u128(0x00000001_A123_48CE_896B_4C76973373E6);
const CLIENT2SERVER: Uuid = Uuid::from_u128(0x00000002_A123_48CE_896B_4C76973373E6);
const SERVER2CLIENT: Uuid = Uuid::from_u128(0x00000003_A123_48CE_896B_4C76973373E6);

/// No part for so long: what is missing will not come.
const IDLE: Duration = Duration::from_secs(2);
/// Before parts are sent: the system is then done with what came before, and only these are measured.
const REST: Duration = Duration::from_millis(300);
const HEADER: usize = 5;

/// How values pass between this program and bluetoothd.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Way {
    /// Through a socket: AcquireWrite, AcquireNotify.
    Socket,
    /// Through D-Bus: WriteValue, PropertiesChanged of Value.
    Bus,
}

#[derive(Parser)]
enum Arguments {
    /// GATT server: advertises, receives, sends back, until it is killed.
    Server {
        #[arg(long)]
        adapter: String,
        #[arg(long, value_enum, default_value = "bus")]
        writes: Way,
        #[arg(long, value_enum, default_value = "socket")]
        notifications: Way,
        /// Advertising interval in milliseconds.
        #[arg(long)]
        interval: Option<u64>,
        /// Waits so many microseconds after each part.
        #[arg(long, default_value_t = 0)]
        pause: u64,
    },
    /// GATT client: one exchange.
    Client {
        #[arg(long)]
        adapter: String,
        #[arg(long, value_enum, default_value = "socket")]
        writes: Way,
        #[arg(long, value_enum, default_value = "socket")]
        notifications: Way,
        /// How many bytes each way.
        #[arg(long, default_value_t = 40_000)]
        bytes: usize,
        /// Size of a value; otherwise what the ATT_MTU gives, at most 512.
        #[arg(long)]
        value: Option<usize>,
        #[arg(long, default_value_t = 0)]
        pause: u64,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    match Arguments::parse() {
        Arguments::Server {
            adapter,
            writes,
            notifications,
            interval,
            pause,
        } => {
            let interval = interval.map(Duration::from_millis);
            server::run(
                &adapter,
                writes,
                notifications,
                interval,
                Duration::from_micros(pause),
            )
            .await
        }
        Arguments::Client {
            adapter,
            writes,
            notifications,
            bytes,
            value,
            pause,
        } => {
            let work = client::run(
                &adapter,
                writes,
                notifications,
                bytes,
                value,
                Duration::from_micros(pause),
            );
            timeout(Duration::from_secs(60), work).await?
        }
    }
}

/// `count` parts of `size` bytes.
fn parts(count: usize, size: usize) -> impl Iterator<Item = Vec<u8>> {
    (0..count).map(move |number| {
        let mut part = vec![u8::from(number + 1 < count)];
        part.extend_from_slice(&u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes());
        part.extend_from_slice(&u16::try_from(count).unwrap_or(u16::MAX).to_be_bytes());
        part.resize(size.max(HEADER), 0x5a);
        part
    })
}

/// bluer takes 5 from the ATT_MTU before it tells it.
const TAKEN_OFF: usize = 5;

/// What came of one run of parts.
#[derive(Default)]
struct Arrived {
    received: usize,
    count: usize,
    size: usize,
    /// Parts that came after one with a greater number.
    reordered: usize,
    next: usize,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Arrived {
    fn add(&mut self, part: &[u8]) {
        let &[_, n1, n0, c1, c0, ..] = part else { return };
        let number = usize::from(u16::from_be_bytes([n1, n0]));
        self.count = usize::from(u16::from_be_bytes([c1, c0]));
        self.received += 1;
        self.size = self.size.max(part.len());
        if number < self.next {
            self.reordered += 1;
        }
        self.next = self.next.max(number + 1);
        self.first.get_or_insert_with(Instant::now);
        self.last = Some(Instant::now());
    }

    fn complete(&self) -> bool {
        self.count > 0 && self.received >= self.count
    }

    fn line(&self) -> serde_json::Value {
        let seconds = match (self.first, self.last) {
            (Some(first), Some(last)) => (last - first).as_secs_f64(),
            _ => 0.0,
        };
        json!({ "received": self.received, "of": self.count, "value": self.size, "reordered": self.reordered,
            "seconds": seconds })
    }
}

/// Parts from a channel until all are there or no more come; none when the channel ends first.
async fn receive(parts: &mut mpsc::UnboundedReceiver<Vec<u8>>) -> Option<Arrived> {
    let mut arrived = Arrived::default();
    arrived.add(&parts.recv().await?);
    while !arrived.complete() {
        match timeout(IDLE, parts.recv()).await {
            Ok(Some(part)) => arrived.add(&part),
            _ => break,
        }
    }
    Some(arrived)
}
