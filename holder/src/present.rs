//! `holder present`: issues, announces the engagement, and answers one reader after the other.

use std::io::{self, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use holder::credential::Credential;
use holder::fault::Fault;
use holder::hooks::Hooks;
use holder::issuer::{DAY, Issuer, IssuerOptions, Terms};
use holder::keys::SigningKey;
use holder::link_fault::LinkFault;
use holder::nfc_fault::NfcFault;
use holder::phone::{BleOffer, Engaged, Session};
use holder::wallet::{DeviceAuth, HeldDocument, RequestedDocument, respond};
use mdoc::crypto::{Curve, HashAlgorithm};
use rand_chacha::ChaCha20Rng;
use rand_core::Rng as _;
use rand_core::SeedableRng;
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::loopback::Loopback;
use crate::near::{Elsewhere, Near};
use crate::{Failed, Present, Transport, known_credentials, pki, say};

/// Runs the command.
pub(crate) fn run(arguments: &Present) -> Result<(), Failed> {
    let link_fault = arguments.fault.as_deref().and_then(LinkFault::by_name);
    let nfc_fault = arguments.fault.as_deref().and_then(NfcFault::by_name);
    let fault = match &arguments.fault {
        Some(name) if link_fault.is_none() && nfc_fault.is_none() => {
            Some(Fault::by_name(name).ok_or_else(|| format!("there is no fault {name}; see --help"))?)
        }
        _ => None,
    };
    let near = Near::check(arguments, nfc_fault)?;
    let radio = Radio::of(arguments, link_fault)?;
    let credentials = arguments
        .credential
        .iter()
        .map(|name| {
            Credential::by_name(name, Some(arguments.portrait_bytes))
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
    let listener = match (&radio, near) {
        (Some(_), _) | (None, Some(_)) if !arguments.bridge => None,
        _ => Some(TcpListener::bind(listen).map_err(|error| format!("{}: {error}", arguments.listen))?),
    };
    loop {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| error.to_string())?;
        let mut random = ChaCha20Rng::from_seed(seed);
        let mut phone = Phone::new(&credentials, &options, fault, device_curve, mac, &mut random);
        phone.ends_by_status = link_fault == Some(LinkFault::EndByStatus);
        let engaged = Engaged::new(curve, &mut random)
            .ok_or_else(|| format!("no key agreement on {} in this build", arguments.curve))?;
        let desk = Desk {
            phone: &phone,
            authority: authority.as_deref(),
            require_reader_auth: arguments.require_reader_auth,
            consent_after: Duration::from_millis(arguments.consent_after),
        };
        let ended = match (&radio, &listener) {
            _ if let Some(near) = near => near.present(
                engaged,
                &desk,
                match (&listener, &radio) {
                    (Some(listener), _) => Some(Elsewhere::Bridge(listener)),
                    (None, Some(radio)) => Some(Elsewhere::Air(radio)),
                    (None, None) => None,
                },
                fresh_uuid(&mut random),
                arguments,
            )?,
            (Some(radio), None) => over_the_air(radio, engaged, &desk, &mut random, arguments.qr)?,
            (_, Some(listener)) => {
                let (engaged, told) = match &radio {
                    Some(radio) => radio.offered(engaged, &mut random),
                    None => (engaged, json!({})),
                };
                announce(Some(listener), &engaged, told, arguments.qr).map_err(|error| error.to_string())?;
                let (stream, _) = listener.accept().map_err(|error| error.to_string())?;
                Loopback::greet(stream, &engaged.uri())
                    .and_then(|mut loopback| desk.answer(&mut loopback, &engaged))
            }
            (None, None) => Ok(()),
        };
        if let Err(error) = ended {
            say(&format!("the session ended: {error}"));
        }
        if !arguments.repeat || is_interrupted() {
            return Ok(());
        }
    }
}

/// How the phone offers Bluetooth LE.
#[cfg_attr(
    not(all(feature = "bluetooth", target_os = "linux")),
    expect(
        dead_code,
        reason = "only a phone with Bluetooth looks at its adapters and faults"
    )
)]
#[derive(Clone)]
pub(crate) struct Radio {
    pub(crate) peripheral: bool,
    pub(crate) central: bool,
    pub(crate) l2cap: bool,
    /// The channel is named in the GATT service and not in the engagement.
    pub(crate) psm_in_gatt: bool,
    pub(crate) adapter: Option<String>,
    pub(crate) second_adapter: Option<String>,
    pub(crate) fault: Option<LinkFault>,
}

/// The channel on which the phone listens, of the dynamic ones.
pub(crate) const PSM: u16 = 0x81;

