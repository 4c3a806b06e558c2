//! `verify` on files.

use std::io::IsTerminal as _;
use std::path::Path;

use mdoc::crypto::PrivateKey;
use mdoc::limits::Limits;
use mdoc::session::SessionTranscript;
use relying_party::purpose::SeenBefore;
use relying_party::{Decision, DeviceKeys, judge};
use zeroize::Zeroizing;

use crate::arguments::{Format, Verify};
use crate::{input, jobs, report};

/// Bytes of a response file: more than the judge takes, so that a large one gets its verdict.
const MAX_RESPONSE: u64 = 1024 * 1024 * 1024;
const MAX_SMALL_FILE: u64 = 1024 * 1024;

/// What keeps a response from being judged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VerifyError {
    /// An operator's file.
    #[error(transparent)]
    Operator(#[from] operator::OperatorError),
    /// A file's content.
    #[error("{file}: {fault}")]
    File { file: String, fault: String },
    /// An argument that clap let pass.
    #[error("{0}")]
    Argument(String),
    /// Standard input or output.
    #[error("{0}")]
    Stream(#[from] std::io::Error),
}

/// Runs the command; its exit status.
pub(crate) fn run(arguments: &Verify) -> Result<u8, VerifyError> {
    let limits = match &arguments.limits {
        Some(file) => operator::load_limits(file)?,
        None => Limits::default(),
    };
    if arguments.jobs {
        jobs::run(arguments.max_line, arguments.elements, limits)?;
        return Ok(0);
    }
    let missing = || VerifyError::Argument("an argument is missing; see --help".to_owned());
    let purpose = operator::load_purpose(arguments.purpose.as_deref().ok_or_else(missing)?)?;
    let trust = operator::load_trust(arguments.trust.as_deref().ok_or_else(missing)?)?.with_limits(limits);
    let transcript_file = arguments.transcript.as_deref().ok_or_else(missing)?;
    let transcript = read_cbor(transcript_file, MAX_SMALL_FILE)?;
    let transcript =
        SessionTranscript::from_bytes(&transcript).map_err(|error| fault(transcript_file, error))?;
    let keys = Keys::read(arguments)?;
    let now = match &arguments.at {
        Some(at) => input::instant(at).map_err(|f| VerifyError::Argument(format!("--at: {f}")))?,
        None => input::now(),
    };
    let response = read_cbor(arguments.response.as_deref().ok_or_else(missing)?, MAX_RESPONSE)?;
    let response = Zeroizing::new(response);
    for remark in trust.remarks(now) {
        report::complain(&format!("warning: {remark}"));
    }
    if purpose.seen_before() != SeenBefore::Ignore {
        report::complain(
            "warning: the purpose asks whether the record was seen before, which a single judgement cannot tell",
        );
    }
    let judgement = judge(
        &response,
        &transcript,
        keys.lend(),
        &purpose,
        &trust,
        trust.evidence(),
        now,
    );
    let verdict = &judgement.verdict;
    let format = arguments.format.unwrap_or_else(|| {
        if std::io::stdout().is_terminal() {
            Format::Text
        } else {
            Format::Json
        }
    });
    let json = if arguments.elements {
        verdict.to_json_with_elements()
    } else {
        verdict.to_json()
    };
    match format {
        Format::Json => report::line(&json)?,
        Format::Text => report::tree(&json)?,
    }
    Ok(match verdict.decision {
        Decision::Accepted => 0,
        Decision::Rejected => 1,
        Decision::Undetermined => 2,
    })
}

/// The keys that the files gave; wiped when done.
enum Keys {
    None,
    Reader(PrivateKey),
    Mac(Zeroizing<[u8; 32]>),
}

impl Keys {
    fn read(arguments: &Verify) -> Result<Self, VerifyError> {
        if let Some(file) = &arguments.mac_key {
            let bytes = Zeroizing::new(operator::read_file(file, MAX_SMALL_FILE)?);
            return input::mac_key(&bytes)
                .map(Self::Mac)
                .map_err(|error| fault(file, error));
        }
        let Some(file) = &arguments.reader_key else {
            return Ok(Self::None);
        };
        let bytes = Zeroizing::new(operator::read_file(file, MAX_SMALL_FILE)?);
        // The parser's own words could quote the key.
        let jwk = serde_json::from_slice(&bytes).map_err(|_| fault(file, "not JSON"))?;
        input::private_key(&jwk)
            .map(Self::Reader)
            .map_err(|error| fault(file, error))
    }

    fn lend(&self) -> DeviceKeys<'_> {
        match self {
            Self::None => DeviceKeys::None,
            Self::Reader(key) => DeviceKeys::Reader(key),
            Self::Mac(key) => DeviceKeys::Mac(key),
        }
    }
}

fn read_cbor(file: &Path, limit: u64) -> Result<Vec<u8>, VerifyError> {
    input::cbor_or_text(operator::read_file(file, limit)?).map_err(|error| fault(file, error))
}

fn fault(file: &Path, fault: impl core::fmt::Display) -> VerifyError {
    VerifyError::File {
        file: file.display().to_string(),
        fault: format!("{fault}"),
    }
}
