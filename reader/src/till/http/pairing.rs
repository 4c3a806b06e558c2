//! Pairing keys, and tickets that stand for one of them once.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use operator::{KeyHash, Keys, bearer_token};
use rand_core::Rng as _;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::refusal::Refusal;
use crate::counter::StartError;

/// Keys; every till has one of its own.
const MAX_KEYS: usize = 256;
/// How long a ticket waits to be used.
pub(super) const TICKET_LIFE: Duration = Duration::from_secs(60);
/// Tickets that wait; the oldest goes.
const MAX_TICKETS: usize = 64;

/// Random bytes of the operating system, in hexadecimal.
pub(super) fn random_text(bytes: usize) -> String {
    let mut random = Zeroizing::new(vec![0; bytes]);
    rand_core::UnwrapErr(getrandom::SysRng).fill_bytes(&mut random);
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The keys that tills are paired by.
pub(super) struct PairingKeys(Keys);

impl PairingKeys {
    /// Reads a file: one key a line. Empty lines and lines that begin with `#` are passed over.
    pub(super) fn load(path: &Path) -> Result<Self, StartError> {
        let keys = Keys::load(path)?;
        warn_of_readers(path);
        Self::of(keys).map_err(|fault| StartError::File {
            path: path.to_owned(),
            fault,
        })
    }

    fn of(keys: Keys) -> Result<Self, String> {
        if let Some(line) = keys.short_lines().first() {
            let words = "a pairing key has 20 characters or more; make one with: openssl rand -hex 16";
            return Err(format!("line {line}: {words}"));
        }
        if keys.count() > MAX_KEYS {
            return Err(format!("there are no more than {MAX_KEYS} pairing keys"));
        }
        Ok(Self(keys))
    }

    /// Lets a request in that brings a key, or says why not.
    pub(super) fn admit(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut values = headers.get_all(AUTHORIZATION);
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(Refusal::KeyMissing);
        };
        let key = bearer_token(value.as_bytes()).ok_or(Refusal::KeyMissing)?;
        self.0.find(key).map(drop).ok_or(Refusal::KeyUnknown)
    }
}

/// Says that more people than the counter's own can read the keys.
#[cfg(unix)]
fn warn_of_readers(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    if std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o007 != 0) {
        crate::say(&format!(
            "warning: {}: everybody on this machine can read the pairing keys",
            path.display()
        ));
    }
}

#[cfg(not(unix))]
fn warn_of_readers(_: &Path) {}

/// Tickets that were not used yet.
#[derive(Default)]
pub(super) struct Tickets(Mutex<Vec<(KeyHash, Instant)>>);

impl Tickets {
    /// A new one.
    pub(super) fn issue(&self, now: Instant) -> String {
        let ticket = random_text(32);
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() == MAX_TICKETS {
            waiting.remove(0);
        }
        waiting.push((Sha256::digest(ticket.as_bytes()).into(), now));
        ticket
    }

    /// Uses one up.
    pub(super) fn redeem(&self, ticket: &str, now: Instant) -> Result<(), Refusal> {
        let hash: KeyHash = Sha256::digest(ticket.as_bytes()).into();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|(_, issued)| now.saturating_duration_since(*issued) < TICKET_LIFE);
        let before = waiting.len();
        waiting.retain(|(known, _)| !bool::from(known.ct_eq(&hash)));
        if waiting.len() < before {
            Ok(())
        } else {
            Err(Refusal::TicketUnknown)
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    const ONE: &[u8] = b"first-key-of-twenty-characters";

    fn keys(file: &[u8]) -> Result<PairingKeys, String> {
        Keys::parse(file).and_then(PairingKeys::of)
    }

    fn admitted(authorization: &'static [&'static str]) -> Result<(), Refusal> {
        let keys =
            keys(b"# tills\r\nfirst-key-of-twenty-characters\r\n\n another-key-of-twenty-characters \n")
                .unwrap();
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(AUTHORIZATION, HeaderValue::from_static(value));
        }
        keys.admit(&headers)
    }

    #[test]
    fn a_key_lets_in_and_nothing_else_does() {
        assert_eq!(admitted(&["Bearer first-key-of-twenty-characters"]), Ok(()));
        assert_eq!(admitted(&["bearer another-key-of-twenty-characters"]), Ok(()));
        for missing in [
            &[][..],
            &["first-key-of-twenty-characters"],
            &["Basic first-key-of-twenty-characters"],
            &["Bearer"],
            &[""],
            &[
                "Bearer first-key-of-twenty-characters",
                "Bearer first-key-of-twenty-characters",
            ],
        ] {
            assert_eq!(admitted(missing), Err(Refusal::KeyMissing), "{missing:?}");
        }
        for unknown in [
            &["Bearer "][..],
            &["Bearer first-key-of-twenty-character"],
            &["Bearer first-key-of-twenty-characterss"],
            &["Bearer FIRST-KEY-OF-TWENTY-CHARACTERS"],
            &["Bearer #"],
        ] {
            assert_eq!(admitted(unknown), Err(Refusal::KeyUnknown), "{unknown:?}");
        }
    }

    #[test]
    fn a_file_without_a_good_key_is_refused_and_no_key_is_told() {
        assert!(keys(ONE).is_ok());
        for (file, fault) in [
            (&b""[..], "the file holds no key"),
            (
                b"nineteen-characters",
                "line 1: a pairing key has 20 characters or more",
            ),
            (
                b"\nfirst key of twenty characters",
                "line 2: a key holds visible ASCII",
            ),
        ] {
            let told = keys(file).err().unwrap();
            assert!(
                told.starts_with(fault) && !told.contains("nineteen") && !told.contains("first"),
                "{told}"
            );
        }
        let many = |count: usize| vec![ONE.to_vec(); count].join(&b'\n');
        assert!(keys(&many(MAX_KEYS)).is_ok());
        assert_eq!(
            keys(&many(MAX_KEYS + 1)).err().as_deref(),
            Some("there are no more than 256 pairing keys")
        );
    }

    #[test]
    fn a_ticket_opens_once_and_in_time() {
        let (tickets, now) = (Tickets::default(), Instant::now());
        let ticket = tickets.issue(now);
        assert_eq!(ticket.len(), 64);
        assert_eq!(
            tickets.redeem(&ticket, now + TICKET_LIFE - Duration::from_millis(1)),
            Ok(())
        );
        assert_eq!(
            tickets.redeem(&ticket, now),
            Err(Refusal::TicketUnknown),
            "it is used up"
        );
        let ticket = tickets.issue(now);
        assert_eq!(
            tickets.redeem(&ticket, now + TICKET_LIFE),
            Err(Refusal::TicketUnknown),
            "too late"
        );
        for none in ["", "0", &"0".repeat(64)] {
            tickets.issue(now);
            assert_eq!(tickets.redeem(none, now), Err(Refusal::TicketUnknown), "{none}");
        }
    }

    #[test]
    fn tickets_that_nobody_uses_are_bounded() {
        let (tickets, now) = (Tickets::default(), Instant::now());
        let first = tickets.issue(now);
        let second = tickets.issue(now);
        (0..MAX_TICKETS - 1).for_each(|_| drop(tickets.issue(now)));
        assert_eq!(tickets.redeem(&first, now), Err(Refusal::TicketUnknown));
        assert_eq!(tickets.redeem(&second, now), Ok(()));
    }
}
