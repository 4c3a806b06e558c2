//! What a CRL can get wrong, judged with a whole presentation: the exact outcome of `issuer.crl`,
//! and an untouched twin that passes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use holder::certificate::{Extension, der, name, oid};
use holder::evidence::{CRL_NUMBER, CrlSpec};
use holder::hooks::Hooks;
use holder::issuer::{DAY, Issuer};
use holder::keys::SigningKey;
use holder::scenario::NOW;
use holder::{Built, Scenario};
use mdoc::crypto::Curve;
use mdoc::x509::Certificate;
use rand_core::SeedableRng as _;
use relying_party::{Evidence, TrustFile, TrustSnapshot};
use serde_json::{Value, json};
use verifier_tests::{age_purpose, check, outcome, trust, verdict_of, verdict_on};

const UNAVAILABLE: &str = "issuer.certificate.revocation_unavailable";
const REVOKED: &str = "issuer.certificate.revoked";

/// A presentation, its issuer, and a conforming CRL of it.
struct Case {
    built: Built,
    issuer: Issuer,
    spec: CrlSpec,
}

impl Case {
    fn new() -> Self {
        Self::of(&Scenario::my_number())
    }

    fn of(scenario: &Scenario) -> Self {
        let issuer = Issuer::new(&scenario.issuer, &Hooks::default());
        let name = name(scenario.issuer.country, scenario.issuer.state, "TEST IACA");
        Self {
            built: scenario.build(),
            spec: CrlSpec::new(name, &issuer.root_key, 7, NOW),
            issuer,
        }
    }

    fn signer_serial(&self) -> Vec<u8> {
        Certificate::from_der(&self.issuer.signer)
            .unwrap()
            .serial()
            .to_vec()
    }

    fn with(mut self, change: impl FnOnce(&mut CrlSpec)) -> Self {
        change(&mut self.spec);
        self
    }

    fn revoked_at(self, date: i64) -> Self {
        let serial = self.signer_serial();
        self.with(|spec| spec.revoke(&serial, date))
    }

    fn judge_on(&self, crls: &[Vec<u8>], crl: &str) -> Value {
        let mut evidence = Evidence::default();
        for der in crls {
            evidence.add_crl(der).unwrap();
        }
        let trust = trust(&[&self.built.root]);
        verdict_on(
            &self.built,
            &age_purpose(&json!({ "crl": crl })),
            &trust,
            &evidence,
            NOW,
        )
    }

    fn judge(&self, crl: &str) -> Value {
        self.judge_on(&[self.spec.sign(&self.issuer.root_key)], crl)
    }
}

/// The list is of no use: undetermined where one is required, a warning where it is only wished for.
fn unavailable(case: &Case, fault: &str) {
    assert_eq!(
        outcome(&Case::new().judge("required")),
        "accepted",
        "the untouched twin"
    );
    let verdict = case.judge("required");
    assert_eq!(outcome(&verdict), UNAVAILABLE, "{verdict:#}");
    assert_eq!(verdict["verdict"], "undetermined");
    assert_eq!(check(&verdict, "issuer.crl")["detail"]["fault"], fault);
    let verdict = case.judge("if_available");
    assert_eq!(outcome(&verdict), "accepted");
    let warned = check(&verdict, "issuer.crl");
    assert_eq!(
        (&warned["result"], &warned["reason"]),
        (&"warned".into(), &UNAVAILABLE.into())
    );
}

#[test]
fn a_good_list_clears_and_says_how_old_it_is() {
    let verdict = Case::new().judge("required");
    assert_eq!(outcome(&verdict), "accepted");
    let passed = check(&verdict, "issuer.crl");
    assert_eq!(passed["result"], "passed");
    assert_eq!(passed["as_of"], "2026-11-22T06:00:00Z");
}

#[test]
fn a_list_of_others_clears() {
    let case = Case::new().with(|spec| (1..=200).for_each(|serial| spec.revoke(&[serial, 1], NOW - DAY)));
    assert_eq!(outcome(&case.judge("required")), "accepted");
}

