//! What a status list or identifier list can get wrong, judged with a whole presentation: the exact
//! outcome of `status`, and an untouched twin that passes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ciborium::Value as Cbor;
use holder::certificate::{CertificateSpec, authority, extended_key_usage, name, oid};
use holder::evidence::{
    CrlSpec, List, StatusAuthority, TokenSpec, identifier_reference, status_reference, zlib,
};
use holder::hooks::Hooks;
use holder::issuer::{DAY, Issuer};
use holder::keys::SigningKey;
use holder::scenario::NOW;
use holder::{Built, Scenario};
use mdoc::crypto::Curve;
use rand_core::SeedableRng as _;
use relying_party::Evidence;
use serde_json::{Value, json};
use verifier_tests::{age_purpose, check, outcome, trust, verdict_on};

const URI: &str = "https://status.example/1";
const INVALID: &str = "status.token_invalid";
const CWT: &str = "application/statuslist+cwt";
const JWT: &str = "application/statuslist+jwt";
const IDENTIFIERS: &str = "application/identifierlist+cwt";

/// A presentation whose MSO names entry 7 of a list, and who signs that list.
struct Case {
    built: Built,
    issuer: Issuer,
    scenario: Scenario,
    authority: StatusAuthority,
    /// The purpose's `revocation`.
    revocation: Value,
    crls: Vec<Vec<u8>>,
}

fn key(seed: u64) -> SigningKey {
    SigningKey::generate(Curve::P256, &mut rand_chacha::ChaCha20Rng::seed_from_u64(seed))
}

fn statuses(bits: u8, value: u8) -> List {
    let mut values = vec![0; 64];
    values[7] = value;
    List::Statuses { bits, values }
}

impl Case {
    fn naming(status: Cbor) -> Self {
        let scenario = Scenario::my_number().set(|s| s.terms.status = Some(status));
        let issuer = Issuer::new(&scenario.issuer, &Hooks::default());
        Self {
            authority: StatusAuthority::new(&issuer, &scenario.issuer, |_| {}),
            built: scenario.build(),
            issuer,
            scenario,
            revocation: json!({ "status": "if_present" }),
            crls: Vec::new(),
        }
    }

    /// By status list, in the profile of ISO/IEC 18013-5.
    fn iso() -> Self {
        Self::naming(status_reference(URI, 7))
    }

    /// By status list, as the Token Status List leaves it open.
    fn open() -> Self {
        Self::iso().under(json!({ "status": "if_present", "iso_status_profile": false }))
    }

    fn under(mut self, revocation: Value) -> Self {
        self.revocation = revocation;
        self
    }

    fn with_signer(mut self, change: impl FnOnce(&mut CertificateSpec)) -> Self {
        self.authority = StatusAuthority::new(&self.issuer, &self.scenario.issuer, change);
        self
    }

    fn token(&self, list: List) -> TokenSpec {
        TokenSpec::new(URI, list, vec![self.authority.certificate.clone()], NOW)
    }

    fn judge_tokens(&self, tokens: &[(&str, &str, Vec<u8>)]) -> Value {
        let mut evidence = Evidence::default();
        for crl in &self.crls {
            evidence.add_crl(crl).unwrap();
        }
        for (uri, content_type, token) in tokens {
            // What cannot be used is remembered as such.
            let _unusable = evidence.add_fetched_token(token, uri, content_type);
        }
        let purpose = age_purpose(&self.revocation);
        verdict_on(&self.built, &purpose, &trust(&[&self.built.root]), &evidence, NOW)
    }

    fn judge(&self, list: List, change: impl FnOnce(&mut TokenSpec)) -> Value {
        let mut spec = self.token(list);
        change(&mut spec);
        self.judge_tokens(&[(URI, CWT, spec.cwt(&self.authority.key))])
    }
}

/// A good list with this change says nothing, for this fault; without it, it clears.
fn invalid(case: &Case, change: impl FnOnce(&mut TokenSpec), fault: &str) {
    invalid_list(case, statuses(1, 0), change, fault);
}

fn invalid_list(case: &Case, list: List, change: impl FnOnce(&mut TokenSpec), fault: &str) {
    assert_eq!(
        outcome(&Case::iso().judge(statuses(1, 0), |_| {})),
        "accepted",
        "the untouched twin"
    );
    let verdict = case.judge(list, change);
    assert_eq!(outcome(&verdict), INVALID, "{verdict:#}");
    assert_eq!(verdict["verdict"], "undetermined");
    assert_eq!(check(&verdict, "status")["detail"]["fault"], fault);
}

#[test]
fn each_value_has_its_outcome() {
    for (bits, value, expected) in [
        (1, 0, "accepted"),
        (1, 1, "status.revoked"),
        (2, 0, "accepted"),
        (2, 1, "status.revoked"),
        (2, 2, "status.suspended"),
        (2, 3, "status.unknown_value"),
        (4, 1, "status.revoked"),
        (4, 2, "status.suspended"),
        (4, 12, "status.unknown_value"),
        (8, 0, "accepted"),
        (8, 1, "status.revoked"),
        (8, 2, "status.suspended"),
        (8, 255, "status.unknown_value"),
    ] {
        let verdict = Case::open().judge(statuses(bits, value), |_| {});
        assert_eq!(outcome(&verdict), expected, "{bits} bits, {value}");
        assert_eq!(check(&verdict, "status")["as_of"], "2026-11-23T05:00:00Z");
    }
    let verdict = Case::open().judge(statuses(8, 255), |_| {});
    assert_eq!(check(&verdict, "status")["detail"], json!({ "value": 255 }));
}

