//! CRLs whose signer nobody knows yet: fetched over http, where anybody on the way can put another list in the place of the
//! real one. What is forged keeps none out, and what is real counts as soon as it comes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ciborium::Value as Cbor;
use holder::certificate::{self, CertificateSpec, NameAttribute, der, oid};
use holder::evidence::{CRL_NUMBER, CrlSpec};
use holder::hooks::{Hooks, Stage, insert};
use holder::issuer::{DAY, Issuer};
use holder::keys::SigningKey;
use holder::scenario::NOW;
use holder::{Built, Scenario};
use mdoc::time::UnixTime;
use relying_party::purpose::Purpose;
use relying_party::{TrustFile, Wanted};
use serde_json::{Value, json};
use verifier_api::fetch::{FetchError, FetchSettings, Fetcher, ListKind, cached};
use verifier_tests::list_server::{Answer, ListServer};
use verifier_tests::trusting::key;
use verifier_tests::{check, outcome, verdict_on, wait_until};

const CRL: &str = "http://lists.test/crl";
const UNAVAILABLE: &str = "issuer.certificate.revocation_unavailable";
const REVOKED: &str = "issuer.certificate.revoked";

fn now() -> UnixTime {
    UnixTime::from_seconds(NOW).unwrap()
}

/// A document whose signer stands below an intermediate, which only the document brings; the publisher of the intermediate's
/// CRL, and a fetcher.
struct Desk {
    fetcher: Option<Fetcher>,
    server: ListServer,
    settings: FetchSettings,
    files: Vec<TrustFile>,
    built: Built,
    purpose: Purpose,
    /// The root above everything.
    top: SigningKey,
    top_name: Vec<NameAttribute>,
    /// The intermediate has the key and the name of the root that the scenario would have.
    issuer: Issuer,
    middle_name: Vec<NameAttribute>,
}

impl Desk {
    fn new() -> Self {
        Self::keeping_in(None)
    }

    fn keeping_in(cache: Option<&Path>) -> Self {
        let mut scenario = Scenario::pid();
        let options = scenario.issuer.clone();
        let issuer = Issuer::new(&options, &Hooks::default());
        let middle_name = certificate::name(options.country, options.state, "TEST IACA");
        let (top, top_name) = (
            key(71),
            certificate::name(options.country, options.state, "TEST top"),
        );
        let window = (NOW - 400 * DAY, NOW + 3000 * DAY);
        let mut root = CertificateSpec::root(&top, top_name.clone(), vec![9], window);
        root.extension(oid::BASIC_CONSTRAINTS).value = authority(1);
        let window = (NOW - 300 * DAY, NOW + 2000 * DAY);
        let middle = (&top_name[..], &top);
        let mut middle =
            CertificateSpec::status_signer(&issuer.root_key, middle, middle_name.clone(), vec![8], window);
        middle.extension(oid::KEY_USAGE).value = certificate::key_usage(0x06);
        middle.extend(oid::BASIC_CONSTRAINTS, true, authority(0));
        let chain = [issuer.signer.clone(), middle.sign(&top)].map(Cbor::Bytes);
        scenario.hooks.on(Stage::IssuerUnprotected, move |map| {
            let pairs = map.as_map_mut().unwrap();
            pairs.retain(|(label, _)| *label != Cbor::from(33));
            insert(map, 33, Cbor::Array(chain.to_vec()));
        });
        let request = &scenario.request[0];
        let elements: serde_json::Map<String, Value> = request
            .name_spaces
            .iter()
            .map(|(space, names)| {
                let names: serde_json::Map<String, Value> =
                    names.iter().map(|name| (name.clone(), json!(false))).collect();
                (space.clone(), Value::Object(names))
            })
            .collect();
        let purpose = json!({ "id": "test", "title": { "en": "Test" },
            "document": [{ "doc_type": request.doc_type, "request": elements }],
            "revocation": { "crl": "required", "status": "off" } });
        let server = ListServer::plain();
        let address = server.address;
        let settings = FetchSettings {
            http_crls: true,
            private_addresses: true,
            threads: 1,
            timeout: Duration::from_secs(120),
            cache: cache.map(Path::to_owned),
            lookup: Some(Arc::new(move |_: &str, _| Ok(vec![address]))),
            ..FetchSettings::default()
        };
        let file = |name: &str, bytes: Vec<u8>| TrustFile {
            name: name.to_owned(),
            bytes,
        };
        // The intermediate itself is not revoked, and as far as the root goes nothing has to be fetched.
        let mut list = CrlSpec::new(top_name.clone(), &top, 1, NOW);
        list.this_update = NOW;
        let files = vec![
            file("anchors/top.der", root.sign(&top)),
            file("crls/top.crl", list.sign(&top)),
        ];
        let mut desk = Self {
            fetcher: None,
            built: scenario.build(),
            purpose: Purpose::from_json(purpose).unwrap(),
            server,
            settings,
            files,
            top,
            top_name,
            issuer,
            middle_name,
        };
        desk.restart();
        desk
    }

