//! What goes wrong with a token that holds the reader's key: a code for programs, words for people. No PIN is in any of
//! them.

use core::fmt;
use std::path::PathBuf;

/// Names shown of what a token or a module has.
const SHOWN: usize = 8;

/// A fault of a PKCS#11 token, or of what leads to it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(any(feature = "pkcs11", test)),
    expect(dead_code, reason = "only a token fails in these ways")
)]
pub(crate) enum TokenFault {
    /// The module cannot be loaded, or is none.
    Module { path: PathBuf, fault: String },
    /// No token answers to the URI; the labels of those there are.
    NoToken(Vec<String>),
    /// More than one token answers to the URI.
    SeveralTokens(usize),
    /// The token was there and is so no longer.
    Gone,
    /// The token asks for a PIN and none was given.
    NoPin,
    /// The PIN cannot be read; from where, and why.
    PinUnreadable { from: String, fault: String },
    /// The token refuses the PIN.
    PinWrong(TriesLeft),
    /// The token has one try left, which is not spent without a person.
    PinLastTry,
    /// The token is locked.
    PinLocked,
    /// The token has no PIN of a user yet, or one that must be changed first.
    PinNotSet,
    /// No private key answers to the URI; the labels of those there are.
    NoKey(Vec<String>),
    /// More than one private key answers to the URI.
    SeveralKeys(usize),
    /// The public half is not in the token, or not on a curve that is supported.
    NoPublicKey,
    /// The key asks for the PIN before each signature.
    AsksEachTime,
    /// The key is of another kind, such as RSA.
    NoEcKey,
    /// The certificate's key is not one that a token signs with here.
    Curve(&'static str),
    /// The key is not the one in the certificate.
    OtherKey,
    /// The token cannot do this.
    Mechanism(&'static str),
    /// It does not answer.
    Silent,
    /// Anything else, in the module's own terms.
    Failed(String),
}

/// What a token says of the tries that are left; it gives no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(any(feature = "pkcs11", test)),
    expect(dead_code, reason = "only a token has tries")
)]
pub(crate) enum TriesLeft {
    /// It says nothing.
    Unknown,
    /// At least one has been spent.
    Fewer,
    /// One.
    One,
    /// None.
    None,
}

impl TokenFault {
    /// The stable code.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Module { .. } => "token.module",
            Self::NoToken(_) | Self::SeveralTokens(_) | Self::Gone => "token.absent",
            Self::NoPin
            | Self::PinUnreadable { .. }
            | Self::PinWrong(_)
            | Self::PinLastTry
            | Self::PinLocked
            | Self::PinNotSet => "token.pin",
            Self::NoKey(_)
            | Self::SeveralKeys(_)
            | Self::NoPublicKey
            | Self::AsksEachTime
            | Self::NoEcKey
            | Self::Curve(_)
            | Self::OtherKey => "token.key",
            Self::Mechanism(_) => "token.mechanism",
            Self::Silent | Self::Failed(_) => "token.failed",
        }
    }

    /// What to do now.
    pub(crate) const fn next_step(&self) -> &'static str {
        match self {
            Self::Module { .. } => {
                "install the token's PKCS#11 module, and name its file in module-path of the URI"
            }
            Self::NoToken(_) => "plug the token in, or correct token=, serial= or slot-id= in the URI",
            Self::SeveralTokens(_) => "add serial= or slot-id= to the URI, so that it names one token",
            Self::Gone => "plug the token in again; it is opened anew for the next phone",
            Self::NoPin => {
                "put the PIN into a file that only this program may read and name it with pin-source=file:… in the URI, or name an environment variable with --pin-env"
            }
            Self::PinUnreadable { .. } => "correct the file or the variable with the PIN",
            Self::PinWrong(_) => {
                "correct the PIN before this program is started again: every further wrong try brings the token nearer to its lock"
            }
            Self::PinLastTry => {
                "log in to the token once by hand with the right PIN (pkcs11-tool --login), which gives all tries back, and start again"
            }
            Self::PinLocked => "have the token unlocked with its PUK or by its security officer",
            Self::PinNotSet => "set the PIN of the token's user with the token's own tool, and start again",
            Self::NoKey(_) => "correct object= or id= in the URI",
            Self::SeveralKeys(_) => "add id= to the URI, so that it names one key",
            Self::NoPublicKey => {
                "put the public key beside the private one in the token, under the same id, on P-256, P-384 or P-521"
            }
            Self::AsksEachTime => {
                "use a key that asks for its PIN once a session, such as that of slot 9a of a PIV card"
            }
            Self::NoEcKey | Self::Curve(_) => {
                "use a key on P-256, P-384 or P-521 in the token, or a key file"
            }
            Self::OtherKey => {
                "give the certificate that was issued for this key, or the key it was issued for"
            }
            Self::Mechanism(_) => "use a token that has it, or a key file",
            Self::Silent => "touch the token where it waits for that, else plug it in anew",
            Self::Failed(_) => "plug the token in anew, and look into the log of its module",
        }
    }
}

