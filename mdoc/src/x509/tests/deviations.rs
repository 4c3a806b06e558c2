//! Certificates that break a rule, as changes to conforming ones.

use super::factory::{
    AKI, BASIC_CONSTRAINTS, COMMON_NAME, COUNTRY, CRL_POINTS, CRL_URI, DAY, EKU, ISSUER_ALT_NAME, KEY_USAGE,
    PRINTABLE, SKI, START, Spec, TELETEX, UTF8, algorithm, authority, der, distribution_point,
    extended_key_usage, key_usage, name, name_in, oid, public_key_info, sequence, uri,
};
use crate::crypto::sha1;
use crate::x509::CertificateRule;

/// What is done to a certificate, and the rules that it then breaks.
pub(super) type Case = (&'static [CertificateRule], fn(&mut Spec));

/// Deviations of any certificate.
pub(super) const ANY: &[Case] = &[
    (&[CertificateRule::Version], |spec| spec.version = 1),
    (&[CertificateRule::SerialNumber], |spec| spec.serial = vec![0]),
    (&[CertificateRule::SerialNumber], |spec| {
        spec.serial = vec![0x80, 1]
    }),
    (&[CertificateRule::SerialNumber], |spec| spec.serial = vec![0xff]),
    (&[CertificateRule::SerialNumber], |spec| spec.serial = vec![1; 21]),
    (&[CertificateRule::SerialNumber], |spec| {
        // Twenty bytes of value, but the sign takes one more.
        spec.serial = [&[0][..], &[0xff; 20]].concat();
    }),
    (&[CertificateRule::AlgorithmsAgree], |spec| {
        spec.inner_algorithm = Some(algorithm("1.2.840.10045.4.3.4"));
    }),
    (&[CertificateRule::AlgorithmsAgree], |spec| {
        // The same algorithm, with parameters that the outer one lacks.
        spec.inner_algorithm = Some(sequence(&[&oid("1.2.840.10045.4.3.3"), &[5, 0]]));
    }),
    (&[CertificateRule::SignatureAlgorithm], |spec| {
        sign_with(spec, "1.2.840.10045.4.1")
    }),
    (&[CertificateRule::SignatureAlgorithm], |spec| {
        sign_with(spec, "1.2.840.10045.4.3.1")
    }),
    (&[CertificateRule::SignatureAlgorithm], |spec| {
        sign_with(spec, "1.2.840.113549.1.1.11");
    }),
    (&[CertificateRule::SignatureAlgorithm], |spec| {
        sign_with(spec, "1.2.840.113549.1.1.5");
    }),
    (&[CertificateRule::PublicKey], |spec| {
        let rsa = sequence(&[&oid("1.2.840.113549.1.1.1"), &[5, 0]]);
        set_key(spec, &rsa, &sequence(&[&der(2, &[3]), &der(2, &[3])]));
    }),
    (&[CertificateRule::PublicKey], |spec| {
        let p192 = sequence(&[&oid("1.2.840.10045.2.1"), &oid("1.2.840.10045.3.1.1")]);
        set_key(spec, &p192, &[&[4][..], &[1; 48]].concat());
    }),
    (&[CertificateRule::PublicKey], |spec| {
        let p256 = sequence(&[&oid("1.2.840.10045.2.1"), &oid("1.2.840.10045.3.1.7")]);
        set_key(spec, &p256, &[&[4][..], &[1; 64]].concat());
    }),
    (&[CertificateRule::Country], |spec| {
        spec.subject = name(&[(COMMON_NAME, UTF8, "A")])
    }),
    (&[CertificateRule::Country], |spec| {
        spec.subject = name_in("jp", "A")
    }),
    (&[CertificateRule::Country], |spec| {
        spec.subject = name_in("JPN", "A")
    }),
    (&[CertificateRule::Country], |spec| {
        spec.subject = name_in("J1", "A")
    }),
    (&[CertificateRule::Country], |spec| {
        spec.subject = name(&[(COUNTRY, UTF8, "JP"), (COMMON_NAME, UTF8, "A")]);
    }),
    (&[CertificateRule::Country], |spec| {
        let twice = [
            (COUNTRY, PRINTABLE, "JP"),
            (COUNTRY, PRINTABLE, "JP"),
            (COMMON_NAME, UTF8, "A"),
        ];
        spec.subject = name(&twice);
    }),
    (&[CertificateRule::CommonName], |spec| {
        spec.subject = name(&[(COUNTRY, PRINTABLE, "JP")])
    }),
    (&[CertificateRule::CommonName], |spec| {
        spec.subject = name(&[(COUNTRY, PRINTABLE, "JP"), (COMMON_NAME, TELETEX, "A")]);
    }),
    (&[CertificateRule::SubjectKeyIdentifier], |spec| spec.remove(SKI)),
    (&[CertificateRule::SubjectKeyIdentifier], |spec| {
        spec.extension(SKI).critical = true
    }),
    (&[CertificateRule::SubjectKeyIdentifier], |spec| {
        spec.extension(SKI).value[2] ^= 1
    }),
    (&[CertificateRule::SubjectKeyIdentifier], |spec| {
        // SHA-1 of the whole SubjectPublicKeyInfo, a mistake of the field.
        spec.extension(SKI).value = der(4, &sha1(&spec.public_key_info.clone()));
    }),
    (&[CertificateRule::KeyUsage], |spec| spec.remove(KEY_USAGE)),
    (&[CertificateRule::KeyUsage], |spec| {
        spec.extension(KEY_USAGE).critical = false
    }),
    (&[CertificateRule::KeyUsage], |spec| {
        spec.extension(KEY_USAGE).value = key_usage(0x86)
    }),
    (&[CertificateRule::KeyUsage], |spec| {
        spec.extension(KEY_USAGE).value = key_usage(0x40)
    }),
    (&[CertificateRule::KeyUsage], |spec| {
        spec.extension(KEY_USAGE).value = key_usage(0x02)
    }),
    (&[CertificateRule::IssuerAltName], |spec| {
        spec.remove(ISSUER_ALT_NAME)
    }),
    (&[CertificateRule::IssuerAltName], |spec| {
        spec.extension(ISSUER_ALT_NAME).critical = true
    }),
    (&[CertificateRule::CrlDistributionPoint], |spec| {
        spec.remove(CRL_POINTS)
    }),
    (&[CertificateRule::CrlDistributionPoint], |spec| {
        let directory_name = der(0xa4, &name_in("JP", "CRL"));
        spec.extension(CRL_POINTS).value = sequence(&[&distribution_point(&directory_name)]);
    }),
    (&[CertificateRule::CrlDistributionPoint], |spec| {
        // A CRL for some of the reasons only.
        let point = [der(0xa0, &der(0xa0, &uri(CRL_URI))), der(0x81, &[6, 0x40])].concat();
        spec.extension(CRL_POINTS).value = sequence(&[&der(0x30, &point)]);
    }),
    (&[CertificateRule::CrlDistributionPoint], |spec| {
        // A CRL by somebody else.
        let other = der(0xa2, &der(0xa4, &name_in("JP", "Other")));
        let point = [der(0xa0, &der(0xa0, &uri(CRL_URI))), other].concat();
        spec.extension(CRL_POINTS).value = sequence(&[&der(0x30, &point)]);
    }),
    (&[CertificateRule::ForbiddenExtension], |spec| {
        spec.add("2.5.29.30", false, sequence(&[]))
    }),
    (&[CertificateRule::ForbiddenExtension], |spec| {
        spec.add("2.5.29.33", false, sequence(&[]))
    }),
    (&[CertificateRule::ForbiddenExtension], |spec| {
        spec.add("2.5.29.36", false, sequence(&[]))
    }),
    (&[CertificateRule::ForbiddenExtension], |spec| {
        spec.add("2.5.29.46", false, sequence(&[]))
    }),
    (&[CertificateRule::ForbiddenExtension], |spec| {
        spec.add("2.5.29.54", false, der(2, &[0]))
    }),
    (
        &[
            CertificateRule::ForbiddenExtension,
            CertificateRule::UnknownCriticalExtension,
        ],
        |spec| spec.add("2.5.29.30", true, sequence(&[])),
    ),
    (&[CertificateRule::UnknownCriticalExtension], |spec| {
        spec.add("1.2.3.4", true, vec![5, 0])
    }),
    (
        &[CertificateRule::MalformedExtension, CertificateRule::KeyUsage],
        |spec| {
            spec.extension(KEY_USAGE).value = vec![5, 0];
        },
    ),
    (
        &[
            CertificateRule::MalformedExtension,
            CertificateRule::SubjectKeyIdentifier,
        ],
        |spec| {
            spec.extension(SKI).value.push(0);
        },
    ),
    (&[CertificateRule::MalformedExtension], |spec| {
        spec.extension(ISSUER_ALT_NAME).value = sequence(&[]);
    }),
    (&[CertificateRule::MalformedExtension], |spec| {
        spec.extension(ISSUER_ALT_NAME).value = sequence(&[&der(0xa4, &name_in("JP", "A"))]);
    }),
    (
        &[
            CertificateRule::MalformedExtension,
            CertificateRule::CrlDistributionPoint,
        ],
        |spec| {
            spec.extension(CRL_POINTS).value = vec![0x30, 3, 0x30, 0x80, 0];
        },
    ),
    (&[CertificateRule::Lifetime], |spec| {
        spec.not_after = spec.not_before - 1
    }),
];

pub(super) const SIGNER: &[Case] = &[
    (&[CertificateRule::AuthorityKeyIdentifier], |spec| {
        spec.remove(AKI)
    }),
    (&[CertificateRule::AuthorityKeyIdentifier], |spec| {
        spec.extension(AKI).critical = true
    }),
    (&[CertificateRule::AuthorityKeyIdentifier], |spec| {
        spec.extension(AKI).value = sequence(&[])
    }),
    (
        &[
            CertificateRule::MalformedExtension,
            CertificateRule::AuthorityKeyIdentifier,
        ],
        |spec| {
            spec.extension(AKI).value = vec![4, 0];
        },
    ),
    (&[CertificateRule::ExtendedKeyUsage], |spec| spec.remove(EKU)),
    (&[CertificateRule::ExtendedKeyUsage], |spec| {
        spec.extension(EKU).critical = false
    }),
    (&[CertificateRule::ExtendedKeyUsage], |spec| {
        set_usages(spec, &["1.3.6.1.5.5.7.3.1"])
    }),
    (&[CertificateRule::ExtendedKeyUsage], |spec| {
        set_usages(spec, &["2.5.29.37.0"])
    }),
    (&[CertificateRule::ExtendedKeyUsage], |spec| {
        set_usages(spec, &["1.0.18013.5.1.6"])
    }),
    (&[CertificateRule::ExtendedKeyUsage], |spec| {
        set_usages(spec, &["1.0.18013.5.1.8"])
    }),
    (&[CertificateRule::ExtendedKeyUsage], |spec| {
        set_usages(spec, &["1.0.23220.4.1.2"])
    }),
    (&[CertificateRule::ExtendedKeyUsage], |spec| {
        set_usages(spec, &["1.0.18013.5.1.2", "2.5.29.37.0"]);
    }),
    (&[CertificateRule::ExtendedKeyUsage], |spec| {
        set_usages(spec, &["1.0.18013.5.1.2", "1.0.18013.5.1.2"]);
    }),
    (
        &[
            CertificateRule::MalformedExtension,
            CertificateRule::ExtendedKeyUsage,
        ],
        |spec| {
            spec.extension(EKU).value = vec![0x30, 2, 5, 0];
        },
    ),
    (&[CertificateRule::BasicConstraints], |spec| {
        spec.add(BASIC_CONSTRAINTS, true, authority(None))
    }),
    (&[CertificateRule::BasicConstraints], |spec| {
        spec.add(BASIC_CONSTRAINTS, false, authority(Some(0)));
    }),
    (&[CertificateRule::MalformedExtension], |spec| {
        // TRUE as BER allows it, not DER.
        spec.add(BASIC_CONSTRAINTS, true, sequence(&[&[1, 1, 1]]));
    }),
    (&[CertificateRule::Lifetime], |spec| {
        spec.not_after = START + 457 * DAY + 1
    }),
    (&[CertificateRule::Lifetime], |spec| {
        spec.not_after = START + 458 * DAY
    }),
];

pub(super) const ROOT: &[Case] = &[
    (&[CertificateRule::SelfIssued], |spec| {
        spec.issuer = name_in("JP", "Other")
    }),
    (&[CertificateRule::BasicConstraints], |spec| {
        spec.remove(BASIC_CONSTRAINTS)
    }),
    (&[CertificateRule::BasicConstraints], |spec| {
        spec.extension(BASIC_CONSTRAINTS).critical = false;
    }),
    (&[CertificateRule::BasicConstraints], |spec| {
        set_constraints(spec, sequence(&[]))
    }),
    (&[CertificateRule::BasicConstraints], |spec| {
        set_constraints(spec, authority(None))
    }),
    (&[CertificateRule::BasicConstraints], |spec| {
        set_constraints(spec, authority(Some(1)))
    }),
    (
        &[
            CertificateRule::MalformedExtension,
            CertificateRule::BasicConstraints,
        ],
        |spec| {
            set_constraints(spec, sequence(&[&[1, 1, 1], &der(2, &[0])]));
        },
    ),
    (&[CertificateRule::KeyUsage], |spec| {
        spec.extension(KEY_USAGE).value = key_usage(0x04)
    }),
    (&[CertificateRule::Lifetime], |spec| {
        spec.not_after = years_after_start(20) + 1
    }),
    (&[CertificateRule::Lifetime], |spec| {
        spec.not_after = years_after_start(21)
    }),
];

pub(super) const INTERMEDIATE: &[Case] = &[
    (&[CertificateRule::AuthorityKeyIdentifier], |spec| {
        spec.remove(AKI)
    }),
    (&[CertificateRule::KeyUsage], |spec| spec.remove(KEY_USAGE)),
    (&[CertificateRule::KeyUsage], |spec| {
        spec.extension(KEY_USAGE).value = key_usage(0x80)
    }),
    (&[CertificateRule::BasicConstraints], |spec| {
        spec.remove(BASIC_CONSTRAINTS)
    }),
    (&[CertificateRule::BasicConstraints], |spec| {
        set_constraints(spec, sequence(&[]))
    }),
    (&[CertificateRule::BasicConstraints], |spec| {
        spec.extension(BASIC_CONSTRAINTS).critical = false;
    }),
    (&[CertificateRule::Lifetime], |spec| {
        spec.not_after = years_after_start(21)
    }),
];

/// The instant of [`START`] in a later year.
pub(super) fn years_after_start(years: u16) -> i64 {
    crate::time::Date::new(2026 + years, 1, 1)
        .unwrap()
        .midnight_at_offset(0)
        .seconds()
}

fn sign_with(spec: &mut Spec, id: &str) {
    spec.inner_algorithm = Some(algorithm(id));
    spec.outer_algorithm = Some(algorithm(id));
}

/// Another key, with the subject key identifier that belongs to it.
fn set_key(spec: &mut Spec, algorithm: &[u8], bits: &[u8]) {
    spec.public_key_info = public_key_info(algorithm, bits);
    spec.extension(SKI).value = der(4, &sha1(bits));
}

fn set_usages(spec: &mut Spec, usages: &[&str]) {
    spec.extension(EKU).value = extended_key_usage(usages);
}

fn set_constraints(spec: &mut Spec, value: Vec<u8>) {
    spec.extension(BASIC_CONSTRAINTS).value = value;
}
