//! Fetching against a publisher that gets everything wrong: each fault with its exact reason, beside an untouched twin that is
//! taken.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use holder::evidence::{CrlSpec, List, StatusAuthority, TokenSpec, zlib};
use holder::hooks::Hooks;
use holder::issuer::{DAY, Issuer, IssuerOptions};
use holder::keys::SigningKey;
use holder::scenario::NOW;
use holder::vical::{VicalProvider, VicalSpec};
use holder::{Scenario, certificate};
use mdoc::crypto::{Curve, SignatureError};
use mdoc::status::{ListContent, ListError, TokenError};
use mdoc::time::UnixTime;
use rand_core::SeedableRng as _;
use relying_party::{TrustFile, Wanted};
use verifier_api::fetch::{FetchError, FetchSettings, Fetcher, ListKind, Lookup, Source};
use verifier_tests::list_server::{Answer, Gate, ListServer};
use verifier_tests::wait_until;

const URI: &str = "https://lists.test/1";
const CRL: &str = "https://lists.test/crl";
const VICAL: &str = "https://lists.test/vical";

fn now() -> UnixTime {
    UnixTime::from_seconds(NOW).unwrap()
}

/// A fetcher, the publisher it asks, and the issuer whose lists these are.
struct Desk {
    fetcher: Fetcher,
    server: ListServer,
    issuer: Issuer,
    authority: StatusAuthority,
    options: IssuerOptions,
}

impl Desk {
    fn new() -> Self {
        Self::with(|_, _| {})
    }

    fn with(change: impl FnOnce(&mut FetchSettings, &ListServer)) -> Self {
        let scenario = Scenario::my_number();
        let issuer = Issuer::new(&scenario.issuer, &Hooks::default());
        let authority = StatusAuthority::new(&issuer, &scenario.issuer, |_| {});
        let server = ListServer::start();
        let mut settings = settings(&server);
        change(&mut settings, &server);
        let provider = VicalProvider::new(7, NOW);
        let files = vec![
            file("anchors/own.der", &issuer.root),
            file("vicals/authority.der", &provider.authority),
        ];
        let fetcher = Fetcher::open(settings, files, |trust| trust).unwrap();
        fetcher.start(now).unwrap();
        Self {
            fetcher,
            server,
            issuer,
            authority,
            options: scenario.issuer.clone(),
        }
    }

    /// A status list of `count` entries, none of them set.
    fn token(&self, change: impl FnOnce(&mut TokenSpec)) -> Vec<u8> {
        let values = vec![0; 64];
        let list = List::Statuses { bits: 1, values };
        let mut spec = TokenSpec::new(URI, list, vec![self.authority.certificate.clone()], NOW);
        change(&mut spec);
        spec.cwt(&self.authority.key)
    }

    fn crl(&self, key: &SigningKey, change: impl FnOnce(&mut CrlSpec)) -> Vec<u8> {
        let name = certificate::name(self.options.country, self.options.state, "TEST IACA");
        let mut spec = CrlSpec::new(name, &self.issuer.root_key, 5, NOW);
        change(&mut spec);
        spec.sign(key)
    }

    /// Asks and waits until it is settled.
    fn ask(&self, wanted: &Wanted) -> bool {
        let mut pending = self
            .fetcher
            .request(std::slice::from_ref(wanted), &self.fetcher.world().load());
        let asked = !pending.is_empty();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(pending.settled());
        self.fetcher.inflate(&pending);
        asked
    }

    fn ask_status(&self, uri: &str) -> Option<FetchError> {
        self.ask(&Wanted::Status { uri: uri.to_owned() });
        self.fetcher.failure_of(ListKind::Status, uri)
    }

    fn ask_crl(&self, uri: &str) -> Option<FetchError> {
        self.ask(&Wanted::Crl { uri: uri.to_owned() });
        self.fetcher.failure_of(ListKind::Crl, uri)
    }

    fn tokens(&self, uri: &str) -> usize {
        self.fetcher.world().load().evidence().tokens_of(uri).len()
    }

    /// Asks again for all that is held or failed, and waits until as many attempts have been made.
    fn refresh(&self) {
        let attempts = |fetcher: &Fetcher| fetcher.totals().fetched + fetcher.totals().failed;
        let due = attempts(&self.fetcher) + self.fetcher.held().len() as u64;
        self.fetcher.refresh_all();
        wait_until(|| attempts(&self.fetcher) >= due);
    }
}

fn settings(server: &ListServer) -> FetchSettings {
    let address = server.address;
    FetchSettings {
        roots: Some(vec![server.root.clone()]),
        private_addresses: true,
        // Long enough for a busy machine; where the time is what is tested, it is set there.
        timeout: Duration::from_secs(120),
        threads: 2,
        lookup: Some(Arc::new(move |_: &str, _| Ok(vec![address]))),
        ..FetchSettings::default()
    }
}

fn file(name: &str, bytes: &[u8]) -> TrustFile {
    TrustFile {
        name: name.to_owned(),
        bytes: bytes.to_vec(),
    }
}

