//! One deviation at a time: exactly the rule that is broken is found, and nothing in the twin.

use std::collections::HashSet;

use super::deviations::{ANY, Case, INTERMEDIATE, ROOT, SIGNER, years_after_start};
use super::factory::{
    AKI, BASIC_CONSTRAINTS, COMMON_NAME, COUNTRY, CRL_POINTS, CRL_URI, DAY, ISSUER_ALT_NAME, Issuer, Key,
    PRINTABLE, START, Spec, at, authority_key_identifier, der, distribution_point, name, name_in, sequence,
    uri,
};
use crate::crypto::Curve;
use crate::x509::profile::deviations;
use crate::x509::{CertificateRole, CertificateRule, IssuerCertificateProfile};

/// Judged over a path, not a certificate: `path.rs` tests them.
const OF_PATHS: [CertificateRule; 3] = [
    CertificateRule::PathLength,
    CertificateRule::CountryMatch,
    CertificateRule::StateMatch,
];

fn broken(
    spec: &Spec,
    issuer: &Key,
    role: CertificateRole,
    profile: &IssuerCertificateProfile,
) -> Vec<CertificateRule> {
    let certificate = spec.parse(issuer);
    deviations(&certificate, role, profile)
        .map(|deviation| {
            assert_eq!(deviation.role, role);
            deviation.rule
        })
        .collect()
}

fn check(spec: &Spec, issuer: &Key, role: CertificateRole, cases: &[&[Case]]) {
    let profile = IssuerCertificateProfile::default();
    assert_eq!(broken(spec, issuer, role, &profile), [], "the twin");
    for (number, (rules, change)) in cases.iter().copied().flatten().enumerate() {
        let mut changed = spec.clone();
        change(&mut changed);
        let found = broken(&changed, issuer, role, &profile);
        let found: HashSet<CertificateRule> = found.into_iter().collect();
        let expected: HashSet<CertificateRule> = rules.iter().copied().collect();
        assert_eq!(found, expected, "{} case {number}", role.name());
    }
}

#[test]
fn a_document_signer_breaks_each_rule_alone() {
    let issuer = Issuer::new();
    check(
        &issuer.signer,
        &issuer.root_key,
        CertificateRole::DocumentSigner,
        &[ANY, SIGNER],
    );
}

#[test]
fn a_root_breaks_each_rule_alone() {
    let issuer = Issuer::new();
    let profile = IssuerCertificateProfile::default();
    let role = CertificateRole::Anchor;
    assert_eq!(
        broken(&issuer.root, &issuer.root_key, role, &profile),
        [],
        "the twin"
    );
    for (number, &(rules, change)) in ANY.iter().chain(ROOT).enumerate() {
        let mut changed = issuer.root.clone();
        change(&mut changed);
        // A root names itself: a changed subject is a changed issuer too.
        if changed.subject != issuer.root.subject {
            changed.issuer.clone_from(&changed.subject);
        }
        let found: HashSet<_> = broken(&changed, &issuer.root_key, role, &profile)
            .into_iter()
            .collect();
        assert_eq!(found, rules.iter().copied().collect(), "root case {number}");
    }
}

#[test]
fn an_intermediate_breaks_each_rule_alone() {
    let issuer = Issuer::new();
    let spec = Spec::intermediate(
        &name_in("JP", "Intermediate"),
        &Key::p256(3),
        (&issuer.root_name, &issuer.root_key),
    );
    check(
        &spec,
        &issuer.root_key,
        CertificateRole::Intermediate,
        &[INTERMEDIATE],
    );
}

#[test]
fn every_rule_has_a_certificate_that_breaks_it() {
    let cases = [ANY, SIGNER, ROOT, INTERMEDIATE];
    let tested: HashSet<CertificateRule> = cases
        .into_iter()
        .flatten()
        .flat_map(|(rules, _)| rules.iter().copied())
        .chain(OF_PATHS)
        .collect();
    assert_eq!(tested, CertificateRule::ALL.iter().copied().collect());
}

#[test]
fn names_of_rules_are_stable_words() {
    let names: HashSet<&str> = CertificateRule::ALL.iter().map(|rule| rule.name()).collect();
    assert_eq!(names.len(), CertificateRule::ALL.len());
    for rule in CertificateRule::ALL {
        let snake_case = |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        assert!(snake_case(rule.name()), "{}", rule.name());
        assert!(rule.clause().starts_with("B."), "{}", rule.clause());
    }
}

#[test]
fn roles_have_the_names_of_reports() {
    let roles = [
        CertificateRole::Anchor,
        CertificateRole::Intermediate,
        CertificateRole::DocumentSigner,
    ];
    assert_eq!(
        roles.map(CertificateRole::name),
        ["anchor", "intermediate", "document_signer"]
    );
}

#[test]
fn what_the_profiles_leave_open_passes() {
    let issuer = Issuer::new();
    let profile = IssuerCertificateProfile::default();
    let passes = |change: fn(&mut Spec)| {
        let mut changed = issuer.signer.clone();
        change(&mut changed);
        assert_eq!(
            broken(
                &changed,
                &issuer.root_key,
                CertificateRole::DocumentSigner,
                &profile
            ),
            []
        );
    };
    passes(|spec| spec.add("1.2.3.4", false, vec![5, 0]));
    passes(|spec| spec.serial = vec![1]);
    passes(|spec| spec.serial = [&[0x7f][..], &[0xff; 19]].concat());
    passes(|spec| spec.add(BASIC_CONSTRAINTS, true, sequence(&[])));
    passes(|spec| spec.subject = name(&[(COUNTRY, PRINTABLE, "US"), (COMMON_NAME, PRINTABLE, "A")]));
    passes(|spec| spec.extension(ISSUER_ALT_NAME).value = sequence(&[&der(0x81, b"mail@example.test")]));
    passes(|spec| {
        let points = [
            distribution_point(&der(0xa4, &name_in("JP", "CRL"))),
            distribution_point(&uri(CRL_URI)),
        ];
        spec.extension(CRL_POINTS).value = sequence(&[&points.concat()]);
    });
    passes(|spec| spec.extension(AKI).value = authority_key_identifier(&[7]));
}

