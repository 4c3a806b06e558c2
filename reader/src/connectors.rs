//! What reaches phones, by the flags and by what this build has.

use crate::arguments;
use crate::counter::{Counter, StartError};
use crate::loopback::{Instead, Loopback};
#[cfg(feature = "nfc")]
use crate::nfc::Nearby;
#[cfg(feature = "bluetooth")]
use crate::radio::Bluetooth;
use crate::transport::{Connector, Stop};

/// For phones whose codes are scanned and, with --nfc, those that are held to a reader.
pub(crate) fn connector(
    serve: &arguments::Serve,
    counter: &Counter,
    stop: &Stop,
) -> Result<Box<dyn Connector>, StartError> {
    let (radio, instead) = (&serve.radio, serve.connect.as_deref());
    if !serve.near.nfc {
        return seen_connector(radio, instead, counter, stop);
    }
    #[cfg(feature = "nfc")]
    return Ok(Box::new(nearby(radio, &serve.near, instead, counter, stop)?));
    #[cfg(not(feature = "nfc"))]
    Err(without_nfc())
}

/// For phones that are held to a reader. `instead` is where a program listens that stands for Bluetooth.
#[cfg(feature = "nfc")]
pub(crate) fn nearby(
    radio: &arguments::Radio,
    near: &arguments::Near,
    instead: Option<&str>,
    counter: &Counter,
    stop: &Stop,
) -> Result<Nearby, StartError> {
    let connector = match instead {
        Some(address) => Some(loopback(address, counter)?),
        // A build without Bluetooth transfers over NFC, or not at all.
        None if cfg!(feature = "bluetooth") => Some(radio_connector(radio, counter, stop)?),
        None => None,
    };
    Ok(Nearby::new(near, radio.ble, counter, connector, stop.clone()))
}

/// This build has no NFC.
pub(crate) fn without_nfc() -> StartError {
    StartError::Argument("this reader was built without NFC; build it with --features nfc".to_owned())
}

/// For phones whose codes are read. `instead` is as above.
pub(crate) fn seen_connector(
    radio: &arguments::Radio,
    instead: Option<&str>,
    counter: &Counter,
    stop: &Stop,
) -> Result<Box<dyn Connector>, StartError> {
    match instead {
        Some(address) => loopback(address, counter),
        None => radio_connector(radio, counter, stop),
    }
}

fn loopback(address: &str, counter: &Counter) -> Result<Box<dyn Connector>, StartError> {
    let address = Loopback::address(address).map_err(StartError::Argument)?;
    let max_frame = counter.settings.max_message_len;
    Ok(Box::new(Instead { address, max_frame }))
}

/// What reaches phones over Bluetooth.
#[cfg(feature = "bluetooth")]
#[expect(
    clippy::unnecessary_wraps,
    reason = "a build without Bluetooth has none to give"
)]
pub(crate) fn radio_connector(
    radio: &arguments::Radio,
    counter: &Counter,
    stop: &Stop,
) -> Result<Box<dyn Connector>, StartError> {
    Ok(Box::new(Bluetooth::new(radio, counter, stop.clone())))
}

/// This build has no Bluetooth.
#[cfg(not(feature = "bluetooth"))]
pub(crate) fn radio_connector(
    _: &arguments::Radio,
    _: &Counter,
    _: &Stop,
) -> Result<Box<dyn Connector>, StartError> {
    Err(StartError::Argument(
        "this reader was built without Bluetooth; build it with --features bluetooth".to_owned(),
    ))
}