fn other_key() -> SigningKey {
    SigningKey::generate(Curve::P256, &mut rand_chacha::ChaCha20Rng::seed_from_u64(99))
}

/// This answer is refused for this reason and nothing of it is held; the untouched twin is taken.
#[track_caller]
fn refused(answer: impl FnOnce(&Desk) -> Answer, reason: &FetchError) {
    refused_by(|_| {}, answer, reason);
}

/// As [`refused`], with other settings.
#[track_caller]
fn refused_by(
    change: impl FnOnce(&mut FetchSettings),
    answer: impl FnOnce(&Desk) -> Answer,
    reason: &FetchError,
) {
    let desk = Desk::with(|settings, _| change(settings));
    desk.server.put("/1", answer(&desk));
    assert_eq!(desk.ask_status(URI).as_ref(), Some(reason));
    assert_eq!((desk.tokens(URI), desk.fetcher.held().len()), (0, 0));
    let twin = Desk::new();
    twin.server.put("/1", Answer::status(&twin.token(|_| {})));
    assert_eq!(twin.ask_status(URI), None, "the untouched twin");
    assert_eq!((twin.tokens(URI), twin.fetcher.held().len()), (1, 1));
}

fn good(desk: &Desk) -> Answer {
    Answer::status(&desk.token(|_| {}))
}

// --- What the network does ------------------------------------------------------------------------------------

#[test]
fn a_slow_answer_is_given_up() {
    // It never comes.
    let slow = |desk: &Desk| good(desk).with(|answer| answer.gate = Some(Gate::default()));
    let short = |settings: &mut FetchSettings| settings.timeout = Duration::from_secs(2);
    refused_by(short, slow, &FetchError::Timeout);
}

#[test]
fn an_answer_that_breaks_off_is_none() {
    let cut = |desk: &Desk| good(desk).with(|answer| answer.length = Some(Some(answer.body.len() + 1)));
    refused(cut, &FetchError::Truncated);
}

#[test]
fn what_is_not_http_is_no_answer() {
    refused(
        |desk| good(desk).with(|answer| answer.raw = Some(b"SSH-2.0-OpenSSH\r\n\r\n")),
        &FetchError::Protocol,
    );
}

#[test]
fn other_statuses_than_200_bring_nothing() {
    for status in [204, 206, 304, 400, 401, 404, 500, 503] {
        let answer = |desk: &Desk| good(desk).with(|answer| answer.status = status);
        refused(answer, &FetchError::Status(status));
    }
}

#[test]
fn pages_are_no_lists_and_codings_are_not_undone() {
    let typed =
        |content_type: &'static str| move |desk: &Desk| Answer::list(content_type, &desk.token(|_| {}));
    refused(typed("text/html; charset=utf-8"), &FetchError::ContentType);
    refused(typed("application/pkix-crl"), &FetchError::ContentType);
    refused(
        typed("application/identifierlist+cwt"),
        &FetchError::Token(TokenError::ContentType),
    );
    let coded =
        |desk: &Desk| good(desk).with(|answer| answer.headers.push(("Content-Encoding", "gzip".into())));
    refused(coded, &FetchError::ContentCoding);
    // Servers of plain files know no better.
    let desk = Desk::new();
    desk.server.put(
        "/1",
        Answer::list("application/octet-stream", &desk.token(|_| {})),
    );
    assert_eq!(desk.ask_status(URI), None);
}

#[test]
fn too_much_is_refused_by_what_is_announced_and_by_what_comes() {
    let limit = mdoc::limits::STATUS_TOKEN_BYTES;
    let announced = move |desk: &Desk| good(desk).with(|answer| answer.length = Some(Some(limit + 1)));
    refused(announced, &FetchError::TooLarge);
    let endless = move |desk: &Desk| {
        good(desk).with(|answer| (answer.body, answer.length) = (vec![0; limit + 1].into(), Some(None)))
    };
    refused(endless, &FetchError::TooLarge);
}

#[test]
fn redirections_stay_on_the_host_and_end() {
    refused(|_| Answer::redirect("/1"), &FetchError::RedirectLoop);
    refused(
        |_| Answer::redirect("https://other.test/1"),
        &FetchError::RedirectElsewhere,
    );
    refused(
        |_| Answer::redirect("http://lists.test/1"),
        &FetchError::RedirectElsewhere,
    );
    refused(
        |_| Answer::redirect("https://lists.test:8443/1"),
        &FetchError::RedirectElsewhere,
    );
    refused(|_| Answer::redirect("/1?idx=7"), &FetchError::Query);
    let nowhere = |desk: &Desk| good(desk).with(|answer| answer.status = 302);
    refused(nowhere, &FetchError::Protocol);
    let desk = Desk::new();
    desk.server.put("/1", Answer::redirect("moved"));
    desk.server.put("/moved", good(&desk));
    assert_eq!(desk.ask_status(URI), None);
    assert_eq!(desk.tokens(URI), 1);
}