#[test]
fn a_revoked_signer_is_rejected_whatever_the_policy_but_off() {
    for crl in ["required", "if_available"] {
        assert_eq!(outcome(&Case::new().judge(crl)), "accepted", "the untouched twin");
        let verdict = Case::new().revoked_at(NOW - 10 * DAY).judge(crl);
        assert_eq!(outcome(&verdict), REVOKED);
        assert_eq!(verdict["verdict"], "rejected");
        assert_eq!(verdict["answers"], json!({}));
    }
    let verdict = Case::new().revoked_at(NOW - 10 * DAY).judge("off");
    assert_eq!(check(&verdict, "issuer.crl")["detail"]["policy"], "off");
}

#[test]
fn a_revocation_after_the_signature_rejects_too_and_says_so() {
    let before = Case::new().revoked_at(NOW - 10 * DAY).judge("required");
    let detail = &check(&before, "issuer.crl")["detail"];
    assert_eq!(detail, &json!({ "revoked_at": "2026-11-13T06:00:00Z" }));
    // The MSO of the scenario was signed an hour ago.
    let after = Case::new().revoked_at(NOW - 60).judge("required");
    assert_eq!(outcome(&after), REVOKED);
    let detail = &check(&after, "issuer.crl")["detail"];
    assert_eq!(detail["revoked_at"], "2026-11-23T05:59:00Z");
    assert_eq!(detail["signed"], "2026-11-23T05:00:00Z");
    assert_eq!(detail["note"], "the MSO was signed before the revocation");
}

#[test]
fn a_revocation_dated_in_the_future_rejects_too() {
    assert_eq!(
        outcome(&Case::new().revoked_at(NOW + DAY).judge("required")),
        REVOKED
    );
}

#[test]
fn an_old_list_is_stale_and_its_age_is_told() {
    let old = Case::new().with(|spec| {
        spec.this_update = NOW - 40 * DAY;
        spec.next_update = Some(NOW - 1);
    });
    unavailable(&old, "the evidence has passed its own end");
    let verdict = old.judge("required");
    assert_eq!(check(&verdict, "issuer.crl")["detail"]["age"], 40 * DAY);
    assert_eq!(check(&verdict, "issuer.crl")["as_of"], "2026-10-14T06:00:00Z");
    let last = Case::new().with(|spec| spec.next_update = Some(NOW));
    assert_eq!(outcome(&last.judge("required")), "accepted", "its last second");
}

#[test]
fn a_stale_list_still_convicts() {
    let old = Case::new()
        .with(|spec| {
            spec.this_update = NOW - 40 * DAY;
            spec.next_update = Some(NOW - 1);
        })
        .revoked_at(NOW - 50 * DAY);
    assert_eq!(outcome(&old.judge("if_available")), REVOKED);
}

#[test]
fn a_list_of_the_future_says_nothing() {
    let early = Case::new().with(|spec| spec.this_update = NOW + 1);
    unavailable(&early, "the CRL is dated in the future");
}

#[test]
fn no_list_is_unavailable() {
    let verdict = Case::new().judge_on(&[], "required");
    assert_eq!(outcome(&verdict), UNAVAILABLE);
    assert_eq!(
        check(&verdict, "issuer.crl")["detail"]["fault"],
        "no CRL of the issuer is at hand"
    );
}

#[test]
fn a_list_of_another_issuer_is_not_asked() {
    let case = Case::new().with(|spec| spec.issuer = name("JP", None, "ANOTHER IACA"));
    unavailable(&case, "no CRL of the issuer is at hand");
}

