//! The certificates that --anchor names, each with the document types that a file beside it allows.

use std::path::Path;

use super::subject::Subject;
use super::{LintError, MAX_FILE};
use crate::lint::input::{Contents, Input};
use operator::Finding;

/// A certificate that the user trusts.
pub(super) struct Anchor {
    pub(super) subject: Subject,
    /// The document types it vouches for; `None` for all.
    pub(super) doc_types: Option<Vec<String>>,
}

/// Reads the files. What cannot be parsed is a finding.
pub(super) fn read(files: &[impl AsRef<Path>]) -> Result<(Vec<Anchor>, Vec<Finding>), LintError> {
    let (mut anchors, mut findings) = (Vec::new(), Vec::new());
    for file in files {
        let file = file.as_ref();
        let name = file.display().to_string();
        let bytes = operator::read_file(file, MAX_FILE)?;
        let doc_types = doc_types(file)?;
        let contents = Contents::of(bytes, None);
        let Some(Input::Chain(encoded)) = contents.map(|contents| contents.input) else {
            return Err(LintError::Unknown(name, "no certificate"));
        };
        for der in encoded {
            match Subject::parse(&der) {
                Ok(mut subject) => {
                    subject.label = format!("anchor ({})", subject.subject());
                    anchors.push(Anchor {
                        subject,
                        doc_types: doc_types.clone(),
                    });
                }
                Err(finding) => findings.push(finding.of(&format!("anchor {name}"))),
            }
        }
    }
    Ok((anchors, findings))
}

/// The scope of an anchor in a trust directory stands in NAME.toml beside it.
fn doc_types(file: &Path) -> Result<Option<Vec<String>>, LintError> {
    let beside = file.with_extension("toml");
    if !beside.is_file() {
        return Ok(None);
    }
    let fault = |text: &str| LintError::Scope(beside.display().to_string(), text.to_owned());
    let bytes = operator::read_file(&beside, MAX_FILE)?;
    let text = core::str::from_utf8(&bytes).map_err(|_| fault("not text"))?;
    let table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| fault(error.message()))?;
    let Some(types) = table.get("doc_types") else {
        return Ok(None);
    };
    let types = types
        .as_array()
        .ok_or_else(|| fault("doc_types is a list of texts"))?;
    let texts: Option<Vec<String>> = types.iter().map(|one| Some(one.as_str()?.to_owned())).collect();
    texts
        .map(Some)
        .ok_or_else(|| fault("doc_types is a list of texts"))
}