#[test]
fn three_redirections_are_followed_and_no_more() {
    for (redirections, failure) in [(4, Some(FetchError::RedirectLoop)), (3, None)] {
        let desk = Desk::new();
        for number in 1..=redirections {
            let next = format!("/{}", number + 1);
            desk.server.put(&format!("/{number}"), Answer::redirect(&next));
        }
        desk.server.put(&format!("/{}", redirections + 1), good(&desk));
        assert_eq!(desk.ask_status(URI), failure);
        assert_eq!(desk.server.heads().len(), 4);
    }
}

#[test]
fn only_a_server_of_the_name_is_believed() {
    let stranger = ListServer::start();
    let desk = Desk::with(|settings, _| settings.roots = Some(vec![holder_root()]));
    desk.server.put("/1", good(&desk));
    assert_eq!(desk.ask_status(URI), Some(FetchError::Tls));
    drop(stranger);
    let desk = Desk::new();
    desk.server.put("/1", good(&desk));
    assert_eq!(desk.ask_status("https://unnamed.test/1"), Some(FetchError::Tls));
    assert_eq!(desk.ask_status(URI), None, "the untouched twin");
    let plain = ListServer::plain();
    let address = plain.address;
    let desk =
        Desk::with(|settings, _| settings.lookup = Some(Arc::new(move |_: &str, _| Ok(vec![address]))));
    assert_eq!(desk.ask_status(URI), Some(FetchError::Truncated));
    // Nobody listens where somebody did.
    drop(plain);
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let desk = Desk::with(|settings, _| settings.lookup = Some(Arc::new(move |_: &str, _| Ok(vec![gone]))));
    assert_eq!(desk.ask_status(URI), Some(FetchError::Connect));
    let desk = Desk::with(|settings, _| settings.lookup = Some(Arc::new(|_: &str, _| Ok(Vec::new()))));
    assert_eq!(desk.ask_status(URI), Some(FetchError::HostUnknown));
}

fn holder_root() -> Vec<u8> {
    Issuer::new(&Scenario::my_number().issuer, &Hooks::default()).root
}

// --- Addresses ------------------------------------------------------------------------------------------------

/// A fetcher that heeds the rule of public addresses, with this look-up.
fn guarded(lookup: Lookup) -> Desk {
    let desk = Desk::with(|settings, _| {
        settings.private_addresses = false;
        settings.lookup = Some(lookup);
    });
    desk.server.put("/1", good(&desk));
    desk
}

#[test]
fn addresses_that_are_not_public_are_refused_when_connecting() {
    for address in [
        "127.0.0.1:443",
        "10.0.0.1:443",
        "169.254.169.254:443",
        "[::1]:443",
        "[::ffff:127.0.0.1]:443",
    ] {
        let address: SocketAddr = address.parse().unwrap();
        let desk = guarded(Arc::new(move |_: &str, _| Ok(vec![address])));
        assert_eq!(
            desk.ask_status(URI),
            Some(FetchError::AddressNotPublic),
            "{address}"
        );
    }
    // One that is not public among others that are.
    let mixed: Vec<SocketAddr> = vec![
        "93.184.216.34:443".parse().unwrap(),
        "10.0.0.1:443".parse().unwrap(),
    ];
    let desk = guarded(Arc::new(move |_: &str, _| Ok(mixed.clone())));
    assert_eq!(desk.ask_status(URI), Some(FetchError::AddressNotPublic));
}

#[test]
fn addresses_in_the_uri_are_looked_at_like_any_other() {
    let scenario = Scenario::my_number();
    let issuer = Issuer::new(&scenario.issuer, &Hooks::default());
    // With the system's own look-up.
    let fetcher = Fetcher::open(
        FetchSettings::default(),
        vec![file("anchors/own.der", &issuer.root)],
        |t| t,
    );
    let fetcher = fetcher.unwrap();
    fetcher.start(now).unwrap();
    for uri in [
        "https://127.0.0.1/1",
        "https://127.1/1",
        "https://[::1]/1",
        "https://[::ffff:10.0.0.1]/1",
        "https://localhost/1",
    ] {
        let world = fetcher.world();
        let mut pending = fetcher.request(&[Wanted::Status { uri: uri.to_owned() }], &world.load());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(pending.settled());
        assert_eq!(
            fetcher.failure_of(ListKind::Status, uri),
            Some(FetchError::AddressNotPublic),
            "{uri}"
        );
    }
}

