//! Many lists, a publisher of them, and a fetcher that keeps them: for measurements.

use std::sync::Arc;

use holder::evidence::{List, StatusAuthority, TokenSpec, status_reference};
use relying_party::TrustFile;
use verifier_api::fetch::{FetchSettings, Fetcher, ListKind, Source};

use crate::bench::Presented;
use crate::list_server::{Answer, ListServer};

/// Lists that are published, and a presentation that names an entry of the first.
pub struct Published {
    /// Who publishes.
    pub server: ListServer,
    /// A presentation under the issuer of the lists.
    pub presented: Presented,
    /// Where the lists are.
    pub uris: Vec<String>,
    /// Bytes of all of them as they are published.
    pub bytes: usize,
}

impl Published {
    /// So many lists of so many entries of one bit, of which one in a hundred is set.
    pub fn new(count: usize, entries: usize) -> Self {
        let uri = |number: usize| format!("https://lists.test/{number}");
        let (presented, issuer, options) = Presented::with_status(Some(status_reference(&uri(0), 7)));
        let authority = StatusAuthority::new(&issuer, &options, |_| {});
        let server = ListServer::start();
        let mut bytes = 0;
        for number in 0..count {
            let mut values = vec![0; entries];
            for place in (0..entries).filter(|place| (place * 31 + number) % 100 == 42) {
                values[place] = 1;
            }
            values[7] = 0;
            let chain = vec![authority.certificate.clone()];
            let spec = TokenSpec::new(
                &uri(number),
                List::Statuses { bits: 1, values },
                chain,
                options.now,
            );
            let token = spec.cwt(&authority.key);
            bytes += token.len();
            server.put(&format!("/{number}"), Answer::status(&token));
        }
        Self {
            server,
            presented,
            uris: (0..count).map(uri).collect(),
            bytes,
        }
    }

    /// A fetcher whose sources are all of the lists, not yet started.
    ///
    /// # Panics
    /// It cannot be made.
    pub fn fetcher(&self, inflated_bytes: usize, threads: usize) -> Fetcher {
        let address = self.server.address;
        let source = |uri: &String| Source {
            kind: ListKind::Status,
            uri: uri.clone(),
        };
        let settings = FetchSettings {
            sources: self.uris.iter().map(source).collect(),
            roots: Some(vec![self.server.root.clone()]),
            private_addresses: true,
            inflated_bytes,
            threads,
            lookup: Some(Arc::new(move |_: &str, _| Ok(vec![address]))),
            ..FetchSettings::default()
        };
        let root = TrustFile {
            name: "anchors/own.der".to_owned(),
            bytes: self.presented.built.root.clone(),
        };
        Fetcher::open(settings, vec![root], |trust| trust).expect("settings and a root")
    }
}