#[test]
fn a_list_of_the_same_name_under_another_key_neither_clears_nor_convicts() {
    let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(99);
    let other = SigningKey::generate(Curve::P256, &mut random);
    for case in [Case::new(), Case::new().revoked_at(NOW - DAY)] {
        let verdict = case.judge_on(&[case.spec.sign(&other)], "required");
        assert_eq!(outcome(&verdict), UNAVAILABLE);
        assert_eq!(
            check(&verdict, "issuer.crl")["detail"]["fault"],
            "no CRL at hand is signed by the issuer"
        );
        // Beside a genuine list it changes nothing, whatever its number.
        let mut forged = case.spec.clone();
        forged.extensions[1].value = der(0x02, &[0x7f]);
        let genuine = Case::new().spec.sign(&case.issuer.root_key);
        let verdict = case.judge_on(&[forged.sign(&other), genuine], "required");
        assert_eq!(outcome(&verdict), "accepted");
    }
}

#[test]
fn every_flipped_bit_of_a_list_is_noticed() {
    let case = Case::new().revoked_at(NOW - DAY);
    let genuine = case.spec.sign(&case.issuer.root_key);
    for index in 0..genuine.len() {
        let mut changed = genuine.clone();
        changed[index] ^= 1;
        let mut evidence = Evidence::default();
        // Not a CRL any more, or one that the issuer did not sign: it never clears.
        let _parsed = evidence.add_crl(&changed);
        let trust = trust(&[&case.built.root]);
        let verdict = verdict_on(
            &case.built,
            &age_purpose(&json!({ "crl": "required" })),
            &trust,
            &evidence,
            NOW,
        );
        assert_eq!(outcome(&verdict), UNAVAILABLE, "byte {index}");
    }
}

#[test]
fn the_newest_of_several_lists_decides() {
    let older = Case::new().with(|spec| spec.this_update = NOW - 5 * DAY);
    let newer = Case::new()
        .with(|spec| spec.extensions[1].value = der(0x02, &[8]))
        .revoked_at(NOW - DAY);
    let (older, newer) = (
        older.spec.sign(&older.issuer.root_key),
        newer.spec.sign(&newer.issuer.root_key),
    );
    for lists in [[older.clone(), newer.clone()], [newer, older]] {
        assert_eq!(outcome(&Case::new().judge_on(&lists, "required")), REVOKED);
    }
}

#[test]
fn a_newer_list_that_cannot_speak_hides_no_older_one() {
    let changes: [&dyn Fn(&mut CrlSpec); 4] = [
        // Delta CRLs are numbered along with the complete ones that they stand beside.
        &|spec| {
            spec.extensions
                .push(extension("2.5.29.27", true, der(0x02, &[1])))
        },
        // Of certificates of authorities alone.
        &|spec| {
            let scope = der(0x30, &der(0x82, &[0xff]));
            spec.extensions.push(extension("2.5.29.28", true, scope));
        },
        &|spec| spec.next_update = None,
        &|spec| {
            spec.this_update = NOW + 60;
            spec.next_update = Some(NOW + DAY);
        },
    ];
    for change in changes {
        let silent = Case::new().with(|spec| {
            spec.extensions[1].value = der(0x02, &[8]);
            change(spec);
        });
        let silent = silent.spec.sign(&silent.issuer.root_key);
        let complete = Case::new().spec.sign(&Case::new().issuer.root_key);
        let revoking = Case::new().revoked_at(NOW - DAY);
        let revoking = revoking.spec.sign(&revoking.issuer.root_key);
        let judge = |lists: &[Vec<u8>]| outcome(&Case::new().judge_on(lists, "required"));
        assert_eq!(judge(std::slice::from_ref(&silent)), UNAVAILABLE);
        assert_eq!(judge(&[silent.clone(), revoking]), REVOKED);
        assert_eq!(judge(&[silent, complete]), "accepted");
    }
}

