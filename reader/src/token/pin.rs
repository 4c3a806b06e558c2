//! The PIN of a token: from a file or an environment variable, read when the token asks for it and kept nowhere.

use std::path::PathBuf;

use cryptoki::types::AuthPin;
use operator::OperatorError;
use zeroize::Zeroizing;

use crate::say;
use crate::token_fault::TokenFault;

/// Bytes of a PIN with the end of its line.
const MAX_PIN: u64 = 512;

/// Where a PIN is.
#[derive(Clone, Debug)]
pub(super) enum PinSource {
    File(PathBuf),
    Variable(String),
}

impl PinSource {
    /// The PIN, without the end of its line.
    pub(super) fn read(&self) -> Result<AuthPin, TokenFault> {
        let unreadable = |fault: String| TokenFault::PinUnreadable {
            from: match self {
                Self::File(path) => path.display().to_string(),
                Self::Variable(name) => format!("the environment variable {name}"),
            },
            fault,
        };
        let text = match self {
            Self::File(path) => {
                let bytes = operator::read_file(path, MAX_PIN).map(Zeroizing::new);
                let bytes = bytes.map_err(|error| {
                    unreadable(match error {
                        // The sentence names the file already.
                        OperatorError::Read { error, .. } => error.to_string(),
                        OperatorError::TooLarge { limit, .. } => format!("more than {limit} bytes"),
                        error => error.to_string(),
                    })
                })?;
                let text = std::str::from_utf8(&bytes);
                Zeroizing::new(
                    text.map_err(|_| unreadable("no text in UTF-8".to_owned()))?
                        .to_owned(),
                )
            }
            Self::Variable(name) => {
                // The text of the error may hold the value.
                let value = std::env::var(name);
                Zeroizing::new(value.map_err(|_| unreadable("not set, or no text in UTF-8".to_owned()))?)
            }
        };
        let pin = text.strip_suffix('\n').unwrap_or(&text);
        let pin = pin.strip_suffix('\r').unwrap_or(pin);
        if pin.is_empty() || pin.contains(['\n', '\0']) {
            return Err(unreadable("one line with the PIN is asked for".to_owned()));
        }
        // Of its exact length, so that no copy is left behind when it goes into the box that is wiped.
        Ok(AuthPin::from(pin.to_owned()))
    }

    /// Says so where others may read the PIN.
    pub(super) fn warn_of_others(&self) {
        if let Self::File(path) = self
            && crate::certificate::others_may_read(path)
        {
            say(&format!(
                "warning: others may read the PIN in {}; take that right away (chmod 600)",
                path.display()
            ));
        }
    }
}
