//! The reader's key in a PKCS#11 token. The key never leaves it: what is to be signed is hashed here, and the token signs
//! the hash (`CKM_ECDSA`). Whatever it answers is verified before it goes anywhere.

mod open;
mod pin;
mod uri;
mod worker;

use std::cell::RefCell;

use cryptoki::context::Pkcs11;
use mdoc::crypto::{PublicKey, SignError, SignatureAlgorithm, Signer};

use crate::counter::StartError;
use crate::token_fault::TokenFault;
pub(crate) use open::Made;
use open::Token;
use pin::PinSource;
use uri::TokenUri;
use worker::{PATIENCE, START_PATIENCE, Sign, Worker};

/// What is signed to see whether a key belongs to a certificate. No text of the standard begins so.
const TRIAL: &[u8] = b"reader: does this key belong to the certificate?";

/// Where the key is and how it is reached.
pub(crate) struct TokenPlace {
    uri: TokenUri,
    pin: Option<PinSource>,
}

impl TokenPlace {
    /// Reads what the flags say. `pin_variable` names an environment variable.
    pub(crate) fn new(uri: &str, pin_variable: Option<&str>) -> Result<Self, StartError> {
        let uri = TokenUri::parse(uri).map_err(|error| StartError::Argument(format!("--pkcs11 {error}")))?;
        let pin = match (pin_variable, &uri.pin_source) {
            (Some(_), Some(_)) => {
                let words = "the PIN comes from pin-source in the URI or from --pin-env, not from both";
                return Err(StartError::Argument(words.to_owned()));
            }
            (Some(name), None) if name.is_empty() || name.contains(['=', '\0']) => {
                let words = "--pin-env takes the name of an environment variable";
                return Err(StartError::Argument(words.to_owned()));
            }
            (Some(name), None) => Some(PinSource::Variable(name.to_owned())),
            (None, Some(path)) => Some(PinSource::File(path.clone())),
            (None, None) => None,
        };
        Ok(Self { uri, pin })
    }

    fn load_module(&self) -> Result<Pkcs11, TokenFault> {
        if let Some(pin) = &self.pin {
            pin.warn_of_others();
        }
        let path = &self.uri.module_path;
        Pkcs11::new(path).map_err(|error| TokenFault::Module {
            path: path.clone(),
            fault: open::module_words(&error),
        })
    }
}

/// A key in a token that signs as the reader. A token that is plugged in again is opened anew for the next signature.
pub(crate) struct TokenKey {
    public_key: PublicKey,
    algorithm: SignatureAlgorithm,
    worker: Worker,
    /// Why the last signature was not made.
    fault: RefCell<Option<TokenFault>>,
}

impl TokenKey {
    /// Opens the token and has it sign once, so that a key of another certificate is known before a phone is asked.
    pub(crate) fn open(place: TokenPlace, public_key: &PublicKey) -> Result<Self, TokenFault> {
        let public_key = public_key.clone();
        let (key, _) = Self::start(move || {
            let module = place.load_module()?;
            Ok((Desk::new(place, module, public_key, State::Closed)?, Made::Found))
        })?;
        Ok(key)
    }

    /// Opens the token for the key that the URI names, or has the token make that key where there is none.
    pub(crate) fn find_or_make(
        place: TokenPlace,
        curve: mdoc::crypto::Curve,
    ) -> Result<(Self, Made), TokenFault> {
        Self::start(move || {
            let module = place.load_module()?;
            let (token, public_key, made) =
                open::find_or_make(&module, &place.uri, place.pin.as_ref(), curve)?;
            Ok((Desk::new(place, module, public_key, State::Open(token))?, made))
        })
    }

    fn start(
        begin: impl FnOnce() -> Result<(Desk, Made), TokenFault> + Send + 'static,
    ) -> Result<(Self, Made), TokenFault> {
        let begin = move || {
            let (mut desk, made) = begin()?;
            desk.signature(TRIAL)?;
            let (public_key, algorithm) = (desk.public_key.clone(), desk.algorithm);
            let sign: Sign = Box::new(move |message| desk.signature(message));
            Ok((sign, (public_key, algorithm, made)))
        };
        let (worker, (public_key, algorithm, made)) = Worker::start(begin, START_PATIENCE, PATIENCE)?;
        let key = Self {
            public_key,
            algorithm,
            worker,
            fault: RefCell::new(None),
        };
        Ok((key, made))
    }

    /// Why the last signature was not made; told once.
    pub(crate) fn take_fault(&self) -> Option<TokenFault> {
        self.fault.take()
    }
}

impl Signer for TokenKey {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.worker.sign(message).map_err(|fault| {
            let words = SignError(fault.to_string());
            self.fault.replace(Some(fault));
            words
        })
    }
}

/// The side of the worker: the module, and the token as far as it is open.
struct Desk {
    place: TokenPlace,
    /// Stays loaded: not every module bears to be loaded twice.
    module: Pkcs11,
    public_key: PublicKey,
    algorithm: SignatureAlgorithm,
    state: State,
}

enum State {
    Closed,
    Open(Token),
    /// The PIN was refused, or must not be tried: nothing is tried again before the program is started again, because every
    /// wrong try brings the token nearer to its lock.
    Refused(TokenFault),
}

impl Desk {
    fn new(
        place: TokenPlace,
        module: Pkcs11,
        public_key: PublicKey,
        state: State,
    ) -> Result<Self, TokenFault> {
        let curve = public_key.curve();
        let algorithm = SignatureAlgorithm::of_curve(curve).filter(|_| curve.is_ec2());
        Ok(Self {
            place,
            module,
            public_key,
            algorithm: algorithm.ok_or_else(|| TokenFault::Curve(curve.name()))?,
            state,
        })
    }

    fn signature(&mut self, message: &[u8]) -> Result<Vec<u8>, TokenFault> {
        let result = self.sign(message);
        match &result {
            Err(
                refused @ (TokenFault::PinWrong(_)
                | TokenFault::PinLastTry
                | TokenFault::PinLocked
                | TokenFault::PinNotSet),
            ) => self.state = State::Refused(refused.clone()),
            // Whatever went wrong: the next signature begins from the start.
            Err(_) => self.state = State::Closed,
            Ok(_) => {}
        }
        result
    }

    fn sign(&mut self, message: &[u8]) -> Result<Vec<u8>, TokenFault> {
        if let State::Open(token) = &self.state
            && !token.is_there()
        {
            self.state = State::Closed;
        }
        if let State::Closed = self.state {
            let token = Token::open(&self.module, &self.place.uri, self.place.pin.as_ref())?;
            self.state = State::Open(token);
        }
        let token = match &self.state {
            State::Open(token) => token,
            State::Refused(fault) => return Err(fault.clone()),
            State::Closed => return Err(TokenFault::Gone),
        };
        let hash = self.algorithm.hash();
        let signature = token.sign(hash.digest(&[message]).as_bytes())?;
        match self.public_key.verify(hash, &[message], &signature) {
            Ok(()) => Ok(signature),
            Err(_) => Err(TokenFault::OtherKey),
        }
    }
}