#[test]
fn a_host_that_turns_private_after_the_look_up_reaches_nobody() {
    // The first look-up names the publisher, whose address is let pass as a public one; every later one names a server of
    // ours, which must never be called.
    let inner = ListServer::start();
    let turning = |after: usize| {
        let (count, inner_address) = (Arc::new(AtomicUsize::new(0)), inner.address);
        let own = Arc::clone(&count);
        let desk = Desk::with(|settings, server| {
            let outer = server.address;
            settings.private_addresses = false;
            settings.let_pass = vec![outer];
            settings.lookup = Some(Arc::new(move |_: &str, _| {
                let early = own.fetch_add(1, Ordering::Relaxed) < after;
                Ok(vec![if early { outer } else { inner_address }])
            }));
        });
        (desk, count)
    };
    let (desk, count) = turning(1);
    desk.server.put("/1", good(&desk));
    assert_eq!(desk.ask_status(URI), None);
    assert_eq!(
        count.load(Ordering::Relaxed),
        1,
        "looked up once, and connected to what was found"
    );
    // The next connection looks up anew, and is refused: for a later list, and in the middle of a redirection.
    assert_eq!(
        desk.ask_status("https://other.test/1"),
        Some(FetchError::AddressNotPublic)
    );
    let (desk, _) = turning(1);
    desk.server.put("/1", Answer::redirect("/2"));
    desk.server.put("/2", good(&desk));
    assert_eq!(desk.ask_status(URI), Some(FetchError::AddressNotPublic));
    let (desk, _) = turning(2);
    desk.server.put("/1", Answer::redirect("/2"));
    desk.server.put("/2", good(&desk));
    assert_eq!(desk.ask_status(URI), None, "the untouched twin");
    assert_eq!(inner.heads().len(), 0);
}

// --- What is asked --------------------------------------------------------------------------------------------

#[test]
fn every_request_is_the_same_but_for_its_path() {
    let desk = Desk::new();
    desk.server.put(
        "/1",
        good(&desk).with(|answer| answer.headers.push(("Set-Cookie", "id=1".into()))),
    );
    desk.ask_status(URI);
    desk.refresh();
    let heads = desk.server.heads();
    assert_eq!(heads.len(), 2);
    assert_eq!(heads[0], heads[1]);
    let mut lines: Vec<String> = heads[0].trim_end().lines().map(str::to_lowercase).collect();
    lines[1..].sort();
    assert_eq!(
        lines,
        [
            "get /1 http/1.1",
            "accept-encoding: identity",
            "accept: application/statuslist+cwt, application/identifierlist+cwt, application/statuslist+jwt",
            "host: lists.test",
            "user-agent: mdoc-verifier",
        ]
    );
}

#[test]
fn what_may_not_be_asked_for_is_not() {
    let desk = Desk::with(|settings, _| settings.hosts = vec!["lists.test".to_owned()]);
    desk.server.put("/1", good(&desk));
    for uri in [
        "https://lists.test/1?idx=7",
        "https://lists.test/1#7",
        "http://lists.test/1",
        "https://user:secret@lists.test/1",
        "https://other.test/1",
        "ftp://lists.test/1",
        "no uri",
    ] {
        let world = desk.fetcher.world();
        let pending = desk
            .fetcher
            .request(&[Wanted::Status { uri: uri.to_owned() }], &world.load());
        assert!(pending.is_empty(), "{uri}");
    }
    assert_eq!(desk.server.heads().len(), 0);
    assert_eq!(desk.ask_status(URI), None, "the untouched twin");
    let asks = |desk: &Desk, wanted: Wanted| {
        let pending = desk.fetcher.request(&[wanted], &desk.fetcher.world().load());
        !pending.is_empty()
    };
    let desk = Desk::with(|settings, _| settings.documents = false);
    let status = || Wanted::Status { uri: URI.to_owned() };
    assert!(!asks(&desk, status()));
    let desk = Desk::new();
    let crl = |uri: &str| Wanted::Crl { uri: uri.to_owned() };
    assert!(!asks(&desk, crl("http://lists.test/crl")));
    assert!(
        asks(&desk, crl(CRL)) && asks(&desk, status()),
        "the untouched twins"
    );
}

#[test]
fn crls_come_over_http_where_that_is_switched_on() {
    let plain = ListServer::plain();
    let address = plain.address;
    let desk = Desk::with(|settings, _| {
        settings.http_crls = true;
        settings.lookup = Some(Arc::new(move |_: &str, _| Ok(vec![address])));
    });
    plain.put(
        "/crl",
        Answer::list("application/pkix-crl", &desk.crl(&desk.issuer.root_key, |_| {})),
    );
    assert_eq!(desk.ask_crl("http://lists.test/crl"), None);
    assert_eq!(desk.fetcher.held().len(), 1);
}

// --- What comes back ------------------------------------------------------------------------------------------

#[test]
fn a_token_must_be_the_list_and_signed() {
    refused(|_| Answer::status(b""), &FetchError::Token(TokenError::Form));
    let forged = |desk: &Desk| {
        let mut bytes = desk.token(|_| {});
        *bytes.last_mut().unwrap() ^= 1;
        Answer::status(&bytes)
    };
    refused(
        forged,
        &FetchError::Token(TokenError::Signature(SignatureError::Mismatch)),
    );
    // One list under two URIs is the list of the one that it names.
    let other =
        |desk: &Desk| Answer::status(&desk.token(|spec| spec.uri = "https://lists.test/2".to_owned()));
    refused(other, &FetchError::Token(TokenError::Subject));
    let bomb = |desk: &Desk| {
        Answer::status(
            &desk.token(|spec| spec.compressed = Some(zlib(&vec![0; mdoc::limits::STATUS_LIST_BYTES + 1]))),
        )
    };
    refused(bomb, &FetchError::Token(TokenError::List(ListError::TooLarge)));
    refused(
        |desk| Answer::status(&desk.token(|spec| spec.issued_at = NOW + 1)),
        &FetchError::Future,
    );
}

