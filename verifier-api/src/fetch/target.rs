//! What may be asked for: a URI, held against the rules before anybody looks its host up.

use mdoc::limits::URI_BYTES;
use url::{Host, Url};

use super::{FetchError, ListKind};

/// Who named a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The operator: a configured source.
    Operator,
    /// A document whose signature, chain and device authentication hold.
    Document,
}

/// Which URIs may be asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct TargetRules {
    /// CRLs are also asked for over http: they are signed, and public.
    pub(crate) http_crls: bool,
    /// The hosts that documents may name; any where there is none.
    pub(crate) hosts: Vec<String>,
}

/// A URI that keeps to the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    url: Url,
}

impl TargetRules {
    /// Reads a URI.
    ///
    /// # Errors
    /// Which rule it breaks.
    pub(crate) fn target(&self, uri: &str, kind: ListKind, origin: Origin) -> Result<Target, FetchError> {
        if uri.len() > URI_BYTES {
            return Err(FetchError::Uri);
        }
        let url = Url::parse(uri).map_err(|_| FetchError::Uri)?;
        self.check(url, kind, origin)
    }

    /// Where a redirection leads: on the same host, by the same scheme and port.
    ///
    /// # Errors
    /// Which rule the new place breaks.
    pub(crate) fn redirected(
        &self,
        from: &Target,
        location: &str,
        kind: ListKind,
        origin: Origin,
    ) -> Result<Target, FetchError> {
        if location.len() > URI_BYTES {
            return Err(FetchError::Uri);
        }
        let url = from.url.join(location).map_err(|_| FetchError::Uri)?;
        if url.origin() != from.url.origin() {
            return Err(FetchError::RedirectElsewhere);
        }
        self.check(url, kind, origin)
    }

    fn check(&self, url: Url, kind: ListKind, origin: Origin) -> Result<Target, FetchError> {
        match url.scheme() {
            "https" => {}
            "http" if kind == ListKind::Crl && self.http_crls => {}
            _ => return Err(FetchError::Scheme),
        }
        let Some(host) = url.host() else {
            return Err(FetchError::Uri);
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::Credentials);
        }
        if origin == Origin::Document {
            // A list is whole. What goes beyond its path could name the record, and tell its server who shows it.
            if url.query().is_some() || url.fragment().is_some() {
                return Err(FetchError::Query);
            }
            if !self.hosts.is_empty() && !self.hosts.contains(&name(&host)) {
                return Err(FetchError::HostNotAllowed);
            }
        }
        Ok(Target { url })
    }
}

impl Target {
    /// The URI as it is asked for.
    pub(crate) fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The host, for the log: all of a URI that is written there.
    pub(crate) fn host(&self) -> String {
        self.url.host().map(|host| name(&host)).unwrap_or_default()
    }
}

/// The host in the one spelling that two mentions of it share.
fn name(host: &Host<&str>) -> String {
    host.to_string().trim_end_matches('.').to_owned()
}