#[test]
fn lists_that_gather_do_not_keep_the_newest_out() {
    let list = |number: u8, case: Case| {
        let case = case.with(|spec| spec.extensions[1].value = der(0x02, &[number]));
        case.spec.sign(&case.issuer.root_key)
    };
    let delta = |case: Case| {
        case.with(|spec| {
            spec.extensions
                .push(extension("2.5.29.27", true, der(0x02, &[1])))
        })
    };
    let judge = |lists: &[Vec<u8>]| outcome(&Case::new().judge_on(lists, "required"));
    let older: Vec<Vec<u8>> = (1..=8).map(|number| list(number, Case::new())).collect();
    assert_eq!(judge(&older), "accepted");
    let revoking = list(9, Case::new().revoked_at(NOW - DAY));
    let deltas: Vec<Vec<u8>> = (10..=17).map(|number| list(number, delta(Case::new()))).collect();
    for others in [&older, &deltas] {
        assert_eq!(
            judge(&[others.as_slice(), std::slice::from_ref(&revoking)].concat()),
            REVOKED
        );
    }
    let mut evidence = Evidence::default();
    for der in older[1..].iter().chain([&revoking]) {
        evidence.add_crl(der).unwrap();
    }
    assert_eq!(
        evidence.add_crl(&older[0]).unwrap_err(),
        mdoc::evidence::EvidenceError::TooMany
    );
    assert_eq!(evidence.add_crl(&list(10, Case::new())), Ok(()));
    assert_eq!(evidence.crls().count(), 8);
}

#[test]
fn a_number_never_goes_back() {
    let case = Case::new();
    let list = |number: &[u8]| {
        let mut evidence = Evidence::default();
        let mut spec = case.spec.clone();
        spec.extensions[1].value = der(0x02, number);
        evidence.add_crl(&spec.sign(&case.issuer.root_key)).unwrap();
        evidence
    };
    // 255 is longer than its leading zero lets it seem; 256 is larger.
    for (known, new, refused) in [
        (&[7][..], &[8][..], 0),
        (&[7], &[7], 0),
        (&[8], &[7], 1),
        (&[1, 0], &[0, 0xff], 1),
        (&[0, 0xff], &[1, 0], 0),
    ] {
        let (kept, replaced) = list(new).not_behind(&list(known));
        assert_eq!(replaced, refused, "{known:?} {new:?}");
        let number = kept.crls().next().unwrap().number().unwrap().clone();
        assert!(number >= *list(known).crls().next().unwrap().number().unwrap());
    }
}

#[test]
fn a_list_that_goes_back_decides_nothing_where_a_newer_one_was_known() {
    let list = |number: u8, case: Case| {
        let case = case.with(|spec| spec.extensions[1].value = der(0x02, &[number]));
        case.spec.sign(&case.issuer.root_key)
    };
    let forged = |number: u8, case: Case| {
        let case = case.with(|spec| spec.extensions[1].value = der(0x02, &[number]));
        let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(9);
        case.spec.sign(&SigningKey::generate(Curve::P384, &mut random))
    };
    let snapshot = |crls: &[Vec<u8>]| {
        let file = |name: &str, bytes: &[u8]| TrustFile {
            name: name.to_owned(),
            bytes: bytes.to_vec(),
        };
        let crls = crls.iter().enumerate();
        let mut files: Vec<TrustFile> = crls.map(|(i, der)| file(&format!("crls/{i}"), der)).collect();
        files.push(file("anchors/root.der", &Case::new().built.root));
        files
    };
    let judge = |trust: &TrustSnapshot| {
        outcome(&verdict_on(
            &Case::new().built,
            &age_purpose(&json!({ "crl": "required" })),
            trust,
            trust.evidence(),
            NOW,
        ))
    };
    let revoking = list(8, Case::new().revoked_at(NOW - DAY));
    let known = TrustSnapshot::new(snapshot(&[revoking])).unwrap();
    let mut after = known.successor(snapshot(&[list(7, Case::new())])).unwrap();
    for _again in 0..3 {
        assert_eq!(judge(&after), REVOKED);
        let reason = "a CRL older than the one that is held";
        assert_eq!(after.skipped(), [("crls".to_owned(), reason.to_owned())]);
        after = after.successor(snapshot(&[list(7, Case::new())])).unwrap();
    }
    // A list that nobody signed silences none that the issuer signed, whatever number it has.
    let known = TrustSnapshot::new(snapshot(&[forged(99, Case::new())])).unwrap();
    assert_eq!(judge(&known), UNAVAILABLE);
    let after = known.successor(snapshot(&[list(7, Case::new())])).unwrap();
    assert_eq!(judge(&after), "accepted");
    let revoking = list(7, Case::new().revoked_at(NOW - DAY));
    assert_eq!(judge(&known.successor(snapshot(&[revoking])).unwrap()), REVOKED);
}

