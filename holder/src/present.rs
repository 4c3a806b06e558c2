//! `holder present`: the loopback framing, one session after the other.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use holder::credential::Credential;
use holder::fault::Fault;
use holder::hooks::Hooks;
use holder::issuer::{DAY, Issuer, IssuerOptions, Terms};
use holder::keys::SigningKey;
use holder::phone::{self, Engaged, Message, PhoneError, Session};
use holder::reader_auth::{self, Reader};
use holder::wallet::{DeviceAuth, HeldDocument, RequestedDocument, requested_documents, respond};
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
    let mut credentials = credentials;
    if fault == Some(Fault::WrongDocument) {
        // Something else than what is asked for, most likely.
        let other = if arguments.credential.iter().any(|name| name == "photo-id") {
            "mdl"
        } else {
            "photo-id"
        };
        credentials.extend(Credential::by_name(other, None));
    }
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
    let curve = Curve::from_name(&arguments.curve)
        .filter(|curve| *curve != Curve::Ed25519)
        .ok_or_else(|| format!("there is no curve {} for a session", arguments.curve))?;
    let mac = arguments.auth == "mac";
    let device_curve = device_curve(curve, mac)?;
    let authority = arguments.pki.as_deref().and_then(pki::reader_authority);
    // A port alone is one of this machine.
    let listen = match arguments.listen.parse::<u16>() {
        Ok(port) => format!("127.0.0.1:{port}"),
        Err(_) => arguments.listen.clone(),
    };
    let listener = TcpListener::bind(listen).map_err(|error| format!("{}: {error}", arguments.listen))?;
    loop {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| error.to_string())?;
        let mut random = ChaCha20Rng::from_seed(seed);
        let phone = Phone::new(&credentials, &options, fault, device_curve, mac, &mut random);
        let engaged = Engaged::new(curve, &mut random)
            .ok_or_else(|| format!("no key agreement on {} in this build", arguments.curve))?;
        announce(&listener, &engaged, arguments.qr).map_err(|error| error.to_string())?;
        let (stream, _) = listener.accept().map_err(|error| error.to_string())?;
        let desk = Desk {
            phone: &phone,
            authority: authority.as_deref(),
            require_reader_auth: arguments.require_reader_auth,
        };
        if let Err(error) = desk.answer(stream, &engaged) {
            say(&format!("the session ended: {error}"));
        }
        if !arguments.repeat {
            return Ok(());
        }
    }
}

/// A MAC needs the device key on the curve of the session (ISO/IEC 18013-5 §9.1.3.5).
fn device_curve(session: Curve, mac: bool) -> Result<Curve, String> {
    match session {
        Curve::P256 | Curve::P384 | Curve::P521 | Curve::BrainpoolP256r1 | Curve::BrainpoolP384r1 if mac => {
            Ok(session)
        }
        _ if mac => Err(format!(
            "no device key on {} here: use --auth signature",
            session.name()
        )),
        _ => Ok(Curve::P256),
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
    fault: Option<Fault>,
    mac: bool,
}

impl Phone {
    fn new(
        credentials: &[Credential],
        options: &IssuerOptions,
        fault: Option<Fault>,
        device_curve: Curve,
        mac: bool,
        random: &mut ChaCha20Rng,
    ) -> Self {
        let mut hooks = Hooks::default();
        let mut options = options.clone();
        if fault == Some(Fault::Untrusted) {
            options.seed ^= 1;
        }
        let issuer = Issuer::new(&options, &Hooks::default());
        if let Some(fault) = fault {
            fault.apply(&mut hooks, &issuer);
        }
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
                let mut device_key = SigningKey::generate(device_curve, random);
                let document = issuer.issue(credential, device_key.cose_key(), &terms, random, &hooks);
                if fault == Some(Fault::WrongHolder) {
                    device_key = SigningKey::generate(device_curve, random);
                }
                HeldDocument { document, device_key }
            })
            .collect();
        Self {
            held,
            hooks,
            fault,
            mac,
        }
    }

    /// The response to a request, with whatever it gets wrong.
    fn respond(&self, mut request: Vec<RequestedDocument>, session: &Session) -> Vec<u8> {
        match self.fault {
            Some(Fault::ExtraElement) => {
                for asked in &mut request {
                    add_element(asked, &self.held);
                }
            }
            Some(Fault::WrongDocument) => request = self.held.last().map(whole).into_iter().collect(),
            _ => {}
        }
        let mut transcript = session.session_transcript.clone();
        if self.fault == Some(Fault::Replayed) {
            // The transcript of another session: of another key.
            let last = transcript.len() - 2;
            transcript[last] ^= 1;
        }
        let auth = if self.mac {
            DeviceAuth::Mac(session.reader_key.clone())
        } else {
            DeviceAuth::Signature
        };
        respond(&self.held, &request, &transcript, &auth, &self.hooks)
    }
}

