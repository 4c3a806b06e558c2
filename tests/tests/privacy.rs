//! No claim value in a log line, an error text or a debug text of a whole run at trace level.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};

use holder::credential::Credential;
use holder::{Scenario, Stage};
use mdoc::response::DeviceResponse;
use mdoc::session::SessionTranscript;
use mdoc::time::UnixTime;
use relying_party::purpose::Purpose;
use relying_party::{DeviceKeys, Evidence, judge};
use serde_json::json;
use verifier_tests::trust;

/// Texts that stand in the sample credential and must stand nowhere else.
const CLAIMS: [&str; 6] = [
    "辻",
    "見本ハイツ",
    "1994-02-03",
    "1994年2月3日",
    "123456789018",
    "01100",
];

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn scenario() -> Scenario {
    let japan: &[&str] = &[
        "full_name_unicode",
        "resident_address_unicode",
        "local_gov_code_unicode",
        "individual_number_unicode",
        "birth_date_unicode",
    ];
    let general: &[&str] = &["birth_date", "age_over_20"];
    Scenario::new(
        Credential::my_number(None),
        &[("org.iso.23220.1", general), ("org.iso.23220.1.jp", japan)],
    )
}

/// Asks for the age alone: everything else is returned unasked.
fn purpose() -> Purpose {
    Purpose::from_json(json!({ "id": "age", "title": { "en": "Age" },
        "document": [{ "doc_type": "org.iso.23220.1.jp.mnc", "request": { "org.iso.23220.1": { "age_over_20": false } } }],
        "answer": [{ "name": "over_20", "rule": "age_over", "threshold": 20 }] }))
    .unwrap()
}

#[test]
fn no_claim_value_reaches_a_log_a_debug_text_or_the_verdict() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let mut texts = String::new();
    tracing::subscriber::with_default(subscriber, || {
        tracing::trace!("the log is heard");
        let changes: [Option<(Stage, usize)>; 4] = [
            None,
            Some((Stage::IssuerSignature, 3)),
            Some((Stage::IssuerSignedItemBytes, 90)),
            Some((Stage::WireBytes, 40)),
        ];
        for change in changes {
            let built = match change {
                None => scenario(),
                Some((stage, index)) => scenario().with(stage, move |bytes| {
                    if let Some(byte) = bytes.as_bytes_mut().and_then(|bytes| bytes.get_mut(index)) {
                        *byte ^= 1;
                    }
                }),
            }
            .build();
            let transcript = SessionTranscript::from_bytes(&built.session_transcript).unwrap();
            let now = UnixTime::from_seconds(built.now).unwrap();
            let (trust, purpose) = (trust(&[&built.root]), purpose());
            let evidence = Evidence::default();
            let judgement = judge(
                &built.response,
                &transcript,
                DeviceKeys::None,
                &purpose,
                &trust,
                &evidence,
                now,
            );
            if change.is_none() {
                assert_eq!(judgement.verdict.to_json()["answers"], json!({ "over_20": true }));
                assert_eq!(judgement.verdict.documents[0].withheld.len(), 6);
            }
            write!(
                texts,
                "{judgement:?} {:#?} {}",
                judgement.verdict,
                judgement.verdict.to_json()
            )
            .unwrap();
            let response = DeviceResponse::decode(&built.response, &mdoc::limits::Limits::default(), false);
            write!(texts, "{response:?} {transcript:?} {trust:?}").unwrap();
            for document in response.into_iter().flat_map(|response| response.documents) {
                write!(texts, "{document:#?}").unwrap();
            }
        }
    });
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("the log is heard"), "the log is searched in earnest");
    for claim in CLAIMS {
        assert!(!log.contains(claim), "{claim} in the log");
        assert!(!texts.contains(claim), "{claim} in a debug text or the verdict");
        let bytes = format!("{:?}", claim.as_bytes());
        assert!(
            !texts.contains(bytes.trim_matches(['[', ']'])),
            "{claim} as numbers"
        );
    }
}