fn extension(oid: &'static str, critical: bool, value: Vec<u8>) -> Extension {
    Extension { oid, critical, value }
}

#[test]
fn a_delta_list_is_refused() {
    let delta = Case::new().with(|spec| {
        spec.extensions
            .push(extension("2.5.29.27", true, der(0x02, &[1])))
    });
    unavailable(&delta, "the CRL is a delta CRL");
}

#[test]
fn an_indirect_list_is_refused_and_convicts_nobody() {
    let scope = der(0x30, &der(0x84, &[0xff]));
    let indirect = Case::new().with(|spec| spec.extensions.push(extension("2.5.29.28", true, scope)));
    unavailable(&indirect, "the CRL is an indirect CRL");
    let listed = indirect.revoked_at(NOW - DAY);
    unavailable(&listed, "the CRL is an indirect CRL");
}

#[test]
fn an_entry_of_another_issuer_makes_a_list_indirect() {
    let names = der(0x30, &der(0xa4, &der(0x30, &[])));
    let case = Case::new().with(|spec| {
        spec.revoke(&[5], NOW - DAY);
        spec.entries[0]
            .extensions
            .push(extension("2.5.29.29", true, names));
    });
    unavailable(&case, "the CRL is an indirect CRL");
}

#[test]
fn a_partial_list_clears_nobody_and_convicts() {
    let scope = der(0x30, &der(0x81, &[0xff]));
    let partial =
        || Case::new().with(|spec| spec.extensions.push(extension("2.5.29.28", true, scope.clone())));
    unavailable(
        &partial(),
        "the CRL does not cover all certificates of its issuer",
    );
    assert_eq!(
        outcome(&partial().revoked_at(NOW - DAY).judge("required")),
        REVOKED
    );
}

#[test]
fn an_unknown_critical_extension_refuses_the_list() {
    const UNKNOWN: &str = "1.3.6.1.4.1.55555.1";
    let fault = "the CRL has an unknown critical extension";
    let of_list = Case::new().with(|spec| spec.extensions.push(extension(UNKNOWN, true, vec![5, 0])));
    unavailable(&of_list, fault);
    let of_entry = Case::new().with(|spec| {
        spec.revoke(&[5], NOW - DAY);
        spec.entries[0]
            .extensions
            .push(extension(UNKNOWN, true, vec![5, 0]));
    });
    unavailable(&of_entry, fault);
    let not_critical = Case::new().with(|spec| spec.extensions.push(extension(UNKNOWN, false, vec![5, 0])));
    assert_eq!(outcome(&not_critical.judge("required")), "accepted");
}

#[test]
fn entry_extensions_are_let_pass_and_the_entry_counts() {
    let serial = Case::new().signer_serial();
    let case = Case::new().with(|spec| {
        spec.revoke(&serial, NOW - DAY);
        // removeFromCRL, which only a delta list may say.
        spec.entries[0]
            .extensions
            .push(extension("2.5.29.21", false, der(0x0a, &[8])));
    });
    assert_eq!(outcome(&case.judge("required")), REVOKED);
}

#[test]
fn what_a_list_must_say_is_missed() {
    let lacks = |index: usize| Case::new().with(|spec| drop(spec.extensions.remove(index)));
    unavailable(&lacks(0), "the CRL has no authority key identifier");
    unavailable(&lacks(1), "the CRL has no number");
    let endless = Case::new().with(|spec| spec.next_update = None);
    unavailable(&endless, "the CRL does not say when the next one is due");
    // A list that cannot clear convicts all the same.
    assert_eq!(
        outcome(&lacks(1).revoked_at(NOW - DAY).judge("required")),
        REVOKED
    );
}

