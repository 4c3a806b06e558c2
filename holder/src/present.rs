//! `holder present`: the loopback framing, one session after the other.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use holder::credential::Credential;
use holder::fault::Fault;
use holder::hooks::Hooks;
use holder::issuer::{DAY, Issuer, IssuerOptions, Terms};
use holder::keys::SigningKey;
use holder::phone::{self, Engaged, PhoneError};
use holder::wallet::{DeviceAuth, HeldDocument, requested_documents, respond};
use mdoc::crypto::{Curve, HashAlgorithm};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::json;

use crate::{Present, known_credentials, pki, say};

/// A reader's message; requests are small.
const MAX_FRAME: usize = 1024 * 1024;
/// How long a reader may be silent.
const PATIENCE: Duration = Duration::from_secs(300);
const PORTRAIT_BYTES: usize = 25_000;

/// Runs the command.
pub(crate) fn run(arguments: &Present) -> Result<(), String> {
    let fault = match &arguments.fault {
        None => None,
        Some(name) => {
            Some(Fault::by_name(name).ok_or_else(|| format!("there is no fault {name}; see --help"))?)
        }
    };
    let credentials = arguments
        .credential
        .iter()
        .map(|name| {
            Credential::by_name(name, Some(PORTRAIT_BYTES))
                .ok_or_else(|| format!("there is no credential {name}; there are {}", known_credentials()))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let options = match &arguments.pki {
        Some(directory) => {
            pki::make(directory)?;
            pki::load(directory)?
        }
        None => {
            say("without --pki the issuer is a fresh one that no reader trusts");
            pki::fresh()
        }
    };
    let listener =
        TcpListener::bind(&arguments.listen).map_err(|error| format!("{}: {error}", arguments.listen))?;
    loop {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| error.to_string())?;
        let mut random = ChaCha20Rng::from_seed(seed);
        let phone = Phone::new(&credentials, &options, fault, &mut random);
        let engaged = Engaged::new(&mut random);
        announce(&listener, &engaged, arguments.qr).map_err(|error| error.to_string())?;
        let (stream, _) = listener.accept().map_err(|error| error.to_string())?;
        if let Err(error) = answer(stream, &engaged, &phone, arguments.auth == "mac") {
            say(&format!("the session ended: {error}"));
        }
        if !arguments.repeat {
            return Ok(());
        }
    }
}

fn announce(listener: &TcpListener, engaged: &Engaged, qr: bool) -> io::Result<()> {
    let uri = engaged.uri();
    if qr && let Ok(code) = qrcode::QrCode::new(&uri) {
        let drawn = code
            .render::<qrcode::render::unicode::Dense1x2>()
            .quiet_zone(true)
            .build();
        writeln!(io::stderr().lock(), "{drawn}")?;
    }
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{}",
        json!({ "listening": listener.local_addr()?.to_string(), "engagement": uri })
    )?;
    out.flush()
}

/// What the phone holds, issued for one session.
struct Phone {
    held: Vec<HeldDocument>,
    hooks: Hooks,
}

impl Phone {
    fn new(
        credentials: &[Credential],
        options: &IssuerOptions,
        fault: Option<Fault>,
        random: &mut ChaCha20Rng,
    ) -> Self {
        let mut hooks = Hooks::default();
        if let Some(fault) = fault {
            fault.apply(&mut hooks);
        }
        let mut options = options.clone();
        if fault == Some(Fault::Untrusted) {
            options.seed ^= 1;
        }
        let issuer = Issuer::new(&options, &Hooks::default());
        let now = jiff::Timestamp::now().as_second();
        let valid_until = if fault == Some(Fault::Expired) {
            now - 60
        } else {
            now + 20 * DAY
        };
        let terms = Terms {
            signed: now - 3600,
            valid_from: now - 3600,
            valid_until,
            digest_algorithm: HashAlgorithm::Sha256,
            key_authorizations: None,
            status: None,
        };
        let held = credentials
            .iter()
            .map(|credential| {
                let mut device_key = SigningKey::generate(Curve::P256, random);
                let document = issuer.issue(credential, device_key.cose_key(), &terms, random, &hooks);
                if fault == Some(Fault::WrongHolder) {
                    device_key = SigningKey::generate(Curve::P256, random);
                }
                HeldDocument { document, device_key }
            })
            .collect();
        Self { held, hooks }
    }
}

/// Frame 1 is the engagement, frame 2 comes from the reader, then messages in turn.
fn answer(mut stream: TcpStream, engaged: &Engaged, phone: &Phone, mac: bool) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    send(&mut stream, engaged.uri().as_bytes())?;
    let Some(establishment) = receive(&mut stream)? else {
        return Ok(());
    };
    let (mut session, request) = match engaged.establish(&establishment) {
        Ok(established) => established,
        Err(PhoneError::Decryption) => return send(&mut stream, &phone::status(10)),
        Err(PhoneError::Decoding) => return send(&mut stream, &phone::status(11)),
    };
    let Some(request) = requested_documents(&request) else {
        return send(&mut stream, &phone::status(11));
    };
    for document in &request {
        say(&format!("asked for {}", document.doc_type));
    }
    let auth = if mac {
        DeviceAuth::Mac(session.reader_key.clone())
    } else {
        DeviceAuth::Signature
    };
    let response = respond(
        &phone.held,
        &request,
        &session.session_transcript,
        &auth,
        &phone.hooks,
    );
    let message = session.seal(&response);
    send(&mut stream, &message)?;
    // Until the reader ends the session, or is gone.
    while receive(&mut stream)?.is_some_and(|message| message != phone::status(20)) {}
    Ok(())
}

fn send(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u32::try_from(message.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), message].concat())
}

/// The next frame; none at the end of the connection.
fn receive(stream: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut head = [0; 4];
    match stream.read_exact(&mut head) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = usize::try_from(u32::from_be_bytes(head)).map_err(io::Error::other)?;
    if length > MAX_FRAME {
        return Err(io::Error::other("a frame over the limit"));
    }
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame)?;
    Ok(Some(frame))
}