/// A host as an operator writes it, in the spelling of [`Target::host`].
pub(crate) fn host_name(text: &str) -> Option<String> {
    Host::parse(text)
        .ok()
        .map(|host| host.to_string().trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> TargetRules {
        TargetRules {
            http_crls: false,
            hosts: vec!["lists.example".to_owned()],
        }
    }

    fn of(uri: &str) -> Result<String, FetchError> {
        let target = rules().target(uri, ListKind::Status, Origin::Document);
        target.map(|target| target.as_str().to_owned())
    }

    #[test]
    fn documents_name_whole_lists_on_allowed_hosts() {
        let kept = |uri: &str| assert_eq!(of(uri).as_deref(), Ok(uri));
        kept("https://lists.example/1");
        kept("https://lists.example:8443/a/b");
        assert_eq!(
            of("HTTPS://LISTS.example./1").as_deref(),
            Ok("https://lists.example./1")
        );
        for (uri, error) in [
            ("", FetchError::Uri),
            ("lists.example/1", FetchError::Uri),
            ("https://", FetchError::Uri),
            ("https://lists.example:99999/", FetchError::Uri),
            ("https://[::1/", FetchError::Uri),
            ("http://lists.example/1", FetchError::Scheme),
            ("ftp://lists.example/1", FetchError::Scheme),
            ("file:///etc/passwd", FetchError::Scheme),
            ("ldap://lists.example/1", FetchError::Scheme),
            ("data:text/plain,1", FetchError::Scheme),
            ("https://user@lists.example/1", FetchError::Credentials),
            ("https://:secret@lists.example/1", FetchError::Credentials),
            ("https://lists.example/1?idx=7", FetchError::Query),
            ("https://lists.example/1?", FetchError::Query),
            ("https://lists.example/1#7", FetchError::Query),
            ("https://other.example/1", FetchError::HostNotAllowed),
            ("https://lists.example.evil/1", FetchError::HostNotAllowed),
            ("https://evil.lists.example/1", FetchError::HostNotAllowed),
            ("https://lists.example@evil.example/1", FetchError::Credentials),
            (
                "https://evil.example\\@lists.example/1",
                FetchError::HostNotAllowed,
            ),
            ("https://127.0.0.1/1", FetchError::HostNotAllowed),
        ] {
            assert_eq!(of(uri), Err(error), "{uri}");
        }
        assert_eq!(
            of(&format!("https://lists.example/{}", "x".repeat(URI_BYTES))),
            Err(FetchError::Uri)
        );
    }

    #[test]
    fn an_address_is_one_in_every_spelling() {
        let open = TargetRules::default();
        for uri in [
            "https://127.1/",
            "https://0x7f000001/",
            "https://2130706433/",
            "https://0177.0.0.1/",
        ] {
            let target = open.target(uri, ListKind::Status, Origin::Document).unwrap();
            assert_eq!(target.host(), "127.0.0.1", "{uri}");
        }
    }

    #[test]
    fn an_operator_means_what_is_written() {
        let target = |uri: &str| rules().target(uri, ListKind::Vical, Origin::Operator).map(drop);
        assert_eq!(target("https://vical.example/list?format=cbor"), Ok(()));
        assert_eq!(
            target("https://user:secret@vical.example/"),
            Err(FetchError::Credentials)
        );
        assert_eq!(target("http://vical.example/"), Err(FetchError::Scheme));
    }

    #[test]
    fn http_is_for_crls_and_by_the_switch() {
        let target = |http_crls: bool, kind: ListKind| {
            let rules = TargetRules {
                http_crls,
                hosts: Vec::new(),
            };
            rules
                .target("http://crl.example/1", kind, Origin::Document)
                .map(drop)
        };
        assert_eq!(target(true, ListKind::Crl), Ok(()));
        assert_eq!(target(false, ListKind::Crl), Err(FetchError::Scheme));
        assert_eq!(target(true, ListKind::Status), Err(FetchError::Scheme));
        assert_eq!(target(true, ListKind::Vical), Err(FetchError::Scheme));
    }

    #[test]
    fn redirections_stay_where_they_began() {
        let rules = TargetRules::default();
        let from = rules.target(
            "https://lists.example:8443/a/1",
            ListKind::Status,
            Origin::Document,
        );
        let from = from.unwrap();
        let to = |location: &str| {
            let target = rules.redirected(&from, location, ListKind::Status, Origin::Document);
            target.map(|target| target.as_str().to_owned())
        };
        assert_eq!(to("2").as_deref(), Ok("https://lists.example:8443/a/2"));
        assert_eq!(to("/2").as_deref(), Ok("https://lists.example:8443/2"));
        assert_eq!(
            to("https://lists.example:8443/2").as_deref(),
            Ok("https://lists.example:8443/2")
        );
        for elsewhere in [
            "https://lists.example/2",
            "https://lists.example:8444/2",
            "http://lists.example:8443/2",
            "https://other.example:8443/2",
            "//other.example:8443/2",
            "https://127.0.0.1:8443/2",
        ] {
            assert_eq!(to(elsewhere), Err(FetchError::RedirectElsewhere), "{elsewhere}");
        }
        assert_eq!(to("2?idx=7"), Err(FetchError::Query));
        assert_eq!(to("//user@lists.example:8443/2"), Err(FetchError::Credentials));
    }
}
