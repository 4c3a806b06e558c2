//! From the module to a key that is ready to sign: the token, the PIN, the key. Each step fails in its own way.

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use mdoc::crypto::{Curve, PublicKey};
use rand_core::Rng as _;

use super::pin::PinSource;
use super::uri::TokenUri;
use crate::token_fault::{TokenFault, TriesLeft};

/// Bytes of the identifier of a key that a token makes here.
const KEY_ID_BYTES: usize = 20;

/// Whether a key was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    New,
    Found,
}

/// An initialised module; finalised when it goes, with which its sessions end.
struct Module(Pkcs11);

impl Drop for Module {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = self.0.clone().finalize();
    }
}

/// A session in which the user is logged in, and the key.
pub(super) struct Token {
    session: Session,
    key: ObjectHandle,
    slot: Slot,
    serial: String,
    /// Goes last.
    module: Module,
}

impl Token {
    pub(super) fn open(
        library: &Pkcs11,
        uri: &TokenUri,
        pin: Option<&PinSource>,
    ) -> Result<Self, TokenFault> {
        let place = LoggedIn::new(library, uri, pin, Access::Read)?;
        let key = place.private_key(uri)?;
        place.check(key)?;
        Ok(place.with_key(key))
    }

    /// Whether it is still the token that was opened.
    pub(super) fn is_there(&self) -> bool {
        let same = |info: TokenInfo| info.serial_number() == self.serial;
        self.session.get_session_info().is_ok() && self.module.0.get_token_info(self.slot).is_ok_and(same)
    }

    /// `r || s` over a hash.
    pub(super) fn sign(&self, hash: &[u8]) -> Result<Vec<u8>, TokenFault> {
        self.session
            .sign(&Mechanism::Ecdsa, self.key, hash)
            .map_err(|error| fault(&error))
    }
}

