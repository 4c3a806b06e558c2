//! The whole judge over a genuine response with bytes changed, cut or put in. It never panics, and
//! what it accepts gives the genuine answers.
#![no_main]

use std::sync::LazyLock;

use holder::{Built, Scenario};
use libfuzzer_sys::fuzz_target;
use mdoc::session::SessionTranscript;
use mdoc::time::UnixTime;
use relying_party::purpose::{Purpose, ready_made};
use relying_party::{Decision, DeviceKeys, Evidence, TrustFile, TrustSnapshot, judge};

struct Genuine {
    built: Built,
    transcript: SessionTranscript,
    trust: TrustSnapshot,
    purpose: Purpose,
    now: UnixTime,
}

static GENUINE: LazyLock<Genuine> = LazyLock::new(|| {
    let built = Scenario::my_number().build();
    let anchor = TrustFile {
        name: "anchors/root.der".to_owned(),
        bytes: built.root.clone(),
    };
    Genuine {
        transcript: SessionTranscript::from_bytes(&built.session_transcript).expect("a transcript"),
        trust: TrustSnapshot::new(vec![anchor]).expect("a root"),
        purpose: ready_made("age-20-unattended").expect("a purpose"),
        now: UnixTime::from_seconds(built.now).expect("an instant"),
        built,
    }
});

/// Each three bytes of the input change the response at one place.
fn mutate(genuine: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut bytes = genuine.to_vec();
    for change in changes.chunks_exact(3) {
        if bytes.is_empty() {
            break;
        }
        let at = (usize::from(change[0]) << 8 | usize::from(change[1])) % bytes.len();
        match change[2] {
            0 => bytes.truncate(at),
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, change[0]),
            other => bytes[at] ^= other,
        }
    }
    bytes
}

fuzz_target!(|input: &[u8]| {
    let genuine = &*GENUINE;
    let evidence = Evidence::default();
    for response in [mutate(&genuine.built.response, input), input.to_vec()] {
        let judgement = judge(
            &response,
            &genuine.transcript,
            DeviceKeys::None,
            &genuine.purpose,
            &genuine.trust,
            &evidence,
            genuine.now,
        );
        let verdict = judgement.verdict.to_json();
        if judgement.verdict.decision == Decision::Accepted {
            assert_eq!(verdict["answers"], serde_json::json!({ "over_20": true }));
        } else {
            assert_eq!(verdict["answers"], serde_json::json!({}));
        }
    }
});
