//! What a verdict says of the bundle that it rests on, for programs and for people.

use mdoc::time::UnixTime;
use serde_json::{Value, json};

use super::LoadedBundle;

impl LoadedBundle {
    /// Adds to a verdict in its JSON form which bundle it rests on (`bundle`: number, times, `age` in
    /// seconds), and `as_of` to each check: evidence of revocation has its own instant already, whom
    /// to trust is known as of the fetching of anchors and trust lists, and everything else, the
    /// purpose and the document profiles, as of the bundle.
    pub fn annotate(&self, verdict: &mut Value, now: UnixTime) {
        let (facts, anchors) = (self.facts(), self.anchors_as_of());
        let date = |checks: &mut Value| {
            for check in checks.as_array_mut().into_iter().flatten() {
                let as_of = if check["check"] == "issuer.chain" {
                    anchors
                } else {
                    facts.created
                };
                if let Some(check) = check.as_object_mut() {
                    check.entry("as_of").or_insert_with(|| json!(as_of.to_string()));
                }
            }
        };
        date(&mut verdict["checks"]);
        for document in verdict["documents"].as_array_mut().into_iter().flatten() {
            date(&mut document["checks"]);
        }
        if let Some(verdict) = verdict.as_object_mut() {
            let bundle = json!({
                "number": facts.number,
                "created": facts.created.to_string(),
                "expires": facts.expires.to_string(),
                "age": facts.age(now),
            });
            verdict.insert("bundle".to_owned(), bundle);
        }
    }
}

/// How old the evidence behind a verdict in its JSON form is, for the clerk: a line in English and
/// one in Japanese; none where no bundle stands behind it.
pub fn bundle_words(verdict: &Value) -> Option<[String; 2]> {
    let bundle = &verdict["bundle"];
    let (number, age) = (bundle["number"].as_u64()?, bundle["age"].as_u64()?);
    let created = UnixTime::parse(bundle["created"].as_str()?).ok()?;
    let [english, japanese] = age_words(age);
    let mut words = [
        format!("judged offline by bundle {number} of {created}, {english} old"),
        format!("オフライン判定: {japanese}前のデータ ({created}、番号 {number})"),
    ];
    let at = verdict["at"].as_str().and_then(|at| UnixTime::parse(at).ok());
    if let (Some(oldest), Some(at)) = (oldest_evidence(verdict), at) {
        let seconds = u64::try_from(at.seconds().saturating_sub(oldest.seconds())).unwrap_or(0);
        let [english_evidence, japanese_evidence] = age_words(seconds);
        let [english, japanese] = &mut words;
        *english += &format!("; the oldest evidence is of {oldest}, {english_evidence} old");
        *japanese += &format!("。最も古い証拠は{japanese_evidence}前 ({oldest})");
    }
    Some(words)
}

/// The oldest instant of which a check of revocation tells something.
fn oldest_evidence(verdict: &Value) -> Option<UnixTime> {
    let documents = verdict["documents"].as_array()?.iter();
    let checks = documents.flat_map(|document| document["checks"].as_array().into_iter().flatten());
    let evidence = checks.filter(|check| check["check"] == "issuer.crl" || check["check"] == "status");
    let instants = evidence.filter_map(|check| UnixTime::parse(check["as_of"].as_str()?).ok());
    instants.min()
}

/// A span of time in its largest whole unit, in English and Japanese.
pub fn age_words(seconds: u64) -> [String; 2] {
    let units = [
        (86_400, "day", "日"),
        (3600, "hour", "時間"),
        (60, "minute", "分"),
        (1, "second", "秒"),
    ];
    let fitting = units.into_iter().find(|(length, ..)| seconds >= *length);
    let (length, english, japanese) = fitting.unwrap_or((1, "second", "秒"));
    let count = seconds / length;
    let plural = if count == 1 { "" } else { "s" };
    [format!("{count} {english}{plural}"), format!("{count}{japanese}")]
}