/// The key that the URI names, made where there is none, with its public half.
pub(super) fn find_or_make(
    library: &Pkcs11,
    uri: &TokenUri,
    pin: Option<&PinSource>,
    curve: Curve,
) -> Result<(Token, PublicKey, Made), TokenFault> {
    let place = LoggedIn::new(library, uri, pin, Access::Write)?;
    let (key, made) = match place.private_key(uri) {
        Err(TokenFault::NoKey(_)) => (place.make_key(uri, curve)?, Made::New),
        found => (found?, Made::Found),
    };
    place.check(key)?;
    let public_key = place.public_key(key)?;
    Ok((place.with_key(key), public_key, made))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

/// A token to whose private keys there is access.
struct LoggedIn {
    session: Session,
    slot: Slot,
    serial: String,
    module: Module,
}

impl LoggedIn {
    fn new(
        library: &Pkcs11,
        uri: &TokenUri,
        pin: Option<&PinSource>,
        access: Access,
    ) -> Result<Self, TokenFault> {
        let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        library
            .initialize(arguments)
            .map_err(|error| TokenFault::Module {
                path: uri.module_path.clone(),
                fault: module_words(&error),
            })?;
        let module = Module(library.clone());
        let (slot, info) = find_token(&module.0, uri)?;
        // Sessions end with the module: a token that is gone takes no notice of their closing.
        let session = match access {
            Access::Read => module.0.open_ro_session_no_drop(slot),
            Access::Write => module.0.open_rw_session_no_drop(slot),
        };
        let session = session.map_err(|error| fault(&error))?;
        log_in(&module.0, &session, slot, &info, pin)?;
        Ok(Self {
            session,
            slot,
            serial: info.serial_number().to_owned(),
            module,
        })
    }

    fn with_key(self, key: ObjectHandle) -> Token {
        Token {
            session: self.session,
            key,
            slot: self.slot,
            serial: self.serial,
            module: self.module,
        }
    }

    /// The one private key that the URI names.
    fn private_key(&self, uri: &TokenUri) -> Result<ObjectHandle, TokenFault> {
        let class = Attribute::Class(ObjectClass::PRIVATE_KEY);
        let mut wanted = vec![class.clone()];
        wanted.extend(
            uri.object
                .iter()
                .map(|object| Attribute::Label(object.as_bytes().to_vec())),
        );
        wanted.extend(uri.id.iter().map(|id| Attribute::Id(id.clone())));
        match self.find(&wanted)?.as_slice() {
            [key] => Ok(*key),
            [] => {
                let others = self.find(&[class])?;
                Err(TokenFault::NoKey(
                    others.into_iter().map(|key| self.label(key)).collect(),
                ))
            }
            several => Err(TokenFault::SeveralKeys(several.len())),
        }
    }

    /// Whether the key can sign here.
    fn check(&self, key: ObjectHandle) -> Result<(), TokenFault> {
        self.has(MechanismType::ECDSA, "CKM_ECDSA")?;
        // One by one: a token that knows one of them not at all refuses the whole question.
        if self
            .attribute(key, AttributeType::KeyType)
            .is_some_and(|kind| kind != Attribute::KeyType(KeyType::EC))
        {
            return Err(TokenFault::NoEcKey);
        }
        if self.attribute(key, AttributeType::AlwaysAuthenticate) == Some(Attribute::AlwaysAuthenticate(true))
        {
            return Err(TokenFault::AsksEachTime);
        }
        Ok(())
    }

    /// The public half, which stands in the token under the same identifier or, without one, the same label.
    fn public_key(&self, key: ObjectHandle) -> Result<PublicKey, TokenFault> {
        let same = [AttributeType::Id, AttributeType::Label]
            .into_iter()
            .filter_map(|kind| self.attribute(key, kind))
            .find(|attribute| !matches!(attribute, Attribute::Id(value) | Attribute::Label(value) if value.is_empty()));
        let same = same.ok_or(TokenFault::NoPublicKey)?;
        let found = self.find(&[Attribute::Class(ObjectClass::PUBLIC_KEY), same])?;
        let [public] = found.as_slice() else {
            return Err(TokenFault::NoPublicKey);
        };
        let (Some(Attribute::EcParams(parameters)), Some(Attribute::EcPoint(point))) = (
            self.attribute(*public, AttributeType::EcParams),
            self.attribute(*public, AttributeType::EcPoint),
        ) else {
            return Err(TokenFault::NoPublicKey);
        };
        PublicKey::from_ec_parameters(&parameters, &point).map_err(|_| TokenFault::NoPublicKey)
    }

    /// A new key that cannot be taken out of the token.
    fn make_key(&self, uri: &TokenUri, curve: Curve) -> Result<ObjectHandle, TokenFault> {
        self.has(MechanismType::ECC_KEY_PAIR_GEN, "CKM_EC_KEY_PAIR_GEN")?;
        let parameters = curve
            .ec_parameters()
            .ok_or_else(|| TokenFault::Curve(curve.name()))?;
        let id = uri.id.clone().unwrap_or_else(|| {
            // The operating system's source; where it fails there is nothing to go on with.
            let mut id = vec![0; KEY_ID_BYTES];
            rand_core::UnwrapErr(getrandom::SysRng).fill_bytes(&mut id);
            id
        });
        let label = uri.object.clone().unwrap_or_default().into_bytes();
        let both = [Attribute::Token(true), Attribute::Id(id), Attribute::Label(label)];
        let public = [
            Attribute::Private(false),
            Attribute::Verify(true),
            Attribute::EcParams(parameters),
        ];
        let private = [
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
        ];
        let made = self.session.generate_key_pair(
            &Mechanism::EccKeyPairGen,
            &[&both[..], &public].concat(),
            &[&both[..], &private].concat(),
        );
        made.map(|(_, key)| key).map_err(|error| fault(&error))
    }

    fn has(&self, mechanism: MechanismType, name: &'static str) -> Result<(), TokenFault> {
        match self.module.0.get_mechanism_info(self.slot, mechanism) {
            Ok(_) => Ok(()),
            Err(Error::Pkcs11(RvError::MechanismInvalid, _)) => Err(TokenFault::Mechanism(name)),
            Err(error) => Err(fault(&error)),
        }
    }

    fn find(&self, wanted: &[Attribute]) -> Result<Vec<ObjectHandle>, TokenFault> {
        self.session.find_objects(wanted).map_err(|error| fault(&error))
    }

    fn attribute(&self, object: ObjectHandle, kind: AttributeType) -> Option<Attribute> {
        self.session.get_attributes(object, &[kind]).ok()?.pop()
    }

    fn label(&self, object: ObjectHandle) -> String {
        match self.attribute(object, AttributeType::Label) {
            Some(Attribute::Label(label)) => String::from_utf8_lossy(&label).into_owned(),
            _ => String::new(),
        }
    }
}

/// The one token that the URI names.
fn find_token(module: &Pkcs11, uri: &TokenUri) -> Result<(Slot, TokenInfo), TokenFault> {
    let slots = module.get_slots_with_token().map_err(|error| fault(&error))?;
    let mut others = Vec::new();
    let mut found = Vec::new();
    for slot in slots {
        // A token may be pulled out between two calls, and one that is not set up holds no key.
        let Ok(info) = module.get_token_info(slot) else {
            continue;
        };
        if !info.token_initialized() {
            continue;
        }
        let fits = |wanted: &Option<String>, seen: &str| {
            wanted
                .as_deref()
                .is_none_or(|wanted| wanted.trim_end() == seen.trim_end())
        };
        if fits(&uri.token, info.label())
            && fits(&uri.manufacturer, info.manufacturer_id())
            && fits(&uri.serial, info.serial_number())
            && fits(&uri.model, info.model())
            && uri.slot_id.is_none_or(|id| id == slot.id())
        {
            found.push((slot, info));
        } else {
            others.push(info.label().trim_end().to_owned());
        }
    }
    match found.len() {
        0 => Err(TokenFault::NoToken(others)),
        1 => found.pop().ok_or(TokenFault::Gone),
        several => Err(TokenFault::SeveralTokens(several)),
    }
}

/// One try with the PIN, and none where it would be the last.
fn log_in(
    module: &Pkcs11,
    session: &Session,
    slot: Slot,
    info: &TokenInfo,
    pin: Option<&PinSource>,
) -> Result<(), TokenFault> {
    if !info.login_required() {
        return Ok(());
    }
    match tries_left(info) {
        TriesLeft::None => return Err(TokenFault::PinLocked),
        TriesLeft::One => return Err(TokenFault::PinLastTry),
        TriesLeft::Fewer | TriesLeft::Unknown => {}
    }
    if !info.user_pin_initialized() {
        return Err(TokenFault::PinNotSet);
    }
    let pin = match pin {
        Some(pin) => Some(pin.read()?),
        // The token has a keypad of its own.
        None if info.protected_authentication_path() => None,
        None => return Err(TokenFault::NoPin),
    };
    match session.login(UserType::User, pin.as_ref()) {
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _)) => {
            let tries = module
                .get_token_info(slot)
                .map_or(TriesLeft::Unknown, |info| tries_left(&info));
            Err(TokenFault::PinWrong(tries))
        }
        Err(Error::Pkcs11(RvError::PinLocked, _)) => Err(TokenFault::PinLocked),
        Err(Error::Pkcs11(RvError::PinExpired | RvError::UserPinNotInitialized, _)) => {
            Err(TokenFault::PinNotSet)
        }
        Err(error) => Err(fault(&error)),
    }
}