#[test]
fn a_list_under_two_uris_counts_for_the_one_it_names() {
    let desk = Desk::new();
    desk.server.put("/1", good(&desk));
    desk.server.put("/2", good(&desk));
    assert_eq!(desk.ask_status(URI), None);
    let second = "https://lists.test/2";
    assert_eq!(
        desk.ask_status(second),
        Some(FetchError::Token(TokenError::Subject))
    );
    assert_eq!((desk.tokens(URI), desk.tokens(second)), (1, 0));
}

#[test]
fn an_expired_list_is_held_and_marked_and_asked_for_again() {
    let desk = Desk::new();
    desk.server.put(
        "/1",
        Answer::status(&desk.token(|spec| spec.expires_at = Some(NOW - 1))),
    );
    assert_eq!(desk.ask_status(URI), Some(FetchError::Expired));
    assert_eq!(desk.tokens(URI), 1, "it still convicts");
    let held = &desk.fetcher.held()[0];
    assert_eq!(
        (held.expires, &held.failure),
        (UnixTime::from_seconds(NOW - 1), &Some(FetchError::Expired))
    );
    desk.server.put("/1", good(&desk));
    desk.refresh();
    assert_eq!(desk.fetcher.failure_of(ListKind::Status, URI), None);
    assert_eq!(desk.fetcher.held()[0].expires, UnixTime::from_seconds(NOW + DAY));
}

#[test]
fn a_list_that_shrinks_takes_the_place_of_the_longer_one_and_knows_less() {
    let desk = Desk::new();
    let publish = |entries: usize, issued_at: i64| {
        let values = vec![0; entries];
        let bytes =
            desk.token(|spec| (spec.list, spec.issued_at) = (List::Statuses { bits: 1, values }, issued_at));
        desk.server.put("/1", Answer::status(&bytes));
    };
    let entry_9 = || {
        let world = desk.fetcher.world().load_full();
        let [token] = world.evidence().tokens_of(URI) else {
            panic!("one token of the list");
        };
        let ListContent::Statuses(list) = token.content() else {
            panic!("a status list");
        };
        list.get(9)
    };
    publish(64, NOW - 3);
    assert_eq!(desk.ask_status(URI), None);
    assert_eq!(entry_9(), Some(0));
    for (entries, expected) in [(8, None), (64, Some(0))] {
        publish(entries, if entries == 8 { NOW - 2 } else { NOW - 1 });
        desk.refresh();
        assert_eq!(desk.fetcher.failure_of(ListKind::Status, URI), None);
        assert_eq!(entry_9(), expected, "{entries} entries");
    }
}

#[test]
fn a_list_never_goes_back_and_a_bad_one_takes_no_place() {
    let desk = Desk::new();
    desk.server.put("/1", good(&desk));
    assert_eq!(desk.ask_status(URI), None);
    let first = desk.fetcher.held();
    for (bytes, reason) in [
        (desk.token(|spec| spec.issued_at -= 1), FetchError::Older),
        (desk.token(|spec| spec.issued_at = NOW + 1), FetchError::Future),
        (Vec::new(), FetchError::Token(TokenError::Form)),
    ] {
        desk.server.put("/1", Answer::status(&bytes));
        desk.refresh();
        let mut held = desk.fetcher.held();
        assert_eq!(held[0].failure.take(), Some(reason));
        assert_eq!(held, first);
        assert_eq!(desk.tokens(URI), 1);
    }
    // The same again, and a newer one.
    desk.server
        .put("/1", Answer::status(&desk.token(|spec| spec.issued_at += 1)));
    desk.refresh();
    assert_eq!(
        Some(desk.fetcher.held()[0].dated),
        UnixTime::from_seconds(NOW - 3599)
    );
    assert_eq!(desk.fetcher.held()[0].failure, None);
}