impl fmt::Display for TokenFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Module { path, fault } => {
                write!(f, "the PKCS#11 module {} cannot be used: {fault}", path.display())
            }
            Self::NoToken(others) => {
                f.write_str("the token that the URI names is not there")?;
                listed(f, others, "no other token is there", "there are")
            }
            Self::SeveralTokens(count) => write!(f, "the URI fits {count} tokens"),
            Self::Gone => f.write_str("the token with the reader's key is not there any more"),
            Self::NoPin => f.write_str("the token asks for a PIN and none is given"),
            Self::PinUnreadable { from, fault } => write!(f, "the PIN cannot be read from {from}: {fault}"),
            Self::PinWrong(tries) => {
                f.write_str("the token refuses the PIN, which is not tried again; ")?;
                f.write_str(match tries {
                    TriesLeft::Unknown => "it does not say how many tries are left",
                    TriesLeft::Fewer => "it says that tries have been spent, and not how many are left",
                    TriesLeft::One => "one try is left",
                    TriesLeft::None => "no try is left: the token is locked",
                })
            }
            Self::PinLastTry => {
                f.write_str("the token has one try of the PIN left, and it is not spent without a person")
            }
            Self::PinLocked => f.write_str("the token is locked after too many wrong PINs"),
            Self::PinNotSet => f.write_str("the token has no PIN of its user, or one that must be changed first"),
            Self::NoKey(others) => {
                f.write_str("the token has no private key that the URI names")?;
                listed(f, others, "it has none at all", "it has")
            }
            Self::SeveralKeys(count) => write!(f, "the URI fits {count} private keys of the token"),
            Self::NoPublicKey => {
                f.write_str("the token has no public key that goes with the private one, or not on a curve that is supported")
            }
            Self::AsksEachTime => f.write_str("the key asks for the PIN before each signature"),
            Self::NoEcKey => f.write_str("the key in the token is of another kind than EC"),
            Self::Curve(name) => write!(f, "a key on {name} is not signed with in a token"),
            Self::OtherKey => f.write_str("the key in the token is not the key of the reader's certificate"),
            Self::Mechanism(name) => write!(f, "the token does not have {name}"),
            Self::Silent => f.write_str("the token does not answer"),
            Self::Failed(fault) => write!(f, "the token does not work: {fault}"),
        }
    }
}

impl core::error::Error for TokenFault {}