/// Adds an element that is held and was not asked for. Statements of age answer for each other and are
/// none of those.
fn add_element(asked: &mut RequestedDocument, held: &[HeldDocument]) {
    let held = held.iter().find(|held| held.document.doc_type == asked.doc_type);
    for (name_space, items) in held.into_iter().flat_map(|held| &held.document.name_spaces) {
        let Some((_, elements)) = asked.name_spaces.iter_mut().find(|(name, _)| name == name_space) else {
            continue;
        };
        let mut names = items.iter().map(|(name, _)| (*name).to_owned());
        let new = names.find(|name| !name.starts_with("age_") && !elements.contains(name));
        elements.extend(new);
    }
}

/// A request for a document that is held, whatever was asked.
fn whole(held: &HeldDocument) -> RequestedDocument {
    let name_spaces = held.document.name_spaces.iter().map(|(name, items)| {
        let first = items.first().map(|(element, _)| (*element).to_owned());
        ((*name).to_owned(), first.into_iter().collect())
    });
    RequestedDocument {
        doc_type: held.document.doc_type.to_owned(),
        name_spaces: name_spaces.collect(),
    }
}

/// Where a phone answers one reader.
struct Desk<'p> {
    phone: &'p Phone,
    authority: Option<&'p [u8]>,
    require_reader_auth: bool,
}

impl Desk<'_> {
    /// Frame 1 is the engagement, frame 2 comes from the reader, then messages in turn.
    fn answer(&self, mut stream: TcpStream, engaged: &Engaged) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        send(&mut stream, engaged.uri().as_bytes())?;
        let Some(establishment) = receive(&mut stream)? else {
            return Ok(());
        };
        let (mut session, mut request) = match engaged.establish(&establishment) {
            Ok(established) => established,
            Err(error) => return refuse(&mut stream, error),
        };
        loop {
            let Some(asked) = requested_documents(&request) else {
                return refuse(&mut stream, PhoneError::Decoding);
            };
            for document in &asked {
                say(&format!("asked for {}", document.doc_type));
            }
            let reader = reader_auth::judge(&request, &session.session_transcript, self.authority);
            say(&match &reader {
                Reader::Anonymous => "the reader does not say whose it is".to_owned(),
                Reader::Known(name) => format!("the reader is {name}"),
                Reader::Unknown(name) => {
                    format!("the reader says that it is {name}; nobody trusted vouches for it")
                }
                Reader::Bad(fault) => format!("the reader's authentication is bad: {fault}"),
            });
            if self.require_reader_auth && !matches!(reader, Reader::Known(_)) {
                return send(&mut stream, &phone::status(20));
            }
            let response = self.phone.respond(asked, &session);
            let Some(message) = misbehave(self.phone.fault, &mut session, &response, &mut stream)? else {
                return Ok(());
            };
            send(&mut stream, &message)?;
            let Some(next) = receive(&mut stream)? else {
                return Ok(());
            };
            match session.receive(&next) {
                Ok(Message::Request(again)) => request = again,
                Ok(Message::Status(_)) => return Ok(()),
                Err(error) => return refuse(&mut stream, error),
            }
        }
    }
}

fn refuse(stream: &mut TcpStream, error: PhoneError) -> io::Result<()> {
    say(&error.to_string());
    send(
        stream,
        &phone::status(match error {
            PhoneError::Decryption => 10,
            PhoneError::Decoding => 11,
        }),
    )
}

/// The message with the response, or what a phone with this fault sends; none where it sends nothing.
fn misbehave(
    fault: Option<Fault>,
    session: &mut Session,
    response: &[u8],
    stream: &mut TcpStream,
) -> io::Result<Option<Vec<u8>>> {
    Ok(match fault {
        Some(Fault::BadTag) => {
            let mut data = session.encrypt(response);
            if let Some(last) = data.last_mut() {
                *last ^= 1;
            }
            Some(phone::session_data(data))
        }
        Some(Fault::WrongCounter) => {
            session.encrypt(response);
            Some(session.seal(response))
        }
        Some(Fault::Reflected) => Some(phone::session_data(session.first_data.clone())),
        Some(Fault::Plaintext) => Some(phone::session_data(response.to_vec())),
        Some(Fault::Status10) => Some(phone::status(10)),
        Some(Fault::Status11) => Some(phone::status(11)),
        Some(Fault::Garbage) => Some(b"this is no session message".to_vec()),
        Some(Fault::EarlyClose) => None,
        Some(Fault::Silent) => {
            // Until the reader has had enough.
            while receive(stream)?.is_some() {}
            None
        }
        _ => Some(session.seal(response)),
    })
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