    fn restart(&mut self) {
        // The one before lets the cache go.
        self.fetcher = None;
        let fetcher = Fetcher::open(self.settings.clone(), self.files.clone(), |trust| trust).unwrap();
        fetcher.start(now).unwrap();
        self.fetcher = Some(fetcher);
    }

    fn fetcher(&self) -> &Fetcher {
        self.fetcher.as_ref().unwrap()
    }

    /// The intermediate's CRL of this number, made so many seconds ago.
    fn real(&self, number: u8, ago: i64) -> CrlSpec {
        self.list(self.middle_name.clone(), &self.issuer.root_key, number, ago)
    }

    fn list(&self, name: Vec<NameAttribute>, key: &SigningKey, number: u8, ago: i64) -> CrlSpec {
        let mut spec = CrlSpec::new(name, key, number, NOW);
        spec.this_update = NOW - ago;
        spec
    }

    /// Publishes the intermediate's own list.
    fn publish(&self, number: u8, ago: i64) {
        self.put(&self.real(number, ago).sign(&self.issuer.root_key));
    }

    /// Publishes a list in the intermediate's name that somebody else signed, of this instant and with a high number.
    fn forge(&self, number: u8) {
        self.put(&self.real(number, 0).sign(&key(99)));
    }

    fn put(&self, list: &[u8]) {
        self.server
            .put("/crl", Answer::list("application/pkix-crl", list));
    }

    /// Has the list asked for, whatever there is already.
    fn fetch(&self) -> Option<FetchError> {
        let fetcher = self.fetcher();
        let attempts = || fetcher.totals().fetched + fetcher.totals().failed;
        let before = attempts();
        if fetcher.held().is_empty() {
            let wanted = [Wanted::Crl { uri: CRL.to_owned() }];
            let _pending = fetcher.request(&wanted, &fetcher.world().load());
        } else {
            fetcher.refresh_all();
        }
        wait_until(|| attempts() > before);
        fetcher.failure_of(ListKind::Crl, CRL)
    }

    fn judge(&self) -> Value {
        let world = self.fetcher().world().load_full();
        verdict_on(&self.built, &self.purpose, world.trust(), world.evidence(), NOW)
    }

    fn outcome(&self) -> String {
        outcome(&self.judge())
    }

    /// Of how many seconds ago the list is that the verdict rests on.
    #[track_caller]
    fn accepted_by_one_of(&self, ago: i64) {
        let verdict = self.judge();
        assert_eq!(outcome(&verdict), "accepted", "{verdict:#}");
        let as_of = UnixTime::from_seconds(NOW - ago).unwrap().to_string();
        assert_eq!(check(&verdict, "issuer.crl")["as_of"], as_of.as_str());
    }

    /// How many lists there are beside that of the file.
    fn lists(&self) -> usize {
        self.fetcher().world().load().evidence().crls().count() - 1
    }
}

fn authority(path_length: u8) -> Vec<u8> {
    der(0x30, &[der(0x01, &[0xff]), der(0x02, &[path_length])].concat())
}

#[test]
fn a_forged_list_keeps_the_real_one_neither_out_nor_from_counting() {
    let desk = Desk::new();
    assert_eq!(desk.outcome(), UNAVAILABLE);
    // The forger came first: the real list is older than what was forged, and counts.
    desk.forge(200);
    assert_eq!((desk.fetch(), desk.outcome()), (None, UNAVAILABLE.to_owned()));
    desk.publish(5, 3000);
    assert_eq!(desk.fetch(), None);
    desk.accepted_by_one_of(3000);
    // The forger came later, before and after somebody was judged by the real list.
    let desk = Desk::new();
    desk.publish(5, 3000);
    assert_eq!(desk.fetch(), None);
    desk.forge(200);
    assert_eq!((desk.fetch(), desk.lists()), (None, 2));
    desk.accepted_by_one_of(3000);
    for number in 201..206 {
        desk.forge(number);
        assert_eq!(
            (desk.fetch(), desk.lists()),
            (None, 3),
            "two whom nobody knows, and no more"
        );
        desk.accepted_by_one_of(3000);
    }
    // The next real one, older than what was forged, is taken at once, and takes the place of all.
    desk.publish(6, 2000);
    assert_eq!((desk.fetch(), desk.lists()), (None, 1));
    desk.accepted_by_one_of(2000);
    let mut revoking = desk.real(7, 1000);
    let signer = mdoc::x509::Certificate::from_der(&desk.issuer.signer).unwrap();
    revoking.revoke(signer.serial(), NOW - DAY);
    desk.put(&revoking.sign(&desk.issuer.root_key));
    assert_eq!((desk.fetch(), desk.outcome()), (None, REVOKED.to_owned()));
}

#[test]
fn of_a_known_signer_an_older_list_is_refused() {
    let desk = Desk::new();
    desk.publish(5, 2000);
    assert_eq!(desk.fetch(), None);
    desk.accepted_by_one_of(2000);
    desk.publish(4, 3000);
    assert_eq!(desk.fetch(), Some(FetchError::Older));
    desk.accepted_by_one_of(2000);
    desk.publish(6, 2000);
    assert_eq!(desk.fetch(), None, "the untouched twin");
    assert_eq!(desk.lists(), 1);
}