#[test]
fn the_policy_table_on_real_lists() {
    let outcomes = |list: &dyn Fn() -> List, change: fn(&mut TokenSpec)| {
        ["required", "if_present", "if_available", "off"].map(|status| {
            outcome(
                &Case::iso()
                    .under(json!({ "status": status }))
                    .judge(list(), change),
            )
        })
    };
    let good = || statuses(1, 0);
    assert_eq!(outcomes(&good, |_| {}), ["accepted"; 4]);
    let revoked = "status.revoked";
    assert_eq!(
        outcomes(&|| statuses(1, 1), |_| {}),
        [revoked, revoked, revoked, "accepted"]
    );
    let stale = "status.stale";
    assert_eq!(
        outcomes(&good, |spec| spec.expires_at = Some(NOW - 1)),
        [stale, stale, "accepted", "accepted"]
    );
    assert_eq!(
        outcomes(&good, |spec| spec.issued_at = NOW + 1),
        [INVALID, INVALID, "accepted", "accepted"]
    );
    let nothing = ["required", "if_present", "if_available", "off"]
        .map(|status| outcome(&Case::iso().under(json!({ "status": status })).judge_tokens(&[])));
    let unavailable = "status.unavailable";
    assert_eq!(nothing, [unavailable, unavailable, "accepted", "accepted"]);
}

#[test]
fn a_list_that_has_expired_is_stale_and_still_convicts() {
    let expire = |spec: &mut TokenSpec| spec.expires_at = Some(NOW - 1);
    let verdict = Case::iso().judge(statuses(1, 0), expire);
    assert_eq!(outcome(&verdict), "status.stale");
    assert_eq!(check(&verdict, "status")["detail"]["age"], 3600);
    assert_eq!(
        outcome(&Case::iso().judge(statuses(1, 1), expire)),
        "status.revoked"
    );
    let last = Case::iso().judge(statuses(1, 0), |spec| spec.expires_at = Some(NOW));
    assert_eq!(outcome(&last), "accepted", "its last second");
    // A suspension may be over.
    assert_eq!(
        outcome(&Case::open().judge(statuses(2, 2), expire)),
        "status.stale"
    );
}

#[test]
fn a_list_is_as_old_as_the_purpose_lets_it_be() {
    let judge = |max_age: &str| {
        let revocation = json!({ "status": "required", "max_age": max_age });
        outcome(&Case::iso().under(revocation).judge(statuses(1, 0), |_| {}))
    };
    assert_eq!([judge("1h"), judge("59m")], ["accepted", "status.stale"]);
}

#[test]
fn without_an_expiry_the_time_to_live_is_the_end() {
    let judge = |seconds| {
        outcome(&Case::open().judge(statuses(1, 0), |spec| {
            spec.expires_at = None;
            spec.time_to_live = seconds;
        }))
    };
    assert_eq!(
        [judge(None), judge(Some(3600)), judge(Some(3599))],
        ["accepted", "accepted", "status.stale"]
    );
    // With an expiry it says only when to fetch anew.
    let fresh = Case::open().judge(statuses(1, 0), |spec| spec.time_to_live = Some(1));
    assert_eq!(outcome(&fresh), "accepted");
}

#[test]
fn an_index_beyond_the_end_is_an_invalid_list_and_not_good() {
    let short = List::Statuses {
        bits: 8,
        values: vec![0; 7],
    };
    invalid_list(
        &Case::open(),
        short,
        |_| {},
        "the index is beyond the end of the list",
    );
    let exact = List::Statuses {
        bits: 8,
        values: vec![0; 8],
    };
    assert_eq!(outcome(&Case::open().judge(exact, |_| {})), "accepted");
}

#[test]
fn the_iso_profile_is_held_where_it_is_asked_for() {
    let both = |change: fn(&mut TokenSpec), fault: &str| {
        invalid(&Case::iso(), change, fault);
        assert_eq!(
            outcome(&Case::open().judge(statuses(1, 0), change)),
            "accepted",
            "{fault}"
        );
    };
    both(|spec| spec.tag = None, "not under the tag of COSE_Sign1");
    both(
        |spec| spec.protected_chain = false,
        "the x5chain is not in the protected header",
    );
    both(|spec| spec.expires_at = None, "no time of expiry");
    let fault = "a status list of more than one bit";
    invalid_list(&Case::iso(), statuses(2, 0), |_| {}, fault);
    invalid_list(&Case::iso(), statuses(8, 2), |_| {}, fault);
}

#[test]
fn a_jwt_counts_outside_the_iso_profile() {
    let judge = |case: &Case, value| {
        let token = case.token(statuses(1, value)).jwt(&case.authority.key);
        case.judge_tokens(&[(URI, JWT, token.into_bytes())])
    };
    assert_eq!(outcome(&judge(&Case::open(), 0)), "accepted");
    assert_eq!(outcome(&judge(&Case::open(), 1)), "status.revoked");
    let verdict = judge(&Case::iso(), 0);
    assert_eq!(outcome(&verdict), INVALID);
    assert_eq!(check(&verdict, "status")["detail"]["fault"], "a JWT");
}

