//! How old the parts of trust are, and when each ends: for those who have to renew them in time.

use std::collections::{HashMap, HashSet};

use mdoc::evidence::Evidence;
use mdoc::time::UnixTime;
use mdoc::x509::{CrlEffect, RevocationList};

use super::TrustSnapshot;

const DAY: i64 = 86_400;
/// Days before an end on which a warning is due.
pub const WARNING_DAYS: [i64; 3] = [1, 7, 30];

/// What has an age and an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DatedKind {
    /// The certificate of an anchor.
    Anchor,
    /// The certificate of an authority behind VICALs.
    VicalAuthority,
    /// A VICAL.
    Vical,
    /// A CRL.
    Crl,
    /// A status list or identifier list.
    Status,
    /// The offline bundle that is handed out.
    Bundle,
    /// A root that publishers of lists are known by.
    PublisherRoot,
}

impl DatedKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Anchor,
        Self::VicalAuthority,
        Self::Vical,
        Self::Crl,
        Self::Status,
        Self::Bundle,
        Self::PublisherRoot,
    ];

    /// The word in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anchor => "anchor",
            Self::VicalAuthority => "vical_authority",
            Self::Vical => "vical",
            Self::Crl => "crl",
            Self::Status => "status",
            Self::Bundle => "bundle",
            Self::PublisherRoot => "publisher_root",
        }
    }
}

/// A part of trust, with its age and its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dated {
    /// Which kind.
    pub kind: DatedKind,
    /// What people know it by. Names issuers and providers, never holders.
    pub name: String,
    /// Tells it from others of its kind.
    pub id: String,
    /// When it was made or began to count.
    pub dated: UnixTime,
    /// Its last instant, or when the next one is due; none where it names no end.
    pub until: Option<UnixTime>,
}

impl Dated {
    /// Seconds since it was made; none where that lies ahead.
    pub fn age(&self, now: UnixTime) -> u64 {
        u64::try_from(now.seconds().saturating_sub(self.dated.seconds())).unwrap_or(0)
    }

    /// The nearest of [`WARNING_DAYS`] before its end that is reached at `now`; 0 once it has ended.
    /// A warning as many days before the end as its whole life lasts, or more, would be there from
    /// the first day on and says nothing: it is left out.
    pub fn warning(&self, now: UnixTime) -> Option<i64> {
        let until = self.until?;
        if until < now {
            return Some(0);
        }
        let left = until.seconds().saturating_sub(now.seconds());
        let life = until.seconds().saturating_sub(self.dated.seconds());
        WARNING_DAYS
            .into_iter()
            .find(|days| left <= days * DAY && days * DAY < life)
    }
}

/// A CRL as a part of trust.
pub fn dated_crl(list: &RevocationList, name: String, id: String) -> Dated {
    Dated {
        kind: DatedKind::Crl,
        name,
        id,
        dated: list.this_update(),
        until: list.next_update(),
    }
}

impl TrustSnapshot {
    /// Everything of this snapshot that has an age. Of the CRLs of one key and of the tokens of one
    /// list only the newest: the others decide nothing.
    pub fn dated(&self) -> Vec<Dated> {
        // One certificate may stand in a file and in a list, and ends once.
        let mut known = HashSet::new();
        let anchors = self.anchors().iter();
        let anchors = anchors.filter(|anchor| known.insert(anchor.certificate.sha256()));
        let anchors = anchors.map(|anchor| Dated {
            kind: DatedKind::Anchor,
            name: name_of(anchor.certificate.common_name()),
            id: hex(&anchor.certificate.sha256()),
            dated: anchor.certificate.not_before(),
            until: Some(anchor.certificate.not_after()),
        });
        let authorities = self.authorities().iter().map(|certificate| Dated {
            kind: DatedKind::VicalAuthority,
            name: name_of(certificate.common_name()),
            id: hex(&certificate.sha256()),
            dated: certificate.not_before(),
            until: Some(certificate.not_after()),
        });
        let lists = self.trust_lists().iter().map(|held| Dated {
            kind: DatedKind::Vical,
            name: held.provider().to_owned(),
            id: held.provider().to_owned(),
            dated: held.date(),
            until: held
                .next_update()
                .map_or(Some(held.list.until), |next| Some(next.min(held.list.until))),
        });
        let mut dated: Vec<Dated> = anchors.chain(authorities).chain(lists).collect();
        dated.extend(self.dated_crls());
        dated.extend(dated_tokens(self.evidence()));
        dated
    }

