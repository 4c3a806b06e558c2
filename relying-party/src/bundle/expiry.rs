//! Until when a file counts by its own words.

use mdoc::status;
use mdoc::time::UnixTime;
use mdoc::x509::{Certificate, RevocationList, Vical};

use crate::trust::{certificates, pem_crls};

/// Until when a file of a trust directory counts by its own words; the earliest end where it holds
/// several. `None` for what says nothing or cannot be read: reading it is another's task, and nothing
/// is verified here.
pub fn expiry_of(name: &str, content: &[u8]) -> Option<UnixTime> {
    let (folder, file) = name.split_once('/')?;
    let ending = file
        .rsplit_once('.')
        .map(|(_, ending)| ending)
        .unwrap_or_default();
    match folder {
        "anchors" => of_certificates(ending, content),
        "crls" => {
            let lists = pem_crls(content).unwrap_or_else(|| vec![content.to_vec()]);
            let lists = lists.iter().filter_map(|der| RevocationList::from_der(der).ok());
            lists.filter_map(|list| list.next_update()).min()
        }
        "status" => status::unverified_expiry(content),
        "vicals" if ending == "cbor" => {
            let list = Vical::decode(content).ok()?;
            list.not_after().or_else(|| list.next_update())
        }
        "vicals" => of_certificates(ending, content),
        _ => None,
    }
}

fn of_certificates(ending: &str, content: &[u8]) -> Option<UnixTime> {
    let certificates = certificates(ending, content).ok()?;
    let read = certificates
        .iter()
        .filter_map(|der| Certificate::from_der(der).ok());
    read.map(|certificate| certificate.not_after()).min()
}
