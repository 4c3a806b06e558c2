//! The service for NFC readers (PC/SC) and the readers it knows.

use pcsc::{Context, Error, Scope};

use super::finding::Finding;

const SERVICE: &str = "nfc_service";
const READER: &str = "nfc_reader";
/// Where programs reach the service on Linux.
#[cfg(unix)]
const SOCKET: &str = "/run/pcscd/pcscd.comm";
/// What the names of contactless readers have in them, in lower case: PC/SC has no attribute for it. PICC and PCD are the two
/// sides of ISO/IEC 14443.
const CONTACTLESS: [&str; 7] = ["contactless", "picc", "pcd", "nfc", "felica", "acr122", "rc-s"];

/// All of it; only readers whose name contains `only`.
pub(super) fn check(only: Option<&str>) -> Vec<Finding> {
    let context = match Context::establish(Scope::User) {
        Ok(context) => context,
        Err(error) => return vec![no_service(error)],
    };
    let names = match context.list_readers_owned() {
        Ok(names) => names,
        Err(Error::NoReadersAvailable) => Vec::new(),
        Err(error) => return vec![no_service(error)],
    };
    let names: Vec<String> = names
        .iter()
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    vec![
        Finding::ok(SERVICE, "the service for readers runs"),
        judge(&names, only),
    ]
}

fn no_service(error: Error) -> Finding {
    let is_denied = matches!(error, Error::SecurityViolation | Error::NoAccess) || is_closed();
    if is_denied {
        return Finding::fault(
            "nfc_permission",
            "this user may not use NFC readers",
            "let it by a rule of polkit for org.debian.pcsc-lite.access_pcsc and access_card",
        );
    }
    Finding::fault(
        SERVICE,
        format!("the service for readers cannot be reached: {error}"),
        "install it (apt install pcscd libccid) and start it (systemctl enable --now pcscd.socket)",
    )
}

/// Whether the service's socket is there and this user may not speak to it.
#[cfg(unix)]
fn is_closed() -> bool {
    use rustix::fs::{Access, access};
    access(SOCKET, Access::WRITE_OK) == Err(rustix::io::Errno::ACCESS)
}

/// Elsewhere there is none.
#[cfg(not(unix))]
const fn is_closed() -> bool {
    false
}

fn judge(names: &[String], only: Option<&str>) -> Finding {
    if names.is_empty() {
        return Finding::fault(
            READER,
            "there is no NFC reader",
            "plug one in; where one is, install its driver (libccid for most)",
        );
    }
    let fitting: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| name.contains(only.unwrap_or_default()))
        .collect();
    if let (true, Some(only)) = (fitting.is_empty(), only) {
        return Finding::fault(
            READER,
            format!("no reader's name contains {only}; there is {}", names.join(", ")),
            "name one that is there with --nfc-reader",
        );
    }
    let is_contactless = |name: &&&str| {
        let name = name.to_lowercase();
        CONTACTLESS.iter().any(|word| name.contains(word))
    };
    let contactless: Vec<&str> = fitting.iter().filter(is_contactless).copied().collect();
    if contactless.is_empty() {
        return Finding::warning(
            READER,
            format!(
                "no name of a reader says that it is contactless: {}",
                fitting.join(", ")
            ),
            "hold a phone to it and see whether the reader notices; a reader for cards with contacts reads no phones",
        );
    }
    Finding::ok(READER, contactless.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Grade;

    fn judged(names: &[&str], only: Option<&str>) -> (Grade, String) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let finding = judge(&names, only);
        (finding.grade, finding.detail)
    }

    #[test]
    fn readers_by_their_names() {
        let contactless = "ACS ACR1252 1S CL Reader [ACR1252 PICC] 00 00";
        let contacts = "Gemalto PC Twin Reader 00 00";
        let fault = |words: &str| (Grade::Fault, words.to_owned());
        assert_eq!(judged(&[], None), fault("there is no NFC reader"));
        assert_eq!(judged(&[], Some("ACR")), fault("there is no NFC reader"));
        assert_eq!(
            judged(&[contactless], Some("Sony")),
            fault(&format!("no reader's name contains Sony; there is {contactless}"))
        );
        assert_eq!(
            judged(&[contacts], None),
            (
                Grade::Warning,
                format!("no name of a reader says that it is contactless: {contacts}")
            )
        );
        assert_eq!(
            judged(&[contacts, contactless], Some("Gemalto")).0,
            Grade::Warning,
            "the other one is not used"
        );
        assert_eq!(
            judged(&[contacts, contactless], None),
            (Grade::Ok, contactless.to_owned())
        );
        assert_eq!(judged(&["Virtual PCD 00 00"], None).0, Grade::Ok);
    }

    #[test]
    fn a_refusal_is_not_a_missing_service() {
        assert_eq!(no_service(Error::SecurityViolation).check, "nfc_permission");
        if !is_closed() {
            assert_eq!(no_service(Error::NoService).check, "nfc_service");
        }
    }
}