#[test]
fn the_content_type_is_the_tokens() {
    let judge = |content_type: &str| {
        let case = Case::open();
        let token = case.token(statuses(1, 0)).cwt(&case.authority.key);
        let verdict = case.judge_tokens(&[(URI, content_type, token)]);
        (
            outcome(&verdict),
            check(&verdict, "status")["detail"]["fault"].clone(),
        )
    };
    let confused = (
        INVALID.to_owned(),
        json!("the content type names another kind of token"),
    );
    assert_eq!(judge(JWT), confused);
    assert_eq!(judge(IDENTIFIERS), confused);
    for fitting in [
        CWT,
        "Application/StatusList+CWT; charset=x",
        "application/octet-stream",
        "",
    ] {
        assert_eq!(judge(fitting).0, "accepted", "{fitting}");
    }
}

#[test]
fn the_type_in_each_form_of_the_field() {
    for good in [CWT.into(), "statuslist+cwt".into(), Cbor::from(12_345)] {
        let verdict = Case::iso().judge(statuses(1, 0), |spec| spec.token_type = Some(good.clone()));
        assert_eq!(outcome(&verdict), "accepted", "{good:?}");
    }
    let typed = |value: Option<Cbor>, fault: &str| {
        invalid(&Case::iso(), |spec| spec.token_type = value, fault);
    };
    typed(None, "the token's type is missing or not protected");
    typed(
        Some("application/cwt".into()),
        "the token's type is that of no list in a CWT",
    );
    typed(Some(JWT.into()), "the token's type is that of no list in a CWT");
    typed(
        Some(Cbor::Bool(true)),
        "the token's type is neither text nor a content format",
    );
    typed(
        Some(IDENTIFIERS.into()),
        "the token holds another list than its type says",
    );
}

#[test]
fn the_claims_are_all_there() {
    let claim = |change: fn(&mut Vec<(Cbor, Cbor)>), fault: &str| {
        invalid(&Case::iso(), |spec| spec.change = Some(change), fault);
    };
    claim(
        |claims| claims.retain(|(key, _)| *key != 2.into()),
        "the token has no subject",
    );
    claim(
        |claims| claims.retain(|(key, _)| *key != 6.into()),
        "the token has no time of issue",
    );
    claim(
        |claims| claims.retain(|(key, _)| *key != 65533.into()),
        "the token holds another list than its type says",
    );
    claim(
        |claims| claims.push((65530.into(), Cbor::Map(Vec::new()))),
        "the token holds two lists",
    );
    claim(
        |claims| claims[1].1 = "2026".into(),
        "the time of issue is no date",
    );
    claim(
        |claims| claims[1].1 = f64::NAN.into(),
        "the time of issue is no date",
    );
    claim(
        |claims| claims[2].1 = f64::INFINITY.into(),
        "the time of expiry is no date",
    );
    claim(
        |claims| claims[2].1 = (-1).into(),
        "the time of expiry is no date",
    );
    claim(
        |claims| claims[3].1 = 0.into(),
        "the time to live is not a positive integer",
    );
    claim(
        |claims| claims[3].1 = (-5).into(),
        "the time to live is not a positive integer",
    );
    claim(
        |claims| claims[3].1 = 1.5.into(),
        "the time to live is not a positive integer",
    );
    claim(|claims| claims[4].1 = Cbor::Null, "the status list is not a map");
    claim(
        |claims| claims[0].1 = "https://status.example/2".into(),
        "the token's subject is not the URI of the list",
    );
    claim(
        |claims| claims[0].1 = "https://STATUS.example/1".into(),
        "the token's subject is not the URI of the list",
    );
    let float = Case::iso().judge(statuses(1, 0), |spec| {
        spec.change = Some(|claims| claims[1].1 = 1_795_413_000.75.into());
    });
    assert_eq!(
        outcome(&float),
        "accepted",
        "NumericDate may be a floating-point number"
    );
}

#[test]
fn a_token_of_the_future_says_nothing() {
    invalid(
        &Case::iso(),
        |spec| spec.issued_at = NOW + 1,
        "the token is dated in the future",
    );
    let now = Case::iso().judge(statuses(1, 0), |spec| spec.issued_at = NOW);
    assert_eq!(outcome(&now), "accepted");
    // It does not convict either: it may be somebody else's wish.
    let revoked = Case::iso().judge(statuses(1, 1), |spec| spec.issued_at = NOW + 1);
    assert_eq!(outcome(&revoked), INVALID);
}

#[test]
fn the_list_unfolds_within_its_bound_or_not_at_all() {
    let packed = |bytes: Vec<u8>, fault: &str| {
        invalid(&Case::iso(), |spec| spec.compressed = Some(bytes), fault);
    };
    // 24 KB that unfold to 24 MB, and the same folded once more.
    let bomb = zlib(&vec![0; 24 << 20]);
    assert!(bomb.len() < 32_000);
    packed(bomb, "the status list unfolds to more than 16777216 bytes");
    packed(
        zlib(&vec![0; (16 << 20) + 1]),
        "the status list unfolds to more than 16777216 bytes",
    );
    let largest = Case::iso().judge(statuses(1, 0), |spec| {
        spec.compressed = Some(zlib(&vec![0; 16 << 20]));
    });
    assert_eq!(outcome(&largest), "accepted");
    let whole = zlib(&[0; 8]);
    packed(
        whole[..whole.len() - 1].to_vec(),
        "the status list is not a whole zlib stream",
    );
    packed(
        [whole.as_slice(), &[0]].concat(),
        "the status list has bytes after its zlib stream",
    );
    packed(Vec::new(), "the status list is not a whole zlib stream");
    packed(vec![0; 64], "the status list is not a whole zlib stream");
    let mut checksum = whole.clone();
    *checksum.last_mut().unwrap() ^= 1;
    packed(checksum, "the status list is not a whole zlib stream");
    // DEFLATE without its zlib frame.
    packed(
        whole[2..whole.len() - 4].to_vec(),
        "the status list is not a whole zlib stream",
    );
    let width = |spec: &mut TokenSpec| {
        spec.change = Some(|claims| claims[4].1.as_map_mut().unwrap()[0].1 = 3.into());
    };
    invalid(&Case::iso(), width, "a status list of impossible width");
}