#[test]
fn a_root_may_have_an_authority_key_identifier() {
    let issuer = Issuer::new();
    let mut root = issuer.root.clone();
    root.add(
        AKI,
        false,
        authority_key_identifier(&issuer.root_key.identifier()),
    );
    let profile = IssuerCertificateProfile::default();
    assert_eq!(
        broken(&root, &issuer.root_key, CertificateRole::Anchor, &profile),
        []
    );
}

#[test]
fn a_root_lasts_twenty_calendar_years() {
    let issuer = Issuer::new();
    let profile = IssuerCertificateProfile::default();
    let lasts = |from: &str, to: &str| {
        let mut root = issuer.root.clone();
        root.not_before = crate::time::UnixTime::parse(from).unwrap().seconds();
        root.not_after = crate::time::UnixTime::parse(to).unwrap().seconds();
        let found = broken(&root, &issuer.root_key, CertificateRole::Anchor, &profile);
        assert!(
            found.is_empty() || found == [CertificateRule::Lifetime],
            "{found:?}"
        );
        found.is_empty()
    };
    // 7305 days, five of them leap days.
    assert_eq!(years_after_start(20) - START, 7305 * DAY);
    assert!(lasts("2026-01-01T00:00:00Z", "2046-01-01T00:00:00Z"));
    assert!(!lasts("2026-01-01T00:00:00Z", "2046-01-01T00:00:01Z"));
    assert!(lasts("2026-06-30T12:34:56Z", "2046-06-30T12:34:56Z"));
    assert!(!lasts("2026-06-30T12:34:56Z", "2046-06-30T12:34:57Z"));
    assert!(lasts("2028-02-29T00:00:00Z", "2048-02-29T00:00:00Z"));
    assert!(!lasts("2028-02-29T00:00:00Z", "2048-02-29T00:00:01Z"));
    // 2100 has no 29 February.
    assert!(lasts("2080-02-29T08:00:00Z", "2100-03-01T08:00:00Z"));
    assert!(!lasts("2080-02-29T08:00:00Z", "2100-03-01T08:00:01Z"));
    assert!(!lasts("2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z"));
}

#[test]
fn a_signer_lasts_as_many_days_as_its_profile_says() {
    let issuer = Issuer::new();
    let days = |days: i64, max_document_signer_days: u32| {
        let mut signer = issuer.signer.clone();
        signer.not_after = START + days * DAY;
        let profile = IssuerCertificateProfile {
            max_document_signer_days,
            ..IssuerCertificateProfile::default()
        };
        broken(
            &signer,
            &issuer.root_key,
            CertificateRole::DocumentSigner,
            &profile,
        )
    };
    assert_eq!(days(457, 457), []);
    assert_eq!(days(458, 457), [CertificateRule::Lifetime]);
    assert_eq!(days(458, 458), []);
    assert_eq!(at(START + 457 * DAY).to_string(), "2027-04-03T00:00:00Z");
}

#[test]
fn curves_and_usages_are_those_of_the_profile() {
    let issuer = Issuer::new();
    let role = CertificateRole::DocumentSigner;
    let with = |curves: Vec<Curve>, usage| {
        let profile = IssuerCertificateProfile {
            curves,
            document_signer_usages: vec![usage],
            ..IssuerCertificateProfile::default()
        };
        broken(&issuer.signer, &issuer.root_key, role, &profile)
    };
    let (mdl, mdoc) = (
        IssuerCertificateProfile::MDL_DOCUMENT_SIGNER,
        IssuerCertificateProfile::MDOC_DOCUMENT_SIGNER,
    );
    assert_eq!(with(vec![Curve::P256], mdl), []);
    assert_eq!(with(vec![Curve::P384], mdl), [CertificateRule::PublicKey]);
    assert_eq!(with(vec![Curve::P256], mdoc), [CertificateRule::ExtendedKeyUsage]);
}

#[test]
fn every_deviation_is_found_not_only_the_first() {
    let issuer = Issuer::new();
    let mut spec = issuer.signer.clone();
    spec.version = 0;
    spec.serial = vec![0];
    spec.extensions.clear();
    spec.subject = name(&[]);
    spec.not_after = START + 1000 * DAY;
    let found = broken(
        &spec,
        &issuer.root_key,
        CertificateRole::DocumentSigner,
        &IssuerCertificateProfile::default(),
    );
    assert_eq!(
        found,
        [
            CertificateRule::Version,
            CertificateRule::SerialNumber,
            CertificateRule::Country,
            CertificateRule::CommonName,
            CertificateRule::SubjectKeyIdentifier,
            CertificateRule::AuthorityKeyIdentifier,
            CertificateRule::Lifetime,
            CertificateRule::KeyUsage,
            CertificateRule::ExtendedKeyUsage,
            CertificateRule::IssuerAltName,
            CertificateRule::CrlDistributionPoint,
        ]
    );
}