#[test]
fn crls_of_trusted_issuers_are_theirs_and_never_go_back() {
    let of = |desk: &Desk, key: &SigningKey| Answer::list("application/pkix-crl", &desk.crl(key, |_| {}));
    let desk = Desk::new();
    desk.server.put("/crl", of(&desk, &other_key()));
    assert_eq!(desk.ask_crl(CRL), Some(FetchError::CrlSignature));
    let desk = Desk::new();
    desk.server
        .put("/crl", Answer::list("application/pkix-crl", b"none"));
    assert_eq!(
        desk.ask_crl(CRL),
        Some(FetchError::Crl(mdoc::x509::CrlError::Der))
    );
    let desk = Desk::new();
    desk.server.put("/crl", of(&desk, &desk.issuer.root_key));
    assert_eq!(desk.ask_crl(CRL), None, "the untouched twin");
    let crls = |desk: &Desk| desk.fetcher.world().load().evidence().crls().count();
    assert_eq!(crls(&desk), 1);
    let older = desk.crl(&desk.issuer.root_key, |spec| spec.this_update -= 1);
    desk.server
        .put("/crl", Answer::list("application/pkix-crl", &older));
    desk.refresh();
    assert_eq!(
        desk.fetcher.failure_of(ListKind::Crl, CRL),
        Some(FetchError::Older)
    );
    let newer = desk.crl(&desk.issuer.root_key, |spec| spec.this_update += 1);
    desk.server
        .put("/crl", Answer::list("application/pkix-crl", &newer));
    desk.refresh();
    assert_eq!(
        (desk.fetcher.failure_of(ListKind::Crl, CRL), crls(&desk)),
        (None, 1)
    );
}

#[test]
fn vicals_come_from_sources_and_their_certificates_are_trusted() {
    let provider = VicalProvider::new(7, NOW);
    let other = Issuer::new(
        &Scenario::my_number().set(|s| s.issuer.seed ^= 1).issuer,
        &Hooks::default(),
    );
    let spec = |issue_id: u64, date: i64| VicalSpec {
        provider: "TEST provider".to_owned(),
        issue_id,
        date,
        next_update: Some(NOW + 30 * DAY),
        not_after: None,
        entries: vec![(other.root.clone(), vec!["org.iso.23220.1.jp.mnc".to_owned()])],
    };
    let list = |spec: &VicalSpec| Answer::list("application/cbor", &provider.sign(spec));
    let desk = Desk::with(|settings, server| {
        settings.sources = vec![Source {
            kind: ListKind::Vical,
            uri: VICAL.to_owned(),
        }];
        server.put("/vical", list(&spec(5, NOW - 60)));
    });
    let anchors = |desk: &Desk| desk.fetcher.world().load().trust().anchor_count();
    let before = 1;
    wait_until(|| anchors(&desk) == before + 1);
    let hash = desk.fetcher.world().load().trust().hash();
    // Back behind it, signed by a stranger, or no list: what is held stays.
    let stranger = VicalProvider::with_name(8, NOW, "TEST list authority 7");
    for (bytes, word) in [
        (provider.sign(&spec(4, NOW - 120)), "vical_refused"),
        (stranger.sign(&spec(6, NOW - 30)), "vical_refused"),
        (b"none".to_vec(), "vical"),
    ] {
        desk.server
            .put("/vical", Answer::list("application/cbor", &bytes));
        desk.refresh();
        let failure = desk.fetcher.failure_of(ListKind::Vical, VICAL).unwrap();
        // An issue of an earlier date is already refused by that.
        let code = if failure == FetchError::Older {
            "vical_refused"
        } else {
            failure.code()
        };
        assert_eq!(code, word, "{failure}");
        assert_eq!(
            (anchors(&desk), desk.fetcher.world().load().trust().hash()),
            (before + 1, hash)
        );
    }
    desk.server.put("/vical", list(&spec(6, NOW - 30)));
    desk.refresh();
    assert_eq!(desk.fetcher.failure_of(ListKind::Vical, VICAL), None);
    assert_ne!(desk.fetcher.world().load().trust().hash(), hash);
}

// --- The cache ------------------------------------------------------------------------------------------------

#[test]
fn one_request_goes_out_however_many_wait() {
    let desk = Desk::new();
    let gate = Gate::default();
    desk.server
        .put("/1", good(&desk).with(|answer| answer.gate = Some(gate.clone())));
    let waiting = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                let wanted = [Wanted::Status { uri: URI.to_owned() }];
                let world = desk.fetcher.world().load_full();
                let mut pending = desk.fetcher.request(&wanted, &world);
                assert!(!pending.is_empty());
                waiting.fetch_add(1, Ordering::Relaxed);
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(pending.settled());
                assert_eq!(desk.fetcher.failure_of(ListKind::Status, URI), None);
            });
        }
        // All of them wait before there is an answer.
        wait_until(|| waiting.load(Ordering::Relaxed) == 50);
        gate.open();
    });
    assert_eq!(desk.server.heads().len(), 1);
    assert_eq!(desk.tokens(URI), 1);
}

#[test]
fn a_failure_is_remembered_for_a_while() {
    let desk = Desk::with(|settings, _| settings.retry = Duration::from_secs(86_400));
    let wanted = Wanted::Status { uri: URI.to_owned() };
    assert!(desk.ask(&wanted));
    desk.server.put("/1", good(&desk));
    assert!(!desk.ask(&wanted), "nobody waits for what has just failed");
    assert_eq!(desk.server.heads().len(), 1);
    assert_eq!(
        desk.fetcher.failure_of(ListKind::Status, URI),
        Some(FetchError::Status(404))
    );
}