#[test]
fn a_list_that_names_another_key_is_refused() {
    let case = Case::new().with(|spec| spec.extensions[0].value = der(0x30, &der(0x80, &[7; 20])));
    unavailable(&case, "the CRL names another key than its issuer's");
}

#[test]
fn broken_extensions_refuse_the_list() {
    let malformed = Case::new().with(|spec| spec.extensions[1].value = der(0x04, &[7]));
    unavailable(&malformed, "the CRL has a malformed extension");
    let negative = Case::new().with(|spec| spec.extensions[1].value = der(0x02, &[0x80]));
    unavailable(&negative, "the CRL has a malformed extension");
    let endless = Case::new().with(|spec| spec.extensions[1].value = der(0x02, &[1; 21]));
    unavailable(&endless, "the CRL has a malformed extension");
    let twice = Case::new().with(|spec| {
        spec.extensions
            .push(extension(CRL_NUMBER, false, der(0x02, &[9])))
    });
    unavailable(&twice, "the CRL has one extension twice");
}

#[test]
fn an_algorithm_named_twice_must_be_the_same() {
    let sha384 = der(0x30, &holder::certificate::der_oid("1.2.840.10045.4.3.3"));
    let case = Case::new().with(|spec| spec.inner_algorithm = Some(sha384));
    unavailable(&case, "the CRL names two signature algorithms");
}

#[test]
fn a_list_of_version_1_is_none() {
    let case = Case::new().with(|spec| {
        spec.version = None;
        spec.extensions.clear();
    });
    let mut evidence = Evidence::default();
    let error = evidence
        .add_crl(&case.spec.sign(&case.issuer.root_key))
        .unwrap_err();
    assert_eq!(error.to_string(), "not a DER CRL");
}

#[test]
fn an_empty_list_of_entries_and_a_long_interval_are_let_pass() {
    let case = Case::new().with(|spec| {
        spec.empty_list = true;
        spec.next_update = Some(NOW + 200 * DAY);
    });
    assert_eq!(outcome(&case.judge("required")), "accepted");
    let mut evidence = Evidence::default();
    evidence.add_crl(&case.spec.sign(&case.issuer.root_key)).unwrap();
    let names: Vec<&str> = evidence
        .crls()
        .next()
        .unwrap()
        .broken_rules()
        .iter()
        .map(|rule| rule.name())
        .collect();
    assert_eq!(names, ["crl_empty_list", "crl_update_interval"]);
}

#[test]
fn serial_numbers_are_compared_by_value() {
    let mut serial = Case::new().signer_serial();
    serial.insert(0, 0);
    // One zero byte more is not DER, but names the same number where a parser lets it pass.
    let case = Case::new().with(|spec| spec.revoke(&serial, NOW - DAY));
    let mut evidence = Evidence::default();
    if evidence.add_crl(&case.spec.sign(&case.issuer.root_key)).is_ok() {
        assert_eq!(outcome(&case.judge("required")), REVOKED);
    }
}

#[test]
fn a_successor_of_the_root_signs_for_it() {
    let case = Case::new();
    let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(5);
    let new_key = SigningKey::generate(Curve::P384, &mut random);
    let own_name = name("JP", None, "TEST IACA");
    let window = (NOW - 5 * DAY, NOW + 900 * DAY);
    let spec = holder::certificate::CertificateSpec::root(&new_key, own_name.clone(), vec![9], window);
    let link = spec.sign(&case.issuer.root_key);
    let root = spec.sign(&new_key);
    let list = |revoked: bool| {
        let mut list = CrlSpec::new(own_name.clone(), &new_key, 9, NOW);
        if revoked {
            list.revoke(&case.signer_serial(), NOW - DAY);
        }
        let mut evidence = Evidence::default();
        evidence.add_crl(&list.sign(&new_key)).unwrap();
        evidence
    };
    let judge = |roots: &[&[u8]], revoked| {
        let purpose = age_purpose(&json!({ "crl": "required" }));
        outcome(&verdict_on(
            &case.built,
            &purpose,
            &trust(roots),
            &list(revoked),
            NOW,
        ))
    };
    assert_eq!(judge(&[&case.built.root, &link], false), "accepted");
    assert_eq!(judge(&[&case.built.root, &link], true), REVOKED);
    // Without the link the new root is another authority of the same name.
    assert_eq!(judge(&[&case.built.root, &root], false), UNAVAILABLE);
    assert_eq!(judge(&[&case.built.root, &root], true), UNAVAILABLE);
}