#[test]
fn a_list_of_another_issuer_takes_no_place() {
    for (known, count) in [(false, 1), (true, 2)] {
        let desk = Desk::new();
        // The anchor's own list at this URI, and then one in a name that nobody has.
        let top = |number, ago| {
            let list = desk.list(desk.top_name.clone(), &desk.top, number, ago);
            list.sign(&desk.top)
        };
        desk.put(&top(5, 3000));
        assert_eq!((desk.fetch(), desk.lists()), (None, 1));
        let nobody = certificate::name("JP", None, "TEST nobody");
        desk.put(&desk.list(nobody, &key(98), 200, 0).sign(&key(98)));
        assert_eq!((desk.fetch(), desk.lists()), (None, 2));
        desk.put(&top(6, 2000));
        assert_eq!(
            desk.fetch(),
            None,
            "it is older than the one of nobody, and taken"
        );
        assert_eq!(desk.lists(), 1);
        // The intermediate's list, and over it a real one of another issuer, sent again by somebody on the way.
        let desk = Desk::new();
        let top = desk.list(desk.top_name.clone(), &desk.top, 5, 0).sign(&desk.top);
        desk.publish(5, 3000);
        assert_eq!(desk.fetch(), None);
        if known {
            desk.accepted_by_one_of(3000);
        }
        desk.put(&top);
        assert_eq!((desk.fetch(), desk.lists()), (None, count));
        // Of what was verified nothing gives way; what was not comes back with the next list.
        let expected = if known { "accepted" } else { UNAVAILABLE };
        assert_eq!(desk.outcome(), expected);
        desk.publish(6, 2000);
        assert_eq!(desk.fetch(), None);
        desk.accepted_by_one_of(2000);
    }
}

#[test]
fn in_an_anchors_name_a_forged_list_is_refused_outright() {
    let desk = Desk::new();
    let list = desk.list(desk.top_name.clone(), &desk.top, 5, 0);
    desk.put(&list.sign(&key(99)));
    assert_eq!(desk.fetch(), Some(FetchError::CrlSignature));
    assert_eq!(desk.lists(), 0);
    desk.put(&list.sign(&desk.top));
    let wanted = [Wanted::Crl { uri: CRL.to_owned() }];
    assert!(
        desk.fetcher()
            .request(&wanted, &desk.fetcher().world().load())
            .is_empty()
    );
    let desk = Desk::new();
    desk.put(&list.sign(&desk.top));
    assert_eq!((desk.fetch(), desk.lists()), (None, 1), "the untouched twin");
}

#[test]
fn both_lists_are_there_after_a_restart_and_in_a_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::keeping_in(Some(folder.path()));
    let files = || {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".list")).count()
    };
    desk.publish(5, 3000);
    assert_eq!((desk.fetch(), files()), (None, 1));
    desk.forge(200);
    assert_eq!((desk.fetch(), files()), (None, 2));
    let settings = desk.settings.clone();
    let carried = || cached(&settings).unwrap();
    let mut names: Vec<String> = carried().into_iter().map(|list| list.file.name).collect();
    names.dedup();
    assert_eq!(names.len(), 2, "each under a name of its own");
    // Without a network, so that nothing is asked for meanwhile.
    desk.settings.lookup = Some(Arc::new(|_: &str, _| Err(std::io::Error::other("no network"))));
    desk.restart();
    assert_eq!(desk.lists(), 2);
    desk.accepted_by_one_of(3000);
    let address = desk.server.address;
    desk.settings.lookup = Some(Arc::new(move |_: &str, _| Ok(vec![address])));
    desk.publish(6, 2000);
    desk.restart();
    // Nobody was judged by it yet: both of the others stay, the one that came last gives way.
    assert_eq!((desk.fetch(), files()), (None, 2));
    desk.accepted_by_one_of(2000);
    // Now it is known who signed it, and it is alone from the next time on.
    assert_eq!((desk.fetch(), files()), (None, 1));
    desk.restart();
    desk.accepted_by_one_of(2000);
}

#[test]
fn forged_lists_of_many_places_crowd_no_real_one_out() {
    let desk = Desk::new();
    desk.publish(5, 3000);
    assert_eq!(desk.fetch(), None);
    desk.accepted_by_one_of(3000);
    let fetcher = desk.fetcher();
    for number in 0..12_u8 {
        let path = format!("/forged{number}");
        let mut list = desk.real(100, 0);
        list.extensions
            .iter_mut()
            .find(|e| e.oid == CRL_NUMBER)
            .unwrap()
            .value = der(0x02, &[100 + number % 27]);
        desk.server
            .put(&path, Answer::list("application/pkix-crl", &list.sign(&key(99))));
        let before = fetcher.totals().fetched;
        let uri = format!("http://lists.test{path}");
        let _pending = fetcher.request(&[Wanted::Crl { uri }], &fetcher.world().load());
        wait_until(|| fetcher.totals().fetched > before);
    }
    assert_eq!(desk.lists(), 8);
    desk.accepted_by_one_of(3000);
}
