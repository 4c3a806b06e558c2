//! `lint`: every rule that a certificate, a chain, a CRL, a VICAL, a status token or a purpose
//! breaks, with its clause and what to do about it.

mod advice;
mod anchors;
mod arguments;
mod certificate;
mod chain;
mod crl;
mod input;
mod link;
mod purpose;
mod report;
mod status;
mod subject;
mod vical;
mod way;

use std::io::{self, Read as _};
use std::path::Path;

pub(crate) use arguments::Lint;

use crate::input::{instant, now};
use anchors::Anchor;
use arguments::LintKind;
use input::{Contents, Input};
use mdoc::time::UnixTime;
use operator::Finding;
use report::Report;

/// Bytes of a file.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// What keeps a file from being judged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LintError {
    /// A file of the operator.
    #[error(transparent)]
    Operator(#[from] operator::OperatorError),
    /// Standard input.
    #[error("cannot read standard input: {0}")]
    Input(io::Error),
    /// More than is read.
    #[error("standard input is larger than {MAX_FILE} bytes")]
    TooLarge,
    /// Nothing that can be recognised.
    #[error("{0}: {1}")]
    Unknown(String, &'static str),
    /// The scope beside an anchor.
    #[error("{0}: {1}")]
    Scope(String, String),
    /// `--at` is no instant.
    #[error("--at: {0}")]
    At(&'static str),
    /// Standard output is gone.
    #[error("{0}")]
    Output(io::Error),
}

/// Runs the command; its exit status.
pub(crate) fn run(arguments: &Lint) -> Result<u8, LintError> {
    let at = match &arguments.at {
        Some(at) => instant(at).map_err(LintError::At)?,
        None => now(),
    };
    let report = match (&arguments.purpose, &arguments.file) {
        (Some(purpose), _) => purpose::judge(purpose)?.into(),
        (None, Some(file)) => judge_file(file, arguments, at)?,
        (None, None) => return Err(LintError::Unknown("lint".to_owned(), "no file; see --help")),
    };
    let printed = if arguments.json {
        crate::report::line(&report.to_json())
    } else {
        report.print()
    };
    match printed {
        // A pager that has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(LintError::Output(error)),
        _ => Ok(operator::exit_status(&report.findings)),
    }
}

fn judge_file(file: &Path, arguments: &Lint, at: UnixTime) -> Result<Report, LintError> {
    let bytes = read(file)?;
    let unknown = || {
        LintError::Unknown(
            file.display().to_string(),
            "no certificate, CRL, VICAL or status token by its content; --as says what it is",
        )
    };
    let contents = Contents::of(bytes, arguments.kind).ok_or_else(unknown)?;
    let (anchors, of_anchors) = anchors::read(&arguments.anchor)?;
    let mut report = judge(&contents.input, arguments.kind, &anchors, at);
    let mut findings = others(&contents);
    findings.append(&mut report.findings);
    findings.extend(of_anchors);
    report.findings = findings;
    Ok(report)
}

fn judge(input: &Input, told: Option<LintKind>, anchors: &[Anchor], at: UnixTime) -> Report {
    match input {
        Input::Chain(encoded) => chain::judge(encoded, told, anchors, at).into(),
        Input::Crls(encoded) => crl::judge(encoded, anchors, at).into(),
        Input::Status(bytes) => status::judge(bytes, anchors, at).into(),
        Input::Vical(bytes) => vical::judge(bytes, anchors, at),
    }
}

/// What else stands in a PEM file.
fn others(contents: &Contents) -> Vec<Finding> {
    let broken = contents.broken.iter().map(|place| {
        Finding::error(
            "malformed",
            "RFC 7468",
            format!(
                "block {} of the PEM file is cut short or no base64; export it anew",
                place + 1
            ),
        )
    });
    let others = contents.others.iter().map(|label| {
        if label.contains("PRIVATE KEY") {
            let text = "the file also holds a private key, which whoever gets the certificate gets too; keep it apart";
            Finding::warning("private_key", "RFC 7468", text.to_owned())
        } else {
            Finding::info("other_block", "RFC 7468", format!("a block {label:?} is left aside"))
        }
    });
    broken.chain(others).collect()
}

fn read(file: &Path) -> Result<Vec<u8>, LintError> {
    if file != Path::new("-") {
        return Ok(operator::read_file(file, MAX_FILE)?);
    }
    let mut bytes = Vec::new();
    let input = io::stdin().lock();
    input
        .take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(LintError::Input)?;
    let fits = u64::try_from(bytes.len()).is_ok_and(|len| len <= MAX_FILE);
    if fits { Ok(bytes) } else { Err(LintError::TooLarge) }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// The files of the trust directories of the test data.
    fn files() -> Vec<PathBuf> {
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata")];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.components().any(|part| part.as_os_str() == "trust") {
                    files.push(path);
                }
            }
        }
        files
    }

    #[test]
    fn damaged_files_are_judged_like_any_other() {
        let at = UnixTime::parse("2026-11-23T06:00:00Z").unwrap();
        let judge = |bytes: Vec<u8>, told| {
            Contents::of(bytes, told).map(|contents| judge(&contents.input, told, &[], at))
        };
        let files = files();
        assert!(!files.is_empty());
        let mut judged = std::collections::HashSet::new();
        for file in files {
            let bytes = std::fs::read(&file).unwrap();
            if !judged.insert(bytes.clone()) {
                continue;
            }
            // Stale lists are made on purpose; nothing else here is at fault.
            let faults = judge(bytes.clone(), None)
                .map(|report| report.findings)
                .unwrap_or_default();
            let mut faults = faults
                .iter()
                .filter(|found| found.severity == operator::Severity::Error);
            assert!(
                faults.all(|found| found.rule == "status_expired"),
                "{}",
                file.display()
            );
            let raw = match Contents::of(bytes.clone(), None).map(|contents| contents.input) {
                Some(Input::Chain(mut all) | Input::Crls(mut all)) => all.remove(0),
                _ => bytes,
            };
            for place in 0..raw.len() {
                let mut flipped = raw.clone();
                flipped[place] ^= 0x15;
                judge(flipped, None);
                judge(raw[..place].to_vec(), None);
            }
            for kind in [LintKind::Ds, LintKind::Crl, LintKind::Vical, LintKind::Status] {
                for end in [0, 1, 2, raw.len() / 2] {
                    let report = judge(raw[..end].to_vec(), Some(kind)).unwrap();
                    assert_eq!(operator::exit_status(&report.findings), 2);
                }
            }
        }
    }
}
