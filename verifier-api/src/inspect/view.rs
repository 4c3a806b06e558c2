//! From bytes to lines: no file, no clock.

use mdoc::cbor::ErrorKind;
use zeroize::Zeroizing;

use super::content::{Block, Content};
use super::der::Reader;
use super::fault::{Fault, Located};
use super::kind::Kind;
use super::place::{Place, Settings};
use super::scalar::sha256;
use super::tree::{Finished, Stop, Tree};
use super::walk::Walk;
use super::{certificate, profile, strict};
use crate::arguments::InspectKind;

/// Certificates of one file that are shown.
const MAX_CERTIFICATES: usize = 64;
/// Faults that are listed at the end.
const LISTED_FAULTS: usize = 20;

/// What is to be shown and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    /// What the content is, where the user says so.
    pub(super) told: Option<InspectKind>,
    pub(super) max_lines: usize,
    pub(super) settings: Settings,
}

/// A view of one content.
#[derive(Debug)]
pub(super) struct View {
    pub(super) lines: Vec<String>,
    /// What is wrong; none for a content that was understood.
    pub(super) faults: Vec<Located>,
}

impl View {
    pub(super) fn of(bytes: Zeroizing<Vec<u8>>, request: Request) -> Self {
        let mut tree = Tree::new(request.max_lines);
        let what = match Content::of(bytes) {
            Content::Raw(bytes) => {
                let kind = Kind::of(&bytes, request.told);
                show(&mut tree, kind, &bytes, request.settings);
                format!("{}: {} bytes", kind.name(), bytes.len())
            }
            Content::Decoded(text, bytes) => {
                let kind = Kind::of(&bytes, request.told);
                show(&mut tree, kind, &bytes, request.settings);
                format!("{}: {} bytes, from {text} text", kind.name(), bytes.len())
            }
            Content::Uri(bytes, fault) => {
                if let Some(fault) = fault {
                    tree.note(Located { offset: None, fault });
                }
                let kind = Kind::of(&bytes, Some(request.told.unwrap_or(InspectKind::Engagement)));
                show(&mut tree, kind, &bytes, request.settings);
                format!("{}: {} bytes, from an mdoc: URI", kind.name(), bytes.len())
            }
            Content::Pem(blocks) => {
                let _ = pem(&mut tree, &blocks, request.settings);
                format!("PEM: {} blocks", blocks.len())
            }
            Content::Nothing(fault) => {
                tree.note(Located { offset: None, fault });
                "nothing that can be shown".to_owned()
            }
        };
        Self::of_tree(tree, &what, request.max_lines)
    }

    fn of_tree(tree: Tree, what: &str, max_lines: usize) -> Self {
        let Finished {
            lines: shown,
            full,
            hidden,
            faults,
            more_faults,
        } = tree.finish();
        let mut lines = vec![format!("{what}. Shown, not verified.")];
        lines.extend(shown);
        if full {
            lines.push(format!(
                "… cut at {max_lines} lines; --max-lines shows more, and what is not shown may hold more faults"
            ));
        }
        if hidden {
            lines.push("Values of elements are hidden; --values shows them.".to_owned());
        }
        match faults.len() + more_faults {
            0 => lines.push("Understood.".to_owned()),
            1 => lines.push("Not as it must be:".to_owned()),
            count => lines.push(format!("Not as it must be, {count} faults:")),
        }
        let listed = faults.iter().take(LISTED_FAULTS);
        lines.extend(listed.map(|located| format!("  {located}")));
        let unlisted = (faults.len() + more_faults).saturating_sub(LISTED_FAULTS);
        if unlisted > 0 {
            lines.push(format!("  … and {unlisted} more"));
        }
        Self { lines, faults }
    }
}

/// Shows `bytes`. Why the showing ended, the tree knows.
fn show(tree: &mut Tree, kind: Kind, bytes: &[u8], settings: Settings) {
    let _ = match kind {
        Kind::Certificates => der(tree, bytes, settings),
        Kind::Cbor(node) => {
            let shown = Walk::new(bytes, tree, settings).item(Place::whole(bytes, node));
            rest(tree, bytes, shown)
        }
    };
}

/// What the strict decoder has against the whole, once the view has told what it found itself.
fn rest(tree: &mut Tree, bytes: &[u8], shown: Result<usize, Stop>) -> Result<(), Stop> {
    if let Err((offset, fault)) = strict::cbor(bytes, 0) {
        tree.fault(offset, 0, fault)?;
    }
    match shown {
        Ok(end) if end < bytes.len() => tree.fault(end, 0, Fault::Cbor(ErrorKind::Trailing)),
        _ => Ok(()),
    }
}

/// One certificate, or several one after the other.
fn der(tree: &mut Tree, bytes: &[u8], settings: Settings) -> Result<(), Stop> {
    let mut reader = Reader::new(bytes, 0, bytes.len());
    let mut certificates = Vec::new();
    let mut at = 0;
    while at < bytes.len() && certificates.len() < MAX_CERTIFICATES {
        let end = match reader.next() {
            Ok(value) => value.end,
            Err(_) => bytes.len(),
        };
        let encoded = bytes.get(at..end).unwrap_or(&[]);
        heading(tree, certificates.len(), at, encoded)?;
        certificate::show(tree, bytes, at, end, 1, settings.now)?;
        certificates.push(encoded);
        at = end;
    }
    remarks(tree, &certificates)
}

fn pem(tree: &mut Tree, blocks: &[Block], settings: Settings) -> Result<(), Stop> {
    let mut certificates = Vec::new();
    for block in blocks {
        match block {
            Block::Certificate(der) => {
                heading(tree, certificates.len(), 0, der)?;
                certificate::show(tree, der, 0, der.len(), 1, settings.now)?;
                certificates.push(der.as_slice());
            }
            Block::Other(label) => {
                let label = super::scalar::text(label);
                tree.remark(0, &format!("a block of type {label}, which is not shown"))?;
            }
            Block::Broken => tree.note(Located {
                offset: None,
                fault: Fault::Pem,
            }),
        }
    }
    remarks(tree, &certificates)
}

fn heading(tree: &mut Tree, index: usize, at: usize, der: &[u8]) -> Result<(), Stop> {
    let text = format!(
        "certificate {}: {} bytes, SHA-256 {}",
        index + 1,
        der.len(),
        sha256(der)
    );
    tree.line(at, 0, &text)
}

fn remarks(tree: &mut Tree, certificates: &[&[u8]]) -> Result<(), Stop> {
    for remark in profile::remarks(certificates) {
        tree.remark(0, &remark)?;
    }
    Ok(())
}