impl Radio {
    /// None over the loopback alone.
    fn of(arguments: &Present, fault: Option<LinkFault>) -> Result<Option<Self>, String> {
        let has = |transport| arguments.transport.contains(&transport);
        let (peripheral, central, l2cap) = (
            has(Transport::BlePeripheral),
            has(Transport::BleCentral),
            has(Transport::L2cap),
        );
        if arguments.near.nfc.is_some() && (arguments.bridge || !(peripheral || central || l2cap)) {
            // The handover offers it, or nothing does.
            return match fault {
                None | Some(LinkFault::EndByStatus) => Ok(None),
                Some(fault) => Err(format!("the fault {} does not go with --nfc", fault.name())),
            };
        }
        if !(peripheral || central || l2cap) {
            return match (fault, arguments.bridge) {
                (Some(LinkFault::EndByStatus), false) | (None, false) => Ok(None),
                (Some(fault), _) => Err(format!("the fault {} needs --transport ble-…", fault.name())),
                (None, true) => Err("--bridge needs --transport ble-…".to_owned()),
            };
        }
        if has(Transport::Tcp) {
            return Err("tcp does not go with the other transports".to_owned());
        }
        if let Some(fault) = fault.filter(|fault| arguments.bridge && *fault != LinkFault::EndByStatus) {
            return Err(format!(
                "the fault {} is one of the link, which is another program's",
                fault.name()
            ));
        }
        if let Some(fault) = fault.filter(|fault| fault.needs_client() && (!central || peripheral || l2cap)) {
            return Err(format!(
                "the fault {} needs --transport ble-central alone",
                fault.name()
            ));
        }
        if fault == Some(LinkFault::SecondCentral) && arguments.second_adapter.is_none() {
            return Err("the fault second-central needs --second-adapter".to_owned());
        }
        if let Some(fault) = fault.filter(|fault| fault.needs_channel() && !l2cap) {
            return Err(format!("the fault {} needs --transport l2cap", fault.name()));
        }
        if arguments.psm_in_gatt && !l2cap {
            return Err("--psm-in-gatt needs --transport l2cap".to_owned());
        }
        if let Some(fault) = fault.filter(|fault| l2cap && fault.needs_gatt()) {
            return Err(format!(
                "the fault {} is one of GATT: not with l2cap",
                fault.name()
            ));
        }
        Ok(Some(Self {
            peripheral: peripheral || l2cap,
            central,
            l2cap,
            psm_in_gatt: arguments.psm_in_gatt,
            adapter: arguments.adapter.clone(),
            second_adapter: arguments.second_adapter.clone(),
            fault,
        }))
    }

    /// The engagement with this offer under a fresh service UUID, and what is announced of it.
    fn offered(&self, engaged: Engaged, random: &mut ChaCha20Rng) -> (Engaged, Value) {
        let uuid = fresh_uuid(random);
        let offer = BleOffer {
            peripheral_server: self.peripheral.then_some(uuid),
            central_client: self.central.then_some(uuid),
            l2cap_psm: (self.l2cap && !self.psm_in_gatt).then_some(PSM),
        };
        let names = [
            (self.peripheral && !self.l2cap, "ble-peripheral"),
            (self.central, "ble-central"),
            (self.l2cap, "l2cap"),
        ];
        let names: Vec<&str> = names
            .iter()
            .filter(|(has, _)| *has)
            .map(|(_, name)| *name)
            .collect();
        let told = json!({ "uuid": uuid_text(&uuid), "transport": names });
        (engaged.with_ble(&offer), told)
    }
}

/// A random UUID (version 4, variant 1).
fn fresh_uuid(random: &mut ChaCha20Rng) -> [u8; 16] {
    let mut uuid = [0; 16];
    random.fill_bytes(&mut uuid);
    uuid[6] = uuid[6] & 0x0f | 0x40;
    uuid[8] = uuid[8] & 0x3f | 0x80;
    uuid
}