#[test]
fn what_failed_is_asked_for_again_by_itself() {
    let desk = Desk::with(|settings, _| settings.retry = Duration::from_millis(50));
    assert!(desk.ask(&Wanted::Status { uri: URI.to_owned() }));
    desk.server.put("/1", good(&desk));
    wait_until(|| desk.tokens(URI) == 1);
    assert_eq!(desk.fetcher.failure_of(ListKind::Status, URI), None);
}

#[test]
fn beyond_the_budget_lists_are_folded_and_unfold_when_they_are_named() {
    // Room for two lists of the size of these, with what stands around them.
    let desk = Desk::with(|settings, _| settings.inflated_bytes = 3 * 10_000);
    let uri = |number: usize| format!("https://lists.test/{number}");
    for number in 0..8 {
        let list = List::Statuses {
            bits: 8,
            values: vec![0; 2000],
        };
        let spec = TokenSpec::new(&uri(number), list, vec![desk.authority.certificate.clone()], NOW);
        desk.server.put(
            &format!("/{number}"),
            Answer::status(&spec.cwt(&desk.authority.key)),
        );
        assert_eq!(desk.ask_status(&uri(number)), None);
    }
    let inflated = || -> Vec<usize> { (0..8).filter(|number| desk.tokens(&uri(*number)) == 1).collect() };
    assert_eq!(inflated(), [6, 7]);
    assert_eq!(desk.fetcher.held().len(), 8);
    assert!(desk.fetcher.totals().inflated_bytes <= 30_000);
    // Asked for again it unfolds, without a request; the one used longest ago gives way.
    // To be refreshed is no use.
    desk.fetcher.world().load().note_use(&[uri(6)]);
    desk.refresh();
    assert_eq!(inflated(), [6, 7]);
    assert_eq!(desk.ask_status(&uri(0)), None);
    assert_eq!(inflated(), [0, 6]);
    assert_eq!(desk.server.heads().len(), 16);
}

#[test]
fn beyond_what_may_be_kept_the_lists_of_longest_ago_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::with(|settings, _| {
        settings.kept_bytes = 4000;
        settings.cache = Some(folder.path().to_owned());
    });
    let uri = |number: usize| format!("https://lists.test/{number}");
    for number in 0..8 {
        let token = desk.token(|spec| spec.uri = uri(number));
        desk.server.put(&format!("/{number}"), Answer::status(&token));
        assert_eq!(desk.ask_status(&uri(number)), None);
    }
    wait_until(|| desk.fetcher.totals().kept_bytes <= 4000);
    let held: Vec<String> = desk.fetcher.held().into_iter().map(|held| held.uri).collect();
    assert!(held.contains(&uri(7)) && !held.contains(&uri(0)), "{held:?}");
    let lists = || std::fs::read_dir(folder.path()).unwrap().count() - 1;
    wait_until(|| lists() == desk.fetcher.held().len());
}

#[test]
fn what_was_fetched_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = Scenario::my_number();
    let issuer = Issuer::new(&scenario.issuer, &Hooks::default());
    let files = || vec![file("anchors/own.der", &issuer.root)];
    let desk = Desk::with(|settings, _| settings.cache = Some(folder.path().to_owned()));
    desk.server.put("/1", good(&desk));
    desk.server.put(
        "/crl",
        Answer::list("application/pkix-crl", &desk.crl(&desk.issuer.root_key, |_| {})),
    );
    assert_eq!((desk.ask_status(URI), desk.ask_crl(CRL)), (None, None));
    let held = desk.fetcher.held();
    let server = desk.server;
    drop(desk.fetcher);
    let settings = FetchSettings {
        cache: Some(folder.path().to_owned()),
        ..settings(&server)
    };
    let heads = server.heads().len();
    let again = Fetcher::open(settings, files(), |trust| trust).unwrap();
    again.start(now).unwrap();
    let found = again.held();
    let facts = |held: &[verifier_api::fetch::Held]| -> Vec<_> {
        held.iter()
            .map(|held| {
                (
                    held.uri.clone(),
                    held.fetched_at,
                    held.expires,
                    held.bytes.clone(),
                )
            })
            .collect()
    };
    assert_eq!(facts(&found), facts(&held));
    assert_eq!(again.world().load().evidence().crls().count(), 1);
    // The token unfolds when it is named; nothing is asked for.
    let pending = again.request(&[Wanted::Status { uri: URI.to_owned() }], &again.world().load());
    assert!(pending.is_cold());
    again.inflate(&pending);
    assert_eq!(again.world().load().evidence().tokens_of(URI).len(), 1);
    assert_eq!(server.heads().len(), heads);
}

#[test]
fn what_came_between_the_judgement_and_the_question_is_noticed() {
    let desk = Desk::new();
    desk.server.put("/1", good(&desk));
    let before = desk.fetcher.world().load_full();
    assert_eq!(desk.ask_status(URI), None);
    let asked = |judged_by: &verifier_api::fetch::World| {
        let pending = desk
            .fetcher
            .request(&[Wanted::Status { uri: URI.to_owned() }], judged_by);
        !pending.is_empty()
    };
    assert!(asked(&before), "judged without the list, which is there by now");
    assert!(!asked(&desk.fetcher.world().load_full()), "judged with it");
    assert_eq!(desk.server.heads().len(), 1);
}