#[test]
fn a_signer_is_judged_revoked_also_where_another_check_fails() {
    let case = Case::of(&Scenario::my_number().set(|s| s.terms.valid_until = NOW - 60)).revoked_at(NOW - DAY);
    let verdict = case.judge("required");
    assert_eq!(outcome(&verdict), REVOKED);
    assert_eq!(check(&verdict, "mso.validity")["reason"], "mso.expired");
}

#[test]
fn without_a_trusted_signer_no_list_is_asked() {
    let case = Case::new().revoked_at(NOW - DAY);
    let mut evidence = Evidence::default();
    evidence.add_crl(&case.spec.sign(&case.issuer.root_key)).unwrap();
    let other = Scenario::my_number().set(|s| s.issuer.seed = 2).build();
    let verdict = verdict_on(
        &case.built,
        &age_purpose(&json!({ "crl": "required" })),
        &trust(&[&other.root]),
        &evidence,
        NOW,
    );
    assert_eq!(outcome(&verdict), "issuer.chain");
    assert_eq!(
        check(&verdict, "issuer.crl"),
        &json!({ "check": "issuer.crl", "result": "not_reached", "after": "issuer.chain" })
    );
}

#[test]
fn the_lists_of_a_trust_directory_are_used() {
    let case = Case::new().revoked_at(NOW - DAY);
    let files = |crl: Vec<u8>| {
        TrustSnapshot::new(vec![
            TrustFile {
                name: "anchors/test.der".to_owned(),
                bytes: case.built.root.clone(),
            },
            TrustFile {
                name: "crls/test.crl".to_owned(),
                bytes: crl,
            },
        ])
        .unwrap()
    };
    let judge = |snapshot: &TrustSnapshot| {
        outcome(&verdict_on(
            &case.built,
            &age_purpose(&json!({ "crl": "if_available" })),
            snapshot,
            snapshot.evidence(),
            NOW,
        ))
    };
    assert_eq!(judge(&files(case.spec.sign(&case.issuer.root_key))), REVOKED);
    let broken = files(b"no list".to_vec());
    assert_eq!(judge(&broken), "accepted");
    assert_eq!(
        broken.skipped(),
        [("crls/test.crl".to_owned(), "not a DER CRL".to_owned())]
    );
}

#[test]
fn the_age_of_a_list_is_bounded_by_the_purpose() {
    let case = Case::new();
    let purpose = |max_age: &str| age_purpose(&json!({ "crl": "required", "max_age": max_age }));
    let mut evidence = Evidence::default();
    evidence.add_crl(&case.spec.sign(&case.issuer.root_key)).unwrap();
    let trust = trust(&[&case.built.root]);
    let judge = |max_age| verdict_on(&case.built, &purpose(max_age), &trust, &evidence, NOW);
    assert_eq!(outcome(&judge("24h")), "accepted", "it is a day old");
    let verdict = judge("23h");
    assert_eq!(outcome(&verdict), UNAVAILABLE);
    assert_eq!(
        check(&verdict, "issuer.crl")["detail"],
        json!({ "age": 86_400, "fault": "the evidence is older than the purpose allows", "max_age": 82_800 })
    );
}

#[test]
fn twins_are_accepted_without_evidence_at_all() {
    assert_eq!(
        outcome(&verdict_of(
            &Case::new().built,
            &age_purpose(&json!({ "crl": "if_available" }))
        )),
        "accepted"
    );
    assert_eq!(oid::AUTHORITY_KEY_IDENTIFIER, Case::new().spec.extensions[0].oid);
}