#[test]
fn every_flipped_bit_of_a_token_is_noticed() {
    let case = Case::iso();
    let genuine = case.token(statuses(1, 0)).cwt(&case.authority.key);
    for index in 0..genuine.len() {
        let mut changed = genuine.clone();
        changed[index] ^= 1;
        let verdict = case.judge_tokens(&[(URI, CWT, changed)]);
        assert_ne!(outcome(&verdict), "accepted", "byte {index}");
        assert_eq!(verdict["verdict"], "undetermined", "byte {index}");
    }
}

#[test]
fn tokens_in_other_wrappings_are_refused() {
    let tagged = |tag, fault: &str| invalid(&Case::open(), |spec| spec.tag = Some(tag), fault);
    tagged(17, "a token under a MAC");
    tagged(61, "not under the tag of COSE_Sign1");
    let case = Case::iso();
    let hexadecimal = hex::encode(case.token(statuses(1, 0)).cwt(&case.authority.key));
    let verdict = case.judge_tokens(&[(URI, CWT, hexadecimal.into_bytes())]);
    assert_eq!(outcome(&verdict), "accepted", "the field sends hexadecimal too");
    for nothing in [&b""[..], b"<html>", b"d2", b"ey.ey.ey"] {
        let verdict = case.judge_tokens(&[(URI, CWT, nothing.to_vec())]);
        assert_eq!(outcome(&verdict), INVALID, "{nothing:?}");
    }
}

#[test]
fn identifiers_on_the_list_are_revoked() {
    let case = || Case::naming(identifier_reference(URI, b"0123456789abcdef"));
    let judge = |identifiers: &[&[u8]]| {
        let list = List::Identifiers(identifiers.iter().map(|id| id.to_vec()).collect());
        let spec = case().token(list);
        case().judge_tokens(&[(URI, IDENTIFIERS, spec.cwt(&case().authority.key))])
    };
    assert_eq!(outcome(&judge(&[])), "accepted");
    assert_eq!(
        outcome(&judge(&[b"0123456789abcdee", b"0123456789abcde"])),
        "accepted"
    );
    assert_eq!(
        outcome(&judge(&[b"zz", b"0123456789abcdef", b"aa"])),
        "status.revoked"
    );
    // Apple's list says its type in the short form.
    let mut spec = case().token(List::Identifiers(Vec::new()));
    spec.token_type = Some("identifierlist+cwt".into());
    let verdict = case().judge_tokens(&[(URI, IDENTIFIERS, spec.cwt(&case().authority.key))]);
    assert_eq!(outcome(&verdict), "accepted");
}

#[test]
fn one_kind_of_list_does_not_stand_for_the_other() {
    let case = Case::naming(identifier_reference(URI, b"0123456789abcdef"));
    let token = case.token(statuses(1, 0)).cwt(&case.authority.key);
    let verdict = case.judge_tokens(&[(URI, CWT, token)]);
    assert_eq!(outcome(&verdict), INVALID);
    assert_eq!(
        check(&verdict, "status")["detail"]["fault"],
        "a status list where an identifier list is named"
    );
    let case = Case::iso();
    let token = case.token(List::Identifiers(Vec::new())).cwt(&case.authority.key);
    let verdict = case.judge_tokens(&[(URI, IDENTIFIERS, token)]);
    assert_eq!(
        check(&verdict, "status")["detail"]["fault"],
        "an identifier list where a status list is named"
    );
}

#[test]
fn both_mechanisms_are_asked_and_any_revocation_counts() {
    const OTHER: &str = "https://status.example/2";
    let both = || {
        let mut named = status_reference(URI, 7);
        let identifiers = identifier_reference(OTHER, b"0123456789abcdef");
        let entries = named.as_map_mut().unwrap();
        entries.extend(identifiers.as_map().unwrap().iter().cloned());
        Case::naming(named)
    };
    let judge = |status: Option<u8>, listed: Option<bool>| {
        let case = both();
        let mut tokens = Vec::new();
        if let Some(value) = status {
            tokens.push((URI, CWT, case.token(statuses(1, value)).cwt(&case.authority.key)));
        }
        if let Some(listed) = listed {
            let identifiers = if listed {
                vec![b"0123456789abcdef".to_vec()]
            } else {
                Vec::new()
            };
            let mut spec = case.token(List::Identifiers(identifiers));
            spec.uri = OTHER.to_owned();
            tokens.push((OTHER, IDENTIFIERS, spec.cwt(&case.authority.key)));
        }
        outcome(&case.judge_tokens(&tokens))
    };
    assert_eq!(judge(Some(0), Some(false)), "accepted");
    assert_eq!(judge(Some(1), Some(false)), "status.revoked");
    assert_eq!(judge(Some(0), Some(true)), "status.revoked");
    assert_eq!(judge(None, Some(true)), "status.revoked");
    assert_eq!(judge(Some(1), None), "status.revoked");
    assert_eq!(judge(Some(0), None), "status.unavailable");
    assert_eq!(judge(None, Some(false)), "status.unavailable");
}

