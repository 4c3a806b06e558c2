//! The reader's own certificate: asking an authority for one, and looking at the one there is.

mod arguments;
mod check;
mod report;
mod request;
mod sentence;

use std::path::Path;

use mdoc::crypto::Signer as _;
use operator::Finding;
use zeroize::Zeroizing;

pub(crate) use arguments::CertificateArguments;
use arguments::{CertificateCommand, Check};
pub(crate) use check::check;
pub(crate) use report::Report;

use crate::clock::Clock;
use crate::counter::StartError;
use crate::identity::{KeyPlace, MAX_FILE, load_chain, load_key};
#[cfg(feature = "pkcs11")]
use crate::token::{TokenKey, TokenPlace};
#[cfg(feature = "pkcs11")]
use crate::token_fault::TokenFault;

/// Runs the command; its exit status.
pub(crate) fn run(arguments: &CertificateArguments) -> Result<u8, StartError> {
    match &arguments.command {
        CertificateCommand::Request(flags) => request::run(flags).map(|()| 0),
        CertificateCommand::Check(flags) => run_check(flags),
    }
}

fn run_check(flags: &Check) -> Result<u8, StartError> {
    let report = look_at(&flags.cert, flags.key.place()?, flags.anchor.as_deref())?;
    if flags.json {
        crate::print(&format!("{}\n", report.to_json()));
    } else {
        crate::print(&report.text());
    }
    Ok(operator::exit_status(&report.findings))
}

/// All that can be found wrong with a certificate in a file, as it is now, and with the key to it.
///
/// # Errors
/// A file that cannot be read, or a token that cannot be opened.
pub(crate) fn look_at(
    certificate: &Path,
    key: Option<KeyPlace<'_>>,
    anchor: Option<&Path>,
) -> Result<Report, StartError> {
    let chain = load_chain(certificate)?;
    let anchor = anchor.map(load_chain).transpose()?;
    let now = Clock::System.now();
    let mut findings = check(&chain, anchor.as_deref(), now);
    let file = Zeroizing::new(operator::read_file(certificate, MAX_FILE)?);
    findings.extend(check::private_key_beside(&file));
    if let Some(key) = key {
        findings.extend(key_findings(&chain, key)?);
    }
    Ok(Report::new(&chain, findings, now))
}

/// Whether the key is the certificate's, and whether others may have it.
fn key_findings(chain: &[Vec<u8>], key: KeyPlace<'_>) -> Result<Vec<Finding>, StartError> {
    let public_key = mdoc::request::ReaderIdentity::public_key_of(chain);
    match key {
        KeyPlace::File(file) => {
            let key = load_key(file)?;
            let mut findings = Vec::new();
            if public_key.is_ok_and(|public_key| &public_key != key.public_key()) {
                findings.push(check::other_key());
            }
            findings.extend(others_may_read(file).then(|| check::readable_key(file)));
            Ok(findings)
        }
        #[cfg(feature = "pkcs11")]
        KeyPlace::Token(uri, pin_variable) => {
            let place = TokenPlace::new(uri, pin_variable)?;
            let Ok(public_key) = public_key else {
                return Ok(Vec::new());
            };
            match TokenKey::open(place, &public_key) {
                Ok(_) => Ok(Vec::new()),
                Err(TokenFault::OtherKey) => Ok(vec![check::other_key()]),
                Err(fault) => Err(fault.into()),
            }
        }
    }
}

/// Whether the group or anybody else may read a file; nothing is known of that outside Unix.
pub(crate) fn others_may_read(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path).map(|metadata| metadata.permissions().mode());
        mode.is_ok_and(|mode| mode & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}