/// What there is in the place of what was asked for. The names are a stranger's: nothing in them steers a terminal.
fn listed(f: &mut fmt::Formatter<'_>, names: &[String], none: &str, some: &str) -> fmt::Result {
    if names.is_empty() {
        return write!(f, "; {none}");
    }
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("{name:?}")).collect();
    let more = if names.len() > SHOWN { " and more" } else { "" };
    write!(f, "; {some} {}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_a_code_a_sentence_and_a_next_step() {
        let some = |text: &str| text.to_owned();
        let module = TokenFault::Module {
            path: PathBuf::from("m.so"),
            fault: some("x"),
        };
        let unreadable = TokenFault::PinUnreadable {
            from: some("pin"),
            fault: some("x"),
        };
        for (fault, code, words) in [
            (
                module,
                "token.module",
                "the PKCS#11 module m.so cannot be used: x",
            ),
            (
                TokenFault::NoToken(vec![]),
                "token.absent",
                "the token that the URI names is not there; no other token is there",
            ),
            (
                TokenFault::NoToken(vec![some("a\u{1b}[2J"), some("b")]),
                "token.absent",
                "the token that the URI names is not there; there are \"a\\u{1b}[2J\", \"b\"",
            ),
            (
                TokenFault::SeveralTokens(2),
                "token.absent",
                "the URI fits 2 tokens",
            ),
            (
                TokenFault::Gone,
                "token.absent",
                "the token with the reader's key is not there any more",
            ),
            (
                TokenFault::NoPin,
                "token.pin",
                "the token asks for a PIN and none is given",
            ),
            (unreadable, "token.pin", "the PIN cannot be read from pin: x"),
            (
                TokenFault::PinWrong(TriesLeft::One),
                "token.pin",
                "the token refuses the PIN, which is not tried again; one try is left",
            ),
            (
                TokenFault::PinWrong(TriesLeft::Unknown),
                "token.pin",
                "the token refuses the PIN, which is not tried again; it does not say how many tries are left",
            ),
            (
                TokenFault::PinWrong(TriesLeft::Fewer),
                "token.pin",
                "the token refuses the PIN, which is not tried again; it says that tries have been spent, and not how many are left",
            ),
            (
                TokenFault::PinWrong(TriesLeft::None),
                "token.pin",
                "the token refuses the PIN, which is not tried again; no try is left: the token is locked",
            ),
            (
                TokenFault::PinLastTry,
                "token.pin",
                "the token has one try of the PIN left, and it is not spent without a person",
            ),
            (
                TokenFault::PinLocked,
                "token.pin",
                "the token is locked after too many wrong PINs",
            ),
            (
                TokenFault::PinNotSet,
                "token.pin",
                "the token has no PIN of its user, or one that must be changed first",
            ),
            (
                TokenFault::NoKey(vec![some("k"); 9]),
                "token.key",
                "the token has no private key that the URI names; it has \"k\", \"k\", \"k\", \"k\", \"k\", \"k\", \"k\", \"k\" and more",
            ),
            (
                TokenFault::SeveralKeys(2),
                "token.key",
                "the URI fits 2 private keys of the token",
            ),
            (
                TokenFault::NoPublicKey,
                "token.key",
                "the token has no public key that goes with the private one, or not on a curve that is supported",
            ),
            (
                TokenFault::AsksEachTime,
                "token.key",
                "the key asks for the PIN before each signature",
            ),
            (
                TokenFault::NoEcKey,
                "token.key",
                "the key in the token is of another kind than EC",
            ),
            (
                TokenFault::Curve("Ed25519"),
                "token.key",
                "a key on Ed25519 is not signed with in a token",
            ),
            (
                TokenFault::OtherKey,
                "token.key",
                "the key in the token is not the key of the reader's certificate",
            ),
            (
                TokenFault::Mechanism("CKM_ECDSA"),
                "token.mechanism",
                "the token does not have CKM_ECDSA",
            ),
            (TokenFault::Silent, "token.failed", "the token does not answer"),
            (
                TokenFault::Failed(some("x")),
                "token.failed",
                "the token does not work: x",
            ),
        ] {
            assert_eq!((fault.code(), fault.to_string().as_str()), (code, words));
            assert!(fault.next_step().len() > 20);
        }
    }
}