pub(crate) fn uuid_text(uuid: &[u8; 16]) -> String {
    let hex: String = uuid.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn over_the_air(
    radio: &Radio,
    engaged: Engaged,
    desk: &Desk<'_>,
    random: &mut ChaCha20Rng,
    qr: bool,
) -> Result<io::Result<()>, Failed> {
    let (engaged, told) = radio.offered(engaged, random);
    let uuid = told["uuid"].as_str().unwrap_or_default().to_owned();
    converse_over_the_air(radio, &uuid, &engaged, desk, || {
        announce(None, &engaged, told, qr)
    })
}

/// One session over Bluetooth; `ready` is called when a reader can find the phone.
#[cfg(all(feature = "bluetooth", target_os = "linux"))]
pub(crate) fn converse_over_the_air(
    radio: &Radio,
    uuid: &str,
    engaged: &Engaged,
    desk: &Desk<'_>,
    ready: impl FnOnce() -> io::Result<()>,
) -> Result<io::Result<()>, Failed> {
    let mut air = crate::air::Air::open(radio, uuid, engaged.ident()).map_err(Failed::unavailable)?;
    ready().map_err(|error| error.to_string())?;
    let ended = desk.answer(&mut air, engaged);
    air.close().map_err(Failed::unavailable)?;
    Ok(ended)
}

#[cfg(not(all(feature = "bluetooth", target_os = "linux")))]
pub(crate) fn converse_over_the_air(
    _: &Radio,
    _: &str,
    _: &Engaged,
    _: &Desk<'_>,
    _: impl FnOnce() -> io::Result<()>,
) -> Result<io::Result<()>, Failed> {
    let words = "this holder was built without Bluetooth; build it with --features bluetooth (on Linux)";
    Err(words.to_owned().into())
}

/// Whether the program was told to end; without Bluetooth it ends at once when it is.
fn is_interrupted() -> bool {
    #[cfg(all(feature = "bluetooth", target_os = "linux"))]
    return crate::air::is_interrupted();
    #[cfg(not(all(feature = "bluetooth", target_os = "linux")))]
    false
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

/// The first line on standard output: where to reach the phone, and what its code says.
fn announce(listener: Option<&TcpListener>, engaged: &Engaged, told: Value, qr: bool) -> io::Result<()> {
    let uri = engaged.uri();
    if qr && let Ok(code) = qrcode::QrCode::new(&uri) {
        let drawn = code
            .render::<qrcode::render::unicode::Dense1x2>()
            .quiet_zone(true)
            .build();
        writeln!(io::stderr().lock(), "{drawn}")?;
    }
    let mut line = json!({});
    if let Some(listener) = listener {
        line["listening"] = listener.local_addr()?.to_string().into();
    }
    line["engagement"] = uri.into();
    if let (Some(line), Value::Object(told)) = (line.as_object_mut(), told) {
        line.extend(told);
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// What the phone holds, issued for one session.
pub(crate) struct Phone {
    held: Vec<HeldDocument>,
    hooks: Hooks,
    pub(crate) fault: Option<Fault>,
    mac: bool,
    /// The response brings the status that ends the session.
    pub(crate) ends_by_status: bool,
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
            ends_by_status: false,
        }
    }

    /// The response to a request, with whatever it gets wrong.
    pub(crate) fn respond(&self, mut request: Vec<RequestedDocument>, session: &Session) -> Vec<u8> {
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

#[cfg(test)]
mod tests {
    use mdoc::engagement::{DeviceEngagement, RetrievalMethod};

    use super::*;

    #[test]
    fn what_is_offered_stands_in_the_engagement() {
        for (peripheral, central, l2cap) in [
            (true, false, false),
            (false, true, false),
            (true, true, false),
            (true, false, true),
        ] {
            let radio = Radio {
                peripheral,
                central,
                l2cap,
                psm_in_gatt: false,
                adapter: None,
                second_adapter: None,
                fault: None,
            };
            let mut random = ChaCha20Rng::from_seed([7; 32]);
            let engaged = Engaged::new(Curve::P256, &mut random).unwrap();
            let (engaged, told) = radio.offered(engaged, &mut random);
            let engagement = DeviceEngagement::from_uri(&engaged.uri()).unwrap();
            let [RetrievalMethod::Ble(ble)] = engagement.retrieval_methods() else {
                panic!("{engagement:?}");
            };
            let server = ble.peripheral_server;
            assert_eq!(
                (server.is_some(), ble.central_client.is_some()),
                (peripheral, central)
            );
            assert_eq!(server.and_then(|server| server.l2cap_psm), l2cap.then_some(PSM));
            let uuid = server
                .map(|server| server.uuid)
                .or_else(|| ble.central_client.map(|client| client.uuid));
            assert_eq!(told["uuid"], uuid_text(&uuid.unwrap()));
            // The reader's code finds the same.
            assert_eq!(engaged.ident(), mdoc::session::ble::ident(&engagement));
        }
    }

    #[test]
    fn a_uuid_in_text() {
        let uuid = core::array::from_fn(|index| u8::try_from(index).unwrap());
        assert_eq!(uuid_text(&uuid), "00010203-0405-0607-0809-0a0b0c0d0e0f");
    }
}
