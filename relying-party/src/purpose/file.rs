//! The purpose as it is written, in TOML or JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A purpose's keys. Unknown ones are refused.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PurposeFile {
    pub(super) id: String,
    pub(super) title: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) documents: Documents,
    #[serde(default)]
    pub(super) statutory_basis: Option<StatutoryBasis>,
    pub(super) document: Vec<DocumentFile>,
    #[serde(default)]
    pub(super) answer: Vec<AnswerFile>,
    #[serde(default)]
    pub(super) revocation: RevocationFile,
    // Left out of the hash where they say nothing: purposes that do not know them keep theirs.
    #[serde(default, skip_serializing_if = "SeenBefore::is_ignored")]
    pub(super) seen_before: SeenBefore,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) minimum_curve_bits: Option<CurveBits>,
}

/// Whether every document is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Documents {
    /// Every one.
    #[default]
    All,
    /// The first that is accepted answers.
    Any,
}

/// A task for which the law lets the individual number be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatutoryBasis {
    /// Tax.
    Tax,
    /// Social security.
    SocialSecurity,
    /// Disaster response.
    DisasterResponse,
}

/// What it means that the same record was presented before. See [`crate::seen`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SeenBefore {
    /// Nobody looks, and nothing is kept.
    #[default]
    Ignore,
    /// It is said; the verdict stays.
    Warn,
    /// The document is rejected.
    Reject,
}

impl SeenBefore {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
    const fn is_ignored(&self) -> bool {
        matches!(self, Self::Ignore)
    }
}

/// The size of a group that a curve of ISO/IEC 18013-5 has: other numbers would be slips.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "u16", into = "u16")]
pub(super) struct CurveBits(u16);

impl CurveBits {
    pub(super) const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for CurveBits {
    type Error = &'static str;

    fn try_from(bits: u16) -> Result<Self, Self::Error> {
        match bits {
            256 | 320 | 384 | 512 | 521 => Ok(Self(bits)),
            _ => Err("minimum_curve_bits is one of 256, 320, 384, 512, 521"),
        }
    }
}

impl From<CurveBits> for u16 {
    fn from(bits: CurveBits) -> Self {
        bits.0
    }
}

/// Who may see an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// The program that asked.
    #[default]
    Backend,
    /// The clerk's eyes only: never on stdout, over a network, in a log or a store.
    Counter,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DocumentFile {
    pub(super) doc_type: String,
    pub(super) request: BTreeMap<String, BTreeMap<String, bool>>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerFile {
    pub(super) name: String,
    pub(super) rule: RuleName,
    #[serde(default)]
    pub(super) threshold: Option<u8>,
    #[serde(default)]
    pub(super) element: Option<[String; 2]>,
    #[serde(default)]
    pub(super) value: Option<Value>,
    #[serde(default)]
    pub(super) doc_type: Option<String>,
    #[serde(default)]
    pub(super) optional: bool,
    #[serde(default)]
    pub(super) audience: Audience,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RuleName {
    AgeOver,
    Element,
    Equals,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RevocationFile {
    #[serde(default = "if_present")]
    pub(super) status: Requirement,
    #[serde(default = "if_available", deserialize_with = "without_if_present")]
    pub(super) crl: Requirement,
    #[serde(default)]
    pub(super) max_age: Option<Age>,
    #[serde(default)]
    pub(super) iso_status_profile: Option<bool>,
    #[serde(default)]
    pub(super) document_signer_may_sign_status: bool,
}

impl Default for RevocationFile {
    fn default() -> Self {
        Self {
            status: if_present(),
            crl: if_available(),
            max_age: None,
            iso_status_profile: None,
            document_signer_may_sign_status: false,
        }
    }
}

const fn if_present() -> Requirement {
    Requirement::IfPresent
}

const fn if_available() -> Requirement {
    Requirement::IfAvailable
}

/// How much evidence of revocation is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Requirement {
    /// There must be evidence, and it must be good.
    Required,
    /// Where the document names a status, there must be evidence. Not for CRLs.
    IfPresent,
    /// Evidence counts where it is at hand.
    IfAvailable,
    /// Not looked at.
    Off,
}

fn without_if_present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Requirement, D::Error> {
    match Requirement::deserialize(deserializer)? {
        Requirement::IfPresent => Err(serde::de::Error::custom(
            "crl is one of required, if_available, off",
        )),
        requirement => Ok(requirement),
    }
}

/// A duration such as `24h`: seconds, minutes, hours or days, up to ten years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Age(u64);

const MAX_AGE: u64 = 3650 * 86_400;

impl Age {
    pub(super) const fn seconds(self) -> u64 {
        self.0
    }
}

impl TryFrom<String> for Age {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const FAULT: &str = "a duration is a whole number and one of s, m, h, d, up to ten years: 24h";
        let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(FAULT)?;
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return Err(FAULT),
        };
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let number: u64 = if digits {
            number.parse().map_err(|_| FAULT)?
        } else {
            return Err(FAULT);
        };
        number
            .checked_mul(unit)
            .filter(|age| (1..=MAX_AGE).contains(age))
            .map(Self)
            .ok_or(FAULT)
    }
}

/// The seconds of a duration such as `24h`: a whole number of seconds, minutes, hours or days (s, m,
/// h, d), up to ten years.
///
/// # Errors
/// In words, what a duration is.
pub fn duration_seconds(text: &str) -> Result<u64, &'static str> {
    Age::try_from(text.to_owned()).map(Age::seconds)
}

impl From<Age> for String {
    fn from(age: Age) -> Self {
        format!("{}s", age.0)
    }
}

/// A TOML date has no JSON form of its own: it would never equal an element.
pub(super) fn holds_date(value: &Value) -> bool {
    match value {
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| key.starts_with("$__toml") || holds_date(value)),
        Value::Array(items) => items.iter().any(holds_date),
        _ => false,
    }
}