#[test]
fn a_status_of_no_known_mechanism_is_not_good() {
    let case = Case::naming(Cbor::Map(vec![("something_new".into(), Cbor::Map(Vec::new()))]));
    let verdict = case.judge_tokens(&[]);
    assert_eq!(outcome(&verdict), "status.unavailable");
    assert_eq!(
        check(&verdict, "status")["detail"]["fault"],
        "the MSO names no mechanism of revocation that is known here"
    );
}

#[test]
fn a_list_behind_http_convicts_and_does_not_clear() {
    const PLAIN: &str = "http://status.example/1";
    let judge = |value| {
        let case = Case::naming(status_reference(PLAIN, 7));
        let mut spec = case.token(statuses(1, value));
        spec.uri = PLAIN.to_owned();
        case.judge_tokens(&[(PLAIN, CWT, spec.cwt(&case.authority.key))])
    };
    let verdict = judge(0);
    assert_eq!(outcome(&verdict), "status.unavailable");
    assert_eq!(
        check(&verdict, "status")["detail"]["fault"],
        "the list's URI is not https"
    );
    assert_eq!(outcome(&judge(1)), "status.revoked");
}

#[test]
fn the_youngest_list_decides() {
    let case = Case::iso();
    let token = |age: i64, value: u8| {
        let mut spec = case.token(statuses(1, value));
        spec.issued_at = NOW - age;
        (URI, CWT, spec.cwt(&case.authority.key))
    };
    assert_eq!(
        outcome(&case.judge_tokens(&[token(100, 0), token(50, 1)])),
        "status.revoked"
    );
    assert_eq!(
        outcome(&case.judge_tokens(&[token(50, 1), token(100, 0)])),
        "status.revoked"
    );
    // One that nobody may believe does not stand in the way of one that holds.
    let mut forged = case.token(statuses(1, 0));
    forged.chain = Vec::new();
    forged.issued_at = NOW;
    let forged = (URI, CWT, forged.cwt(&key(77)));
    assert_eq!(
        outcome(&case.judge_tokens(&[forged.clone(), token(50, 1)])),
        "status.revoked"
    );
    assert_eq!(outcome(&case.judge_tokens(&[forged, token(50, 0)])), "accepted");
}

#[test]
fn lists_that_gather_do_not_keep_the_youngest_out() {
    let case = Case::iso();
    let token = |age: i64, value: u8| {
        let mut spec = case.token(statuses(1, value));
        spec.issued_at = NOW - age;
        (URI, CWT, spec.cwt(&case.authority.key))
    };
    let mut tokens: Vec<_> = (1..=8).rev().map(|hours| token(hours * 3600, 0)).collect();
    assert_eq!(outcome(&case.judge_tokens(&tokens)), "accepted");
    tokens.push(token(60, 1));
    assert_eq!(outcome(&case.judge_tokens(&tokens)), "status.revoked");
}

// Who may sign.

#[test]
fn a_signer_of_another_root_is_refused_though_names_agree() {
    let other = Scenario::my_number().set(|s| s.issuer.seed = 5);
    let issuer = Issuer::new(&other.issuer, &Hooks::default());
    let mut case = Case::iso();
    case.authority = StatusAuthority::new(&issuer, &other.issuer, |_| {});
    let fault = "the signer does not chain to the issuer of the document";
    invalid(&case, |_| {}, fault);
    let root = issuer.root.clone();
    invalid(&case, |spec| spec.chain.push(root), fault);
}

#[test]
fn the_root_itself_may_stand_in_the_chain() {
    let case = Case::iso();
    let root = case.built.root.clone();
    let verdict = case.judge(statuses(1, 0), |spec| spec.chain.push(root));
    assert_eq!(outcome(&verdict), "accepted");
}

/// An authority under the root, and a status signer below it.
fn below_intermediate(case: &Case, path_length: Option<u8>) -> (SigningKey, Vec<Vec<u8>>) {
    let (middle_key, leaf_key) = (key(31), key(32));
    let (root_name, middle_name) = (
        name("JP", None, "TEST IACA"),
        name("JP", None, "TEST intermediate"),
    );
    let window = (NOW - 30 * DAY, NOW + 300 * DAY);
    let mut middle = CertificateSpec::status_signer(
        &middle_key,
        (&root_name, &case.issuer.root_key),
        middle_name.clone(),
        vec![3],
        window,
    );
    middle.extension(oid::KEY_USAGE).value = holder::certificate::key_usage(0x06);
    middle.extend(oid::BASIC_CONSTRAINTS, true, authority(path_length));
    let leaf_name = name("JP", None, "TEST status signer");
    let mut leaf =
        CertificateSpec::status_signer(&leaf_key, (&middle_name, &middle_key), leaf_name, vec![4], window);
    // Met in the field: critical, and no authority.
    leaf.extend(oid::BASIC_CONSTRAINTS, true, holder::certificate::der(0x30, &[]));
    let chain = vec![leaf.sign(&middle_key), middle.sign(&case.issuer.root_key)];
    (leaf_key, chain)
}