    fn dated_crls(&self) -> Vec<Dated> {
        let mut newest: Vec<&RevocationList> = Vec::new();
        let same = |one: &RevocationList, other: &RevocationList| {
            one.issuer_der() == other.issuer_der()
                && one.authority_key_identifier() == other.authority_key_identifier()
        };
        // Of one issuer the newest comes first.
        let mut issuer_from = 0;
        for list in self.evidence().crls() {
            if is_void(list) {
                continue;
            }
            let of_issuer = newest.get(issuer_from..).unwrap_or_default();
            if of_issuer
                .first()
                .is_some_and(|other| other.issuer_der() != list.issuer_der())
            {
                issuer_from = newest.len();
            }
            let of_issuer = newest.get(issuer_from..).unwrap_or_default();
            if !of_issuer.iter().any(|other| same(other, list)) {
                newest.push(list);
            }
        }
        let anchors = self.anchors().iter().map(|anchor| &anchor.certificate);
        let names: HashMap<&[u8], Option<&str>> = anchors
            .map(|certificate| (certificate.subject_der(), certificate.common_name()))
            .collect();
        let named = newest.into_iter().map(|list| {
            let issuer = names.get(list.issuer_der()).copied().flatten();
            let key = list.authority_key_identifier().unwrap_or_default();
            let id = [list.issuer_der(), key].map(hex).join("/");
            dated_crl(list, name_of(issuer), id)
        });
        named.collect()
    }
}

/// Whether the form of a CRL takes its effect away.
pub(super) fn is_void(list: &RevocationList) -> bool {
    let mut broken = list.broken_rules().iter();
    broken.any(|rule| rule.effect() == CrlEffect::Void)
}

fn dated_tokens(evidence: &Evidence) -> Vec<Dated> {
    let mut dated: Vec<Dated> = Vec::new();
    for token in evidence.tokens() {
        // The tokens of one list come one after another, the youngest first.
        if dated.last().is_some_and(|known| known.id == token.subject()) {
            continue;
        }
        let ttl = token.time_to_live().and_then(|ttl| i64::try_from(ttl).ok());
        let by_ttl = ttl.map(|ttl| token.issued_at().saturating_add(ttl));
        dated.push(Dated {
            kind: DatedKind::Status,
            name: token.subject().to_owned(),
            id: token.subject().to_owned(),
            dated: token.issued_at(),
            until: token.expires_at().or(by_ttl),
        });
    }
    dated
}

fn name_of(common_name: Option<&str>) -> String {
    common_name.unwrap_or("without a common name").to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warning(life_days: i64, left: i64) -> Option<i64> {
        let at = |seconds| UnixTime::from_seconds(seconds).unwrap();
        let dated = Dated {
            kind: DatedKind::Crl,
            name: String::new(),
            id: String::new(),
            dated: at(0),
            until: Some(at(life_days * DAY)),
        };
        dated.warning(at(life_days * DAY - left))
    }

    #[test]
    fn warnings_come_thirty_seven_and_one_days_before_the_end() {
        for (left, expected) in [
            (30 * DAY + 1, None),
            (30 * DAY, Some(30)),
            (7 * DAY + 1, Some(30)),
            (7 * DAY, Some(7)),
            (DAY + 1, Some(7)),
            (DAY, Some(1)),
            (0, Some(1)),
            (-1, Some(0)),
        ] {
            assert_eq!(warning(365, left), expected, "{left}");
        }
    }

    #[test]
    fn what_lives_no_longer_than_a_warning_lasts_is_not_warned_of_from_its_first_day() {
        assert_eq!((warning(30, 30 * DAY), warning(31, 30 * DAY)), (None, Some(30)));
        assert_eq!((warning(30, 7 * DAY), warning(7, 7 * DAY)), (Some(7), None));
        assert_eq!((warning(1, DAY), warning(1, -1)), (None, Some(0)));
    }

    #[test]
    fn what_names_no_end_has_none() {
        let at = UnixTime::from_seconds(5).unwrap();
        let dated = Dated {
            kind: DatedKind::Status,
            name: String::new(),
            id: String::new(),
            dated: at,
            until: None,
        };
        assert_eq!((dated.warning(at), dated.age(at)), (None, 0));
        assert_eq!(dated.age(UnixTime::from_seconds(7).unwrap()), 2);
    }
}
