//! The command line of `lint`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Names every rule that a file breaks, with its clause, the value seen, and what to do about it.
///
/// Takes a certificate or a chain of them, a CRL, a VICAL or a status token, as PEM, DER, CBOR, a
/// compact JWT, base64url or hexadecimal text; with --purpose a purpose. What a file holds is told
/// by its content, the role of a certificate by its extended key usage and basic constraints.
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Lint {
    /// The file; - reads standard input. A PEM file with several certificates is a chain, the
    /// signer's certificate first
    #[arg(required_unless_present = "purpose", conflicts_with = "purpose")]
    pub(crate) file: Option<PathBuf>,
    /// What the file is, where its content does not tell; of a chain, the first certificate's role
    #[arg(long = "as", value_name = "KIND", value_enum, conflicts_with = "purpose")]
    pub(crate) kind: Option<LintKind>,
    /// A certificate that the chain, or the signer of the list, is held against; may be repeated. A
    /// file NAME.toml beside NAME.pem limits its document types, as in a trust directory
    #[arg(long, value_name = "FILE", conflicts_with = "purpose")]
    pub(crate) anchor: Vec<PathBuf>,
    /// A purpose instead of a file: a ready-made one or a TOML file
    #[arg(long, value_name = "ID|FILE")]
    pub(crate) purpose: Option<String>,
    /// Judge validity at this instant instead of now
    #[arg(long, value_name = "RFC3339")]
    pub(crate) at: Option<String>,
    /// Write the findings as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const HELP: &str = "\
Examples:
  verifier-api lint iaca.pem
  verifier-api lint signer.pem --anchor iaca.pem
  cat signer.pem iaca.pem | verifier-api lint -
  verifier-api lint --as status-signer signer.der
  verifier-api lint list.crl --anchor iaca.pem --at 2026-11-23T06:00:00Z
  verifier-api lint vical.cbor --anchor vical-root.pem --json
  verifier-api lint status-list.cwt --anchor iaca.pem
  verifier-api lint --purpose identity-basic

A finding is an error where the product refuses the file or what hangs from it, a warning where it works today
but should be mended (also: valid for less than 30 days), and an info otherwise. An info never counts.

Without --anchor a signature by a certificate that is not in the file is not checked, which an info says.
The entries of a VICAL are listed one by one, whatever becomes of its signer.

JSON: {\"findings\": [{\"severity\", \"rule\", \"clause\", \"detail\"}], \"entries\": [{\"index\", \"subject\", \"status\",
\"reason\"}]}; severity is error, warning or info, status is accepted or skipped.

Exit status: 0 clean, 1 warnings, 2 errors, 64 wrong usage, an unreadable file or one of a kind that is unknown.";

/// What a file may be told to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LintKind {
    /// Root certificate of an issuing authority, or link certificate
    Iaca,
    /// Document signer's certificate
    Ds,
    /// Reader's certificate
    Reader,
    /// VICAL signer's certificate
    VicalSigner,
    /// Status list signer's certificate
    StatusSigner,
    /// Certificate revocation list
    Crl,
    /// VICAL, a list of issuing authorities
    Vical,
    /// Status list token or identifier list token
    Status,
}