#[test]
fn an_intermediate_may_stand_between() {
    let case = Case::iso();
    let (leaf_key, chain) = below_intermediate(&case, Some(0));
    let judge = |chain: Vec<Vec<u8>>, value| {
        let mut spec = case.token(statuses(1, value));
        spec.chain = chain;
        case.judge_tokens(&[(URI, CWT, spec.cwt(&leaf_key))])
    };
    assert_eq!(outcome(&judge(chain.clone(), 0)), "accepted");
    assert_eq!(outcome(&judge(chain.clone(), 1)), "status.revoked");
    let alone = judge(chain[..1].to_vec(), 0);
    assert_eq!(
        check(&alone, "status")["detail"]["fault"],
        "the signer does not chain to the issuer of the document"
    );
    let reversed = judge(chain.iter().rev().cloned().collect(), 0);
    assert_eq!(
        check(&reversed, "status")["detail"]["fault"],
        "the chain is not in order"
    );
}

#[test]
fn a_signer_below_a_signer_is_refused() {
    let case = Case::iso();
    let below = key(33);
    let own = name("JP", None, "TEST below");
    let parent = name("JP", None, "TEST status signer");
    let window = (NOW - 30 * DAY, NOW + 300 * DAY);
    let leaf = CertificateSpec::status_signer(&below, (&parent, &case.authority.key), own, vec![6], window);
    let mut spec = case.token(statuses(1, 0));
    spec.chain.insert(0, leaf.sign(&case.authority.key));
    let verdict = case.judge_tokens(&[(URI, CWT, spec.cwt(&below))]);
    assert_eq!(outcome(&verdict), INVALID);
    assert_eq!(
        check(&verdict, "status")["detail"]["fault"],
        "the certificate of the intermediate breaks the rule key_usage"
    );
}

#[test]
fn the_certificate_that_the_mso_names_is_the_one() {
    let trusted = key(41);
    let own = name("JP", None, "TEST status root");
    let window = (NOW - 30 * DAY, NOW + 300 * DAY);
    let root = CertificateSpec::root(&trusted, own.clone(), vec![1], window);
    let (root, expired) = (root.sign(&trusted), {
        let mut spec = root;
        spec.not_after = NOW - 1;
        spec.sign(&trusted)
    });
    let signer = key(42);
    let signer_name = name("JP", None, "TEST status signer");
    let leaf = CertificateSpec::status_signer(&signer, (&own, &trusted), signer_name, vec![2], window);
    let leaf = leaf.sign(&trusted);
    let naming = |certificate: &[u8]| {
        let mut status = status_reference(URI, 7);
        let list = status.as_map_mut().unwrap()[0].1.as_map_mut().unwrap();
        list.push(("certificate".into(), Cbor::Bytes(certificate.to_vec())));
        Case::naming(status)
    };
    let judge = |case: &Case, chain: &[&Vec<u8>]| {
        let mut spec = case.token(statuses(1, 0));
        spec.chain = chain.iter().map(|der| der.to_vec()).collect();
        case.judge_tokens(&[(URI, CWT, spec.cwt(&signer))])
    };
    let fault = |verdict: &Value| check(verdict, "status")["detail"]["fault"].clone();
    assert_eq!(outcome(&judge(&naming(&root), &[&leaf])), "accepted");
    assert_eq!(outcome(&judge(&naming(&root), &[&leaf, &root])), "accepted");
    assert_eq!(
        outcome(&judge(&naming(&leaf), &[&leaf])),
        "accepted",
        "the signer itself is named"
    );
    let late = judge(&naming(&expired), &[&leaf]);
    assert_eq!(
        fault(&late),
        "the certificate that the MSO names is not valid now"
    );
    let unnamed = judge(&Case::iso(), &[&leaf]);
    assert_eq!(
        fault(&unnamed),
        "the signer does not chain to the issuer of the document"
    );
    // Where a certificate is named, the issuer's own authority no longer counts.
    let case = naming(&root);
    let token = case.token(statuses(1, 0)).cwt(&case.authority.key);
    let verdict = case.judge_tokens(&[(URI, CWT, token)]);
    assert_eq!(
        fault(&verdict),
        "the signer does not chain to the certificate that the MSO names"
    );
    let verdict = judge(&naming(b"no certificate"), &[&leaf]);
    assert_eq!(
        fault(&verdict),
        "the signer does not chain to the certificate that the MSO names"
    );
    // Who vouches for the signer may also take that back, and need not stand in the chain for it.
    for (serial, revoked) in [([2], true), ([7], false)] {
        let mut case = naming(&root);
        let mut list = CrlSpec::new(own.clone(), &trusted, 1, NOW);
        list.revoke(&serial, NOW - DAY);
        case.crls = vec![list.sign(&trusted)];
        let verdict = judge(&case, &[&leaf]);
        let expected = if revoked {
            json!("the certificate of the token's signer is revoked")
        } else {
            Value::Null
        };
        assert_eq!(fault(&verdict), expected);
    }
}

