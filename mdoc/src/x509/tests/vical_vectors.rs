//! Two VICALs of the field, with every entry accounted for.

use super::vectors::{certificates, file};
use crate::x509::{Anchor, AnchorSet, Certificate, Vical};

#[test]
fn probe() {
    let Some(bytes) = file("vical/aamva-vical-2025-11-18-1763491092481.cbor") else {
        return;
    };
    for (b, root) in [
        (bytes, "vical/aamva_ca_root.crt"),
        (
            file("vical/austroads-vical-2024-12.cbor").unwrap(),
            "vical/austroads_root-certificate.pem",
        ),
    ] {
        let list = Vical::decode(&b);
        let list = match list {
            Ok(l) => l,
            Err(e) => {
                println!("{e}");
                continue;
            }
        };
        println!(
            "{:?} {:?} {:?} {:?}",
            list.issue(),
            list.next_update(),
            list.not_after(),
            list.url()
        );
        println!("{:?}", list.signer().deviations());
        for e in list.entries() {
            println!(
                "{} {:?} {:?} {}",
                e.index,
                e.subject(),
                e.doc_types,
                e.certificate
                    .as_ref()
                    .map(|c| format!(
                        "{} {}",
                        c.public_key().unwrap().curve().name(),
                        (c.not_after().seconds() - c.not_before().seconds()) / 86400
                    ))
                    .unwrap_or_else(|f| f.to_string())
            );
        }
        for root in [root, "vical/aamva_ca_intermediate.crt"] {
            let pem = file(root).unwrap();
            let a = Certificate::from_der(&pem_der(&pem)).unwrap();
            println!("{:?}", list.vouched_by(&[a]));
        }
    }
    panic!();
}

fn pem_der(pem: &[u8]) -> Vec<u8> {
    use x509_cert::der::DecodePem as _;
    use x509_cert::der::Encode as _;
    x509_cert::Certificate::from_pem(pem).unwrap().to_der().unwrap()
}
