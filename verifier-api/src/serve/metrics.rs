//! `GET /metrics`: the numbers of this service in the text that Prometheus reads. Labels are words of
//! this program and of nobody else: no value of a holder's can become one.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use mdoc::verify::Reason;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use relying_party::{DatedKind, Decision, WARNING_DAYS};

use super::problem::{Kind, Problem};
use super::routes::ROUTES;
use super::state::State;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Seconds by which answers are sorted: from one that was at hand to one that waited for lists.
const BUCKETS: [f64; 9] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0];

/// A word of this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Word(&'static str);

impl EncodeLabelValue for Word {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        self.0.encode(encoder)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: Word,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRoute {
    route: Word,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Judged {
    verdict: Word,
    reason: Word,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Fetched {
    kind: Word,
    result: Word,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: Word,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ending {
    kind: Word,
    days: i64,
}

type Number = Gauge<f64, AtomicU64>;

/// Everything that is published.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    durations: Family<OfRoute, Histogram>,
    verdicts: Family<Judged, Counter>,
    fetches: Family<Fetched, Counter>,
    ages: Family<OfKind, Number>,
    days: Family<OfKind, Number>,
    ending: Family<Ending, Gauge>,
    anchors: Gauge,
    trust_age: Number,
    trust_changes: Gauge,
    trust_fault: Gauge,
    /// The gauges are those of one moment: two who ask at once do not mix theirs.
    asked: Mutex<()>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        let mut metrics = Self {
            registry: Registry::with_prefix("mdoc_verifier"),
            requests: Family::default(),
            durations: Family::new_with_constructor(histogram),
            verdicts: Family::default(),
            fetches: Family::default(),
            ages: Family::default(),
            days: Family::default(),
            ending: Family::default(),
            anchors: Gauge::default(),
            trust_age: Number::default(),
            trust_changes: Gauge::default(),
            trust_fault: Gauge::default(),
            asked: Mutex::new(()),
        };
        let registry = &mut metrics.registry;
        registry.register("requests", "Requests answered", metrics.requests.clone());
        let (name, help) = ("request_duration_seconds", "Seconds until requests were answered");
        registry.register(name, help, metrics.durations.clone());
        registry.register("verdicts", "Verdicts by reason", metrics.verdicts.clone());
        registry.register(
            "fetches",
            "Attempts to fetch lists by result",
            metrics.fetches.clone(),
        );
        let (name, help) = (
            "evidence_age_seconds",
            "Age of the oldest list in use, by its own date",
        );
        registry.register(name, help, metrics.ages.clone());
        let (name, help) = (
            "expiry_days",
            "Days until the first of its kind ends; negative once it has",
        );
        registry.register(name, help, metrics.days.clone());
        let (name, help) = (
            "expiring",
            "How many end within so many days; 0 for those that have ended",
        );
        registry.register(name, help, metrics.ending.clone());
        registry.register("trust_anchors", "Trusted anchors", metrics.anchors.clone());
        let (name, help) = (
            "trust_age_seconds",
            "Seconds since trust was applied or confirmed",
        );
        registry.register(name, help, metrics.trust_age.clone());
        let (name, help) = (
            "trust_change_number",
            "Number of the change of trust that is in force",
        );
        registry.register(name, help, metrics.trust_changes.clone());
        let (name, help) = (
            "trust_fault",
            "1 while a changed trust cannot be read and the one before stays",
        );
        registry.register(name, help, metrics.trust_fault.clone());
        metrics
    }

    /// A request was answered.
    pub(super) fn request(&self, route: &str, status: u16, taken: Duration) {
        let known = ROUTES.iter().find(|(known, _)| *known == route);
        let route = Word(known.map_or("none", |(known, _)| *known));
        self.requests.get_or_create(&Answered { route, status }).inc();
        let durations = self.durations.get_or_create(&OfRoute { route });
        durations.observe(taken.as_secs_f64());
    }

    /// A verdict was given.
    pub(super) fn verdict(&self, decision: Decision, reason: Option<Reason>) {
        let judged = Judged {
            verdict: Word(decision.name()),
            reason: Word(reason.map_or("none", Reason::code)),
        };
        self.verdicts.get_or_create(&judged).inc();
    }

    fn text(&self, state: &State) -> Result<String, std::fmt::Error> {
        let _one_at_a_time = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        self.read(state);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Brings up to date what is read rather than counted.
    fn read(&self, state: &State) {
        let now = (state.clock)();
        for ((kind, result), count) in state.fetcher.iter().flat_map(|fetcher| fetcher.results()) {
            let fetched = Fetched {
                kind: Word(kind.name()),
                result: Word(result),
            };
            let counter = self.fetches.get_or_create(&fetched);
            counter.inc_by(count.saturating_sub(counter.get()));
        }
        let mut ages: BTreeMap<DatedKind, f64> = BTreeMap::new();
        let mut days: BTreeMap<DatedKind, f64> = BTreeMap::new();
        let mut ending: BTreeMap<(DatedKind, i64), i64> = BTreeMap::new();
        for dated in state.dated() {
            let is_evidence = matches!(dated.kind, DatedKind::Crl | DatedKind::Status | DatedKind::Vical);
            if is_evidence {
                let age = ages.entry(dated.kind).or_default();
                *age = age.max(Duration::from_secs(dated.age(now)).as_secs_f64());
            }
            let Some(until) = dated.until else { continue };
            let left = days_of(until.seconds().saturating_sub(now.seconds()));
            let least = days.entry(dated.kind).or_insert(left);
            *least = least.min(left);
            for bound in [0].into_iter().chain(WARNING_DAYS) {
                let within = if bound == 0 {
                    left < 0.0
                } else {
                    left <= days_of(bound * 86_400)
                };
                *ending.entry((dated.kind, bound)).or_default() += i64::from(within);
            }
        }
        self.ages.clear();
        self.days.clear();
        self.ending.clear();
        let of = |kind: DatedKind| OfKind {
            kind: Word(kind.name()),
        };
        for (kind, age) in ages {
            self.ages.get_or_create(&of(kind)).set(age);
        }
        for (kind, left) in days {
            self.days.get_or_create(&of(kind)).set(left);
        }
        for ((kind, days), count) in ending {
            let kind = Word(kind.name());
            self.ending.get_or_create(&Ending { kind, days }).set(count);
        }
        let anchors = state.world.load().trust().anchor_count();
        self.anchors.set(i64::try_from(anchors).unwrap_or(i64::MAX));
        if let Some(age) = state.trust_age(now) {
            self.trust_age.set(Duration::from_secs(age).as_secs_f64());
        }
        if let Some(changes) = &state.trust {
            let status = changes.status();
            let number = status.pointer.change.number;
            self.trust_changes.set(i64::try_from(number).unwrap_or(i64::MAX));
            self.trust_fault.set(i64::from(status.fault.is_some()));
        }
    }
}

/// Seconds as days. A span of time in this program fits 2^53 seconds.
fn days_of(seconds: i64) -> f64 {
    let magnitude = Duration::from_secs(seconds.unsigned_abs()).as_secs_f64() / 86_400.0;
    if seconds < 0 { -magnitude } else { magnitude }
}

/// Answers GET and HEAD. Where keys are configured, an API key or an administrator's is needed.
pub(super) async fn get(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    if let Err(problem) = state.api_keys.admit(request.headers()) {
        let admin = state.trust.as_ref().and_then(|changes| changes.admin.as_ref());
        if admin.is_none_or(|admin| admin.admit(request.headers()).is_err()) {
            return Err(problem);
        }
    }
    // Off the threads that serve: every list is looked at.
    let text = web::block(move || state.metrics.text(&state)).await;
    let failed = || Problem::new(Kind::Internal, "the metrics could not be written");
    let text = text.map_err(|_| failed())?.map_err(|_| failed())?;
    Ok(HttpResponse::Ok().content_type(CONTENT_TYPE).body(text))
}