#[test]
fn the_document_signer_signs_lists_only_where_the_purpose_says_so() {
    let judge = |allowed: bool, with_chain: bool| {
        let revocation = json!({ "status": "required", "iso_status_profile": false,
            "document_signer_may_sign_status": allowed });
        let case = Case::iso().under(revocation);
        let mut spec = case.token(statuses(1, 0));
        spec.chain = if with_chain {
            vec![case.issuer.signer.clone()]
        } else {
            Vec::new()
        };
        let verdict = case.judge_tokens(&[(URI, CWT, spec.cwt(&case.issuer.signer_key))]);
        (
            outcome(&verdict),
            check(&verdict, "status")["detail"]["fault"].clone(),
        )
    };
    let refused = "signed by a document signer, which the purpose does not allow";
    for with_chain in [true, false] {
        assert_eq!(judge(false, with_chain), (INVALID.to_owned(), json!(refused)));
        assert_eq!(judge(true, with_chain), ("accepted".to_owned(), Value::Null));
    }
    // Another document signer of the same root is one too.
    let purpose = extended_key_usage(&["1.0.23220.4.1.2"]);
    let another = Case::iso().with_signer(|spec| spec.extend(oid::EXTENDED_KEY_USAGE, true, purpose));
    invalid(&another, |_| {}, refused);
}

#[test]
fn a_token_without_a_chain_is_nobodys() {
    invalid(
        &Case::open(),
        |spec| spec.chain.clear(),
        "the token names no certificate of its signer",
    );
}

#[test]
fn the_signer_keeps_to_its_profile() {
    let broken = |change: &dyn Fn(&mut CertificateSpec), rule: &str| {
        let case = Case::iso().with_signer(change);
        let fault = format!("the certificate of the status_signer breaks the rule {rule}");
        invalid(&case, |_| {}, &fault);
    };
    broken(&|spec| spec.not_after = spec.not_before + 1188 * DAY, "lifetime");
    broken(
        &|spec| spec.remove(oid::SUBJECT_KEY_IDENTIFIER),
        "subject_key_identifier",
    );
    broken(
        &|spec| spec.remove(oid::AUTHORITY_KEY_IDENTIFIER),
        "authority_key_identifier",
    );
    broken(&|spec| spec.remove(oid::KEY_USAGE), "key_usage");
    broken(
        &|spec| spec.extension(oid::KEY_USAGE).critical = false,
        "key_usage",
    );
    broken(
        &|spec| spec.extension(oid::KEY_USAGE).value = holder::certificate::key_usage(0x86),
        "key_usage",
    );
    broken(
        &|spec| spec.extend(oid::BASIC_CONSTRAINTS, true, authority(None)),
        "basic_constraints",
    );
    broken(
        &|spec| spec.extend("1.3.6.1.4.1.55555.1", true, vec![5, 0]),
        "unknown_critical_extension",
    );
    for other in ["1.0.18013.5.1.6", "1.0.18013.5.1.8", "1.3.6.1.5.5.7.3.1"] {
        let usage = extended_key_usage(&[other]);
        broken(
            &|spec| spec.extend(oid::EXTENDED_KEY_USAGE, false, usage.clone()),
            "extended_key_usage",
        );
    }
    let accepted = |change: &dyn Fn(&mut CertificateSpec)| {
        let verdict = Case::iso().with_signer(change).judge(statuses(1, 0), |_| {});
        assert_eq!(outcome(&verdict), "accepted", "{verdict:#}");
    };
    accepted(&|spec| spec.not_after = spec.not_before + 1187 * DAY);
    accepted(&|spec| spec.remove(oid::ISSUER_ALT_NAME));
    accepted(&|spec| spec.remove(oid::CRL_DISTRIBUTION_POINTS));
    // Any usage that is not another's: the object identifier of status signers is still to come.
    accepted(&|spec| {
        spec.extend(
            oid::EXTENDED_KEY_USAGE,
            true,
            extended_key_usage(&["1.3.6.1.5.5.7.3.99"]),
        )
    });
}

#[test]
fn the_signer_is_valid_now() {
    let late = Case::iso().with_signer(|spec| spec.not_after = NOW - 1);
    invalid(&late, |_| {}, "a certificate of the token's signer has expired");
    let early = Case::iso().with_signer(|spec| spec.not_before = NOW + 1);
    invalid(
        &early,
        |_| {},
        "a certificate of the token's signer is not yet valid",
    );
}

#[test]
fn a_revoked_signer_signs_nothing() {
    let crl = |serial: &[u8]| {
        let case = Case::iso();
        let mut list = CrlSpec::new(name("JP", None, "TEST IACA"), &case.issuer.root_key, 1, NOW);
        list.revoke(serial, NOW - DAY);
        list.sign(&case.issuer.root_key)
    };
    let mut case = Case::iso();
    case.crls = vec![crl(&[0x53])];
    invalid(&case, |_| {}, "the certificate of the token's signer is revoked");
    case.crls = vec![crl(&[0x54])];
    assert_eq!(outcome(&case.judge(statuses(1, 0), |_| {})), "accepted");
    // A list that is void convicts nobody.
    let mut void = CrlSpec::new(name("JP", None, "TEST IACA"), &case.issuer.root_key, 1, NOW);
    void.revoke(&[0x53], NOW - DAY);
    void.extensions.push(holder::certificate::Extension {
        oid: "2.5.29.27",
        critical: true,
        value: holder::certificate::der(0x02, &[1]),
    });
    case.crls = vec![void.sign(&case.issuer.root_key)];
    assert_eq!(outcome(&case.judge(statuses(1, 0), |_| {})), "accepted");
}

