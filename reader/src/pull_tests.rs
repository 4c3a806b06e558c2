use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;

use super::*;

/// A server that gives these answers, one a connection, and each time hangs up: its address, and the heads of the
/// requests that came.
fn server(answers: Vec<Vec<u8>>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let mut heads = Vec::new();
        for answer in answers {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let mut head = String::new();
            while reader.read_line(&mut head).unwrap() > 2 {}
            heads.push(head.to_ascii_lowercase());
            // Whoever has read enough hangs up first.
            let _ = reader.get_mut().write_all(&answer);
        }
        heads
    });
    (url, thread)
}

fn answer(head: &str, length: usize, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn pull(answers: Vec<Vec<u8>>) -> (Result<Vec<u8>, PullError>, Vec<String>) {
    let (url, thread) = server(answers);
    let remote = Remote::new(&url, None, Duration::from_secs(10)).unwrap();
    let pulled = remote.pull(Some([0xab; 32])).map(|pulled| match pulled {
        Pulled::Unchanged => b"(unchanged)".to_vec(),
        Pulled::Bytes(bytes) => bytes,
    });
    drop(remote);
    (pulled, thread.join().unwrap())
}

const WHOLE: &str = "200 OK\r\nContent-Type: application/cose; cose-type=\"cose-sign1\"\r\nETag: \"a\"";
const PART: &str =
    "206 Partial Content\r\nContent-Type: application/cose\r\nETag: \"a\"\r\nContent-Range: bytes 4-9/10";

#[test]
fn a_bundle_comes_whole_or_is_known_already() {
    let (pulled, heads) = pull(vec![answer(WHOLE, 10, b"0123456789")]);
    assert_eq!(pulled, Ok(b"0123456789".to_vec()));
    assert!(heads[0].starts_with("get /v1/bundle http/1.1"), "{heads:?}");
    let tag = format!("if-none-match: \"{}\"", "ab".repeat(32));
    assert!(heads[0].contains(&tag), "{heads:?}");
    assert!(
        !heads[0].contains("range") && !heads[0].contains("authorization"),
        "{heads:?}"
    );
    let (pulled, _) = pull(vec![answer("304 Not Modified", 0, b"")]);
    assert_eq!(pulled, Ok(b"(unchanged)".to_vec()));
}

#[test]
fn a_bundle_that_breaks_off_is_gone_on_with() {
    let (pulled, heads) = pull(vec![answer(WHOLE, 10, b"0123"), answer(PART, 6, b"456789")]);
    assert_eq!(pulled, Ok(b"0123456789".to_vec()));
    assert!(
        heads[1].contains("range: bytes=4-") && heads[1].contains("if-range: \"a\""),
        "{heads:?}"
    );
    // A newer one stands in its place by now: it comes whole.
    let (pulled, _) = pull(vec![answer(WHOLE, 10, b"0123"), answer(WHOLE, 3, b"new")]);
    assert_eq!(pulled, Ok(b"new".to_vec()));
    // Nothing says whether the rest would be of the same bundle: from the beginning.
    let untagged = WHOLE.replace("ETag: \"a\"", "ETag: W/\"a\"");
    let (pulled, heads) = pull(vec![
        answer(&untagged, 10, b"0123"),
        answer(&untagged, 10, b"0123456789"),
    ]);
    assert_eq!(pulled, Ok(b"0123456789".to_vec()));
    assert!(!heads[1].contains("range:"), "{heads:?}");
}

#[test]
fn every_way_of_failing_has_its_error() {
    let broken = |body: &[u8]| answer(WHOLE, 100, body);
    let part = |range: &str| answer(&PART.replace("4-9/10", range), 6, b"456789");
    let cut = vec![
        broken(b"0"),
        answer(&PART.replace("4-9/10", "1-9/100"), 99, b"1"),
        answer(&PART.replace("4-9/10", "2-9/100"), 98, b"2"),
        answer(&PART.replace("4-9/10", "3-9/100"), 97, b"3"),
    ];
    for (answers, expected) in [
        (cut, PullError::BrokenOff),
        (vec![answer("500 No", 0, b"")], PullError::Status(500)),
        (vec![answer("404 No", 0, b"")], PullError::Status(404)),
        (
            vec![answer("302 Found\r\nLocation: http://127.0.0.1:9/", 0, b"")],
            PullError::Status(302),
        ),
        (
            vec![answer("200 OK\r\nContent-Type: text/html", 2, b"<>")],
            PullError::ContentType,
        ),
        (vec![answer("200 OK", 2, b"<>")], PullError::ContentType),
        (
            vec![answer(
                &WHOLE.replace("application/cose", "application/cose-key"),
                2,
                b"<>",
            )],
            PullError::ContentType,
        ),
        (vec![part("4-9/10")], PullError::Range),
        (vec![broken(b"0123"), part("5-9/10")], PullError::Range),
        (vec![broken(b"0123"), part("")], PullError::Range),
        (
            vec![broken(b"0123"), answer("304 Not Modified", 0, b"")],
            PullError::Status(304),
        ),
    ] {
        assert_eq!(pull(answers).0, Err(expected));
    }
    assert!(matches!(
        pull(vec![b"SSH-2.0\r\n\r\n".to_vec()]).0,
        Err(PullError::Unreachable(_))
    ));
    assert!(matches!(pull(vec![Vec::new()]).0, Err(PullError::Unreachable(_))));
}

#[test]
fn what_never_ends_is_not_read_to_its_end() {
    let (pulled, _) = pull(vec![answer(WHOLE, MAX_BYTES + 1, &vec![0; MAX_BYTES + 1])]);
    assert_eq!(pulled.map(|bytes| bytes.len()), Err(PullError::TooLarge));
}

#[test]
fn who_says_nothing_is_waited_for_so_long_and_no_longer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/some/where", listener.local_addr().unwrap());
    let remote = Remote::new(&url, None, Duration::from_millis(200)).unwrap();
    assert!(remote.url.ends_with("/some/where"), "the path is the caller's");
    assert_eq!(remote.pull(None).map(drop), Err(PullError::Timeout));
}

#[test]
fn keys_and_bundles_travel_over_https_or_within_this_machine() {
    for url in ["http://verifier.example", "ftp://127.0.0.1", "https://"] {
        assert!(Remote::new(url, None, Duration::from_secs(1)).is_err(), "{url}");
    }
    let remote = Remote::new("https://verifier.example/", None, Duration::from_secs(1)).unwrap();
    assert_eq!(remote.url, "https://verifier.example/v1/bundle");
}