/// The folder's cache in another fetcher, which asks the same server by this clock.
fn again(server: &ListServer, folder: &std::path::Path, clock: fn() -> UnixTime) -> Fetcher {
    let settings = FetchSettings {
        cache: Some(folder.to_owned()),
        ..settings(server)
    };
    let fetcher = Fetcher::open(settings, Vec::new(), |trust| trust).unwrap();
    fetcher.start(clock).unwrap();
    fetcher
}

#[test]
fn a_folded_list_is_unfolded_once_however_many_name_it() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::with(|settings, _| settings.cache = Some(folder.path().to_owned()));
    desk.server.put("/1", good(&desk));
    assert_eq!(desk.ask_status(URI), None);
    let server = desk.server;
    drop(desk.fetcher);
    let again = again(&server, folder.path(), now);
    let wanted = [Wanted::Status { uri: URI.to_owned() }];
    let pending: Vec<_> = (0..16)
        .map(|_| again.request(&wanted, &again.world().load()))
        .collect();
    assert!(pending.iter().all(verifier_api::fetch::Pending::is_cold));
    let unfolded: usize = std::thread::scope(|scope| {
        let again = &again;
        let threads: Vec<_> = pending
            .iter()
            .map(|pending| scope.spawn(move || again.inflate(pending)))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(unfolded, 1);
    assert_eq!(again.world().load().evidence().tokens_of(URI).len(), 1);
}

/// Whether the clock of [`breaking_clock`] breaks.
static BREAKS: AtomicBool = AtomicBool::new(true);

/// A fault of the program itself, in the middle of taking a list.
fn breaking_clock() -> UnixTime {
    let thread = std::thread::current();
    let fetches = thread.name().is_some_and(|name| name.starts_with("fetch-"));
    assert!(
        !(fetches && BREAKS.load(Ordering::Relaxed)),
        "a clock that breaks"
    );
    now()
}

#[test]
fn a_fault_of_the_program_costs_one_attempt_and_keeps_nobody_waiting() {
    let server = ListServer::start();
    let twin = Desk::new();
    server.put("/1", good(&twin));
    let settings = FetchSettings {
        threads: 1,
        retry: Duration::from_millis(50),
        ..settings(&server)
    };
    let fetcher = Fetcher::open(settings, Vec::new(), |trust| trust).unwrap();
    fetcher.start(breaking_clock).unwrap();
    let wanted = [Wanted::Status { uri: URI.to_owned() }];
    let mut pending = fetcher.request(&wanted, &fetcher.world().load());
    assert!(!pending.is_empty());
    wait_until(|| fetcher.failure_of(ListKind::Status, URI) == Some(FetchError::Internal));
    // Whoever waits is told, or this never ends.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(pending.settled());
    assert_eq!(fetcher.world().load().evidence().tokens_of(URI).len(), 0);
    // The only thread goes on.
    BREAKS.store(false, Ordering::Relaxed);
    wait_until(|| fetcher.world().load().evidence().tokens_of(URI).len() == 1);
    assert_eq!(fetcher.failure_of(ListKind::Status, URI), None);
}

/// The instant of [`wrong_clock`].
static INSTANT: AtomicI64 = AtomicI64::new(NOW + 300 * DAY);

fn wrong_clock() -> UnixTime {
    UnixTime::from_seconds(INSTANT.load(Ordering::Relaxed)).unwrap()
}

#[test]
fn a_list_that_a_wrong_clock_fetched_in_the_future_is_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = ListServer::start();
    let twin = Desk::new();
    server.put("/1", good(&twin));
    let wanted = [Wanted::Status { uri: URI.to_owned() }];
    let fetcher = again(&server, folder.path(), wrong_clock);
    let ask = || {
        let mut pending = fetcher.request(&wanted, &fetcher.world().load());
        let asked = !pending.is_empty();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(pending.settled());
        asked
    };
    assert!(ask());
    assert!(
        fetcher.failure_of(ListKind::Status, URI).is_some(),
        "it has ended by that clock"
    );
    assert_eq!(fetcher.held().len(), 1);
    INSTANT.store(NOW, Ordering::Relaxed);
    drop(fetcher);
    let fetcher = again(&server, folder.path(), wrong_clock);
    let pending = fetcher.request(&wanted, &fetcher.world().load());
    assert!(pending.is_cold());
    fetcher.inflate(&pending);
    assert!(
        !fetcher.request(&wanted, &fetcher.world().load()).is_empty(),
        "the list that is there is of no known age"
    );
    wait_until(|| fetcher.held()[0].fetched_at == now());
    assert!(
        fetcher.request(&wanted, &fetcher.world().load_full()).is_empty(),
        "the untouched twin: it was fetched just now"
    );
    assert_eq!(server.heads().len(), 2);
}