fn tries_left(info: &TokenInfo) -> TriesLeft {
    if info.user_pin_locked() {
        TriesLeft::None
    } else if info.user_pin_final_try() {
        TriesLeft::One
    } else if info.user_pin_count_low() {
        TriesLeft::Fewer
    } else {
        TriesLeft::Unknown
    }
}

/// What the module answered, as a fault of the token.
fn fault(error: &Error) -> TokenFault {
    let Error::Pkcs11(code, _) = error else {
        return TokenFault::Failed(words(error));
    };
    match code {
        RvError::DeviceRemoved
        | RvError::TokenNotPresent
        | RvError::TokenNotRecognized
        | RvError::SlotIdInvalid
        | RvError::SessionClosed
        | RvError::SessionHandleInvalid
        | RvError::KeyHandleInvalid
        | RvError::ObjectHandleInvalid
        | RvError::CryptokiNotInitialized => TokenFault::Gone,
        RvError::MechanismInvalid => TokenFault::Mechanism("the mechanism that is asked of it"),
        RvError::CurveNotSupported => TokenFault::Mechanism("the curve that is asked of it"),
        _ => TokenFault::Failed(words(error)),
    }
}

/// The module's answer by its name and the function that gave it.
fn words(error: &Error) -> String {
    match error {
        Error::Pkcs11(code, function) => format!("{code:?} in C_{function:?}"),
        error => error.to_string(),
    }
}

/// Why a library is no module, or none that starts.
pub(super) fn module_words(error: &Error) -> String {
    match error {
        Error::LibraryLoading(error) => error.to_string(),
        Error::MissingSymbol(_) => "it is a library, and no PKCS#11 module".to_owned(),
        error => words(error),
    }
}