#[test]
fn a_revoked_authority_between_vouches_for_no_signer() {
    let mut case = Case::iso();
    let (leaf_key, chain) = below_intermediate(&case, Some(0));
    let judge = |case: &Case| {
        let mut spec = case.token(statuses(1, 0));
        spec.chain.clone_from(&chain);
        case.judge_tokens(&[(URI, CWT, spec.cwt(&leaf_key))])
    };
    assert_eq!(outcome(&judge(&case)), "accepted");
    // The document signer of the case has another serial number.
    let mut list = CrlSpec::new(name("JP", None, "TEST IACA"), &case.issuer.root_key, 1, NOW);
    list.revoke(&[3], NOW - DAY);
    case.crls = vec![list.sign(&case.issuer.root_key)];
    let verdict = judge(&case);
    assert_eq!(outcome(&verdict), INVALID);
    assert_eq!(
        check(&verdict, "status")["detail"]["fault"],
        "the certificate of the token's signer is revoked"
    );
}

#[test]
fn who_stands_beyond_the_issuer_in_a_chain_convicts_nobody() {
    let mut case = Case::iso();
    let root_name = name("JP", None, "TEST IACA");
    let window = (NOW - 30 * DAY, NOW + 300 * DAY);
    // Anybody can certify the issuer's key once more, and themselves above it.
    let (evil, evil_name) = (key(66), name("JP", None, "TEST beyond"));
    let above = (&evil_name[..], &evil);
    let mut again =
        CertificateSpec::status_signer(&case.issuer.root_key, above, root_name.clone(), vec![9], window);
    again.extension(oid::KEY_USAGE).value = holder::certificate::key_usage(0x06);
    again.extend(oid::BASIC_CONSTRAINTS, true, authority(None));
    let beyond = CertificateSpec::root(&evil, evil_name.clone(), vec![10], window).sign(&evil);
    let own = case.authority.certificate.clone();
    let serial = mdoc::x509::Certificate::from_der(&own).unwrap().serial().to_vec();
    let chain = vec![own, again.sign(&evil), beyond];
    let judge = |case: &Case| {
        let mut spec = case.token(statuses(1, 0));
        spec.chain.clone_from(&chain);
        outcome(&case.judge_tokens(&[(URI, CWT, spec.cwt(&case.authority.key))]))
    };
    assert_eq!(judge(&case), "accepted");
    let mut list = CrlSpec::new(root_name, &evil, 1, NOW);
    list.revoke(&serial, NOW - DAY);
    case.crls = vec![list.sign(&evil)];
    assert_eq!(judge(&case), "accepted");
    case.crls = vec![list.sign(&case.issuer.root_key)];
    assert_eq!(judge(&case), INVALID, "the twin that the issuer signed");
}

#[test]
fn algorithms_must_fit_and_be_allowed() {
    let case = Case::open();
    let spec = case.token(statuses(1, 0));
    let verdict = case.judge_tokens(&[(URI, CWT, spec.cwt(&key(88)))]);
    assert_eq!(outcome(&verdict), INVALID, "another key than the certificate's");
    let jwt = spec.jwt(&case.authority.key);
    let (_, rest) = jwt.split_once('.').unwrap();
    use base64::Engine as _;
    for algorithm in ["none", "HS256", "RS256", "ES256K", "es256"] {
        let header = json!({ "alg": algorithm, "typ": "statuslist+jwt" }).to_string();
        let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header);
        let verdict = case.judge_tokens(&[(URI, JWT, format!("{header}.{rest}").into_bytes())]);
        assert_eq!(
            check(&verdict, "status")["detail"]["fault"],
            "the algorithm is not allowed, or does not fit the key",
            "{algorithm}"
        );
    }
}

#[test]
fn lists_are_exchanged_in_one_copy_of_the_evidence_and_not_in_the_other() {
    let case = Case::iso();
    let token = |value: u8, issued_at: i64| {
        let mut spec = case.token(statuses(1, value));
        spec.issued_at = issued_at;
        std::sync::Arc::new(mdoc::status::StatusToken::decode(&spec.cwt(&case.authority.key)).unwrap())
    };
    let judge = |evidence: &Evidence| {
        let purpose = age_purpose(&case.revocation);
        outcome(&verdict_on(
            &case.built,
            &purpose,
            &trust(&[&case.built.root]),
            evidence,
            NOW,
        ))
    };
    let mut first = Evidence::default();
    first.set_tokens(URI, [token(1, NOW - 60)], None);
    assert_eq!(judge(&first), "status.revoked");
    // A newer list of the same name stands before an older one; alone in its place it speaks alone.
    let mut second = first.clone();
    second.set_tokens(URI, [token(1, NOW - 60), token(0, NOW - 30)], None);
    assert_eq!(
        (judge(&second), second.tokens_of(URI).len()),
        ("accepted".to_owned(), 2)
    );
    second.set_tokens(URI, [token(0, NOW - 90)], None);
    assert_eq!(
        (judge(&second), second.tokens_of(URI).len()),
        ("accepted".to_owned(), 1)
    );
    assert_eq!(judge(&first), "status.revoked", "the copy is untouched");
    // Of another list it is none; what is refused is told while nothing better is there.
    second.set_tokens("https://status.example/2", [token(0, NOW - 90)], None);
    assert_eq!(second.tokens_of("https://status.example/2").len(), 0);
    second.set_tokens(URI, [], Some(mdoc::status::TokenError::Form));
    assert_eq!(judge(&second), INVALID);
    second.set_tokens(URI, [], None);
    assert_eq!(judge(&second), "status.unavailable");
}
