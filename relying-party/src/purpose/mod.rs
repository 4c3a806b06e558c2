//! Purposes: what is asked, why, and the little that may leave.

mod file;
mod hash;
mod ready_made;

use std::collections::BTreeMap;

use mdoc::request::{
    DeviceRequest, DeviceRequestInfo, DocRequest, ItemsRequest, RequestError, RequestedElement,
    RequestedNameSpace, UseCase,
};
use mdoc::version::Version;
use serde_json::Value;

use crate::age::age_over_threshold;
use file::{AnswerFile, DocumentFile, PurposeFile};
pub use file::{Audience, Documents, Requirement, SeenBefore, StatutoryBasis, duration_seconds};
pub use ready_made::{READY_MADE, ready_made};

/// The element that the Number Act forbids to ask for without a statutory basis.
const INDIVIDUAL_NUMBER: &str = "individual_number_unicode";
/// The birth date, from which an age can be told.
pub(crate) const BIRTH_DATE: &str = "birth_date";
const MAX_DOCUMENTS: usize = 64;
const MAX_NAME_SPACES: usize = 64;
const MAX_ELEMENTS: usize = 1024;
const MAX_ANSWERS: usize = 64;
const MAX_TEXT: usize = 256;
/// The standard lets a reader ask for two of them.
const MAX_AGE_OVER: usize = 2;

/// A purpose that has been checked.
#[derive(Clone, Debug)]
pub struct Purpose {
    file: PurposeFile,
    answers: Vec<Answer>,
    documents: Vec<Document>,
    hash: [u8; 32],
}

/// What is asked of one document.
#[derive(Clone, Debug)]
pub struct Document {
    file: DocumentFile,
    /// Indices of the answers that this document gives.
    answers: Vec<usize>,
}

/// A value that may leave.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its name.
    pub name: String,
    /// How it is found.
    pub rule: Rule,
    /// Whether a response without it is still accepted.
    pub optional: bool,
    /// Who may see it.
    pub audience: Audience,
}

/// How an answer is found.
#[derive(Clone, Debug)]
pub enum Rule {
    /// Whether the holder has reached an age.
    AgeOver {
        /// The age.
        threshold: u8,
    },
    /// An element's value.
    Element {
        /// Namespace.
        name_space: String,
        /// Element.
        identifier: String,
    },
    /// Whether an element has this value.
    Equals {
        /// Namespace.
        name_space: String,
        /// Element.
        identifier: String,
        /// The value in its JSON form.
        value: Value,
    },
}

/// How revocation is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Of the MSO.
    pub status: Requirement,
    /// Of the document signer's certificate.
    pub crl: Requirement,
    /// The oldest evidence that counts, in seconds.
    pub max_age: Option<u64>,
    /// Whether status tokens keep to the ISO profile; `None` for the document profile's choice.
    pub iso_status_profile: Option<bool>,
    /// Whether a document signer may sign status tokens.
    pub document_signer_may_sign_status: bool,
}

/// Why a text is no purpose.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PurposeError {
    /// Not TOML of the right keys; the text names line and key.
    #[error("the purpose is not valid TOML: {0}")]
    Toml(String),
    /// Not JSON of the right keys.
    #[error("the purpose is not valid JSON: {0}")]
    Json(String),
    /// A rule between keys is broken.
    #[error("the purpose breaks a rule: {0}")]
    Rule(String),
}

fn rule<T>(text: impl Into<String>) -> Result<T, PurposeError> {
    Err(PurposeError::Rule(text.into()))
}

impl Purpose {
    /// Reads a TOML file. Checks what every purpose must keep to; see [`Self::check_request`] for
    /// what one must that is sent to a phone.
    ///
    /// # Errors
    /// [`PurposeError`].
    pub fn from_toml(text: &str) -> Result<Self, PurposeError> {
        Self::new(toml::from_str(text).map_err(|error| PurposeError::Toml(error.to_string()))?)
    }

    /// Reads the same keys from JSON.
    ///
    /// # Errors
    /// [`PurposeError`].
    pub fn from_json(value: Value) -> Result<Self, PurposeError> {
        Self::new(serde_json::from_value(value).map_err(|error| PurposeError::Json(error.to_string()))?)
    }

    fn new(file: PurposeFile) -> Result<Self, PurposeError> {
        let id_fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if file.id.is_empty() || file.id.len() > MAX_TEXT || !file.id.bytes().all(id_fits) {
            return rule("id holds letters, digits, '-', '_' and '.' only, and at least one");
        }
        let title_fits = |title: &String| title.len() <= MAX_TEXT && !title.contains(char::is_control);
        if file.title.is_empty() || !file.title.values().all(title_fits) {
            return rule("title has a short text of one line in at least one language");
        }
        if file.document.is_empty() || file.document.len() > MAX_DOCUMENTS {
            return rule("there is at least one [[document]], and no more than 64");
        }
        if file.answer.len() > MAX_ANSWERS {
            return rule("there are no more than 64 [[answer]]s");
        }
        for document in &file.document {
            check_document(document)?;
        }
        let answers = file.answer.iter().map(answer).collect::<Result<Vec<_>, _>>()?;
        check_names(&file)?;
        let mut documents: Vec<Document> = file
            .document
            .iter()
            .map(|file| Document {
                file: file.clone(),
                answers: Vec::new(),
            })
            .collect();
        for (index, (answer, written)) in answers.iter().zip(&file.answer).enumerate() {
            let mut fitting = documents
                .iter_mut()
                .filter(|document| document.gives(answer, written))
                .peekable();
            if fitting.peek().is_none() {
                return rule(format!(
                    "the answer {} needs an element that no document is asked for",
                    answer.name
                ));
            }
            let wanted = if file.documents == Documents::All {
                1
            } else {
                usize::MAX
            };
            for document in fitting.take(wanted) {
                document.answers.push(index);
            }
        }
        let hash = hash::canonical_hash(&file);
        Ok(Self {
            file,
            answers,
            documents,
            hash,
        })
    }

    /// Checks what a purpose must keep to that is sent to a phone: nothing is asked that no answer
    /// needs, no more than two `age_over_NN`, and the individual number only on a statutory basis.
    ///
    /// # Errors
    /// [`PurposeError::Rule`].
    pub fn check_request(&self) -> Result<(), PurposeError> {
        for document in &self.documents {
            for (name_space, elements) in &document.file.request {
                let ages = elements
                    .keys()
                    .filter(|name| age_over_threshold(name).is_some())
                    .count();
                if ages > MAX_AGE_OVER {
                    return rule("no more than two age_over_NN may be asked for");
                }
                for element in elements.keys() {
                    if element.starts_with("individual_number") && self.file.statutory_basis.is_none() {
                        return rule(format!(
                            "{INDIVIDUAL_NUMBER} may be asked for on a statutory_basis only"
                        ));
                    }
                    if !self.needs(document, name_space, element) {
                        return rule(format!(
                            "no answer needs the element {element}, so it may not be asked for"
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    fn needs(&self, document: &Document, name_space: &str, element: &str) -> bool {
        let of_age = age_over_threshold(element).is_some() || element == BIRTH_DATE;
        self.answers_of(document).any(|answer| match &answer.rule {
            Rule::AgeOver { .. } => of_age,
            Rule::Element {
                name_space: space,
                identifier,
            }
            | Rule::Equals {
                name_space: space,
                identifier,
                ..
            } => space == name_space && identifier == element,
        })
    }

    /// The identifier.
    pub fn id(&self) -> &str {
        &self.file.id
    }

    /// The title by language.
    pub const fn title(&self) -> &BTreeMap<String, String> {
        &self.file.title
    }

    /// Whether every document is needed, or any.
    pub const fn rule(&self) -> Documents {
        self.file.documents
    }

    /// The task that the law names, where there is one.
    pub const fn statutory_basis(&self) -> Option<StatutoryBasis> {
        self.file.statutory_basis
    }

    /// The documents in order.
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// The answers that `document` gives.
    pub fn answers_of(&self, document: &Document) -> impl Iterator<Item = &Answer> {
        document
            .answers
            .iter()
            .filter_map(|index| self.answers.get(*index))
    }

    /// How revocation is judged.
    pub const fn revocation(&self) -> Revocation {
        let revocation = &self.file.revocation;
        Revocation {
            status: revocation.status,
            crl: revocation.crl,
            max_age: match revocation.max_age {
                Some(age) => Some(age.seconds()),
                None => None,
            },
            iso_status_profile: revocation.iso_status_profile,
            document_signer_may_sign_status: revocation.document_signer_may_sign_status,
        }
    }

    /// What it means that a record was presented before.
    pub const fn seen_before(&self) -> SeenBefore {
        self.file.seen_before
    }

    /// The fewest bits of the group of any key from a document signer to its anchor.
    pub fn minimum_curve_bits(&self) -> Option<u16> {
        self.file.minimum_curve_bits.map(file::CurveBits::get)
    }

    /// SHA-256 of the canonical form: the same for TOML and JSON of the same meaning.
    pub const fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// What is asked of the phone, in the order of the documents. A phone of version 1.1 is told when
    /// any one of them is enough.
    ///
    /// # Errors
    /// The purpose asks for more than a DeviceRequest can hold.
    pub fn device_request(&self, phone: Version) -> Result<DeviceRequest, RequestError> {
        let requests = self.documents.iter().map(|document| {
            let name_spaces = document
                .file
                .request
                .iter()
                .map(|(name, elements)| RequestedNameSpace {
                    name: name.clone(),
                    elements: elements
                        .iter()
                        .map(|(identifier, retain)| RequestedElement {
                            identifier: identifier.clone(),
                            intent_to_retain: *retain,
                        })
                        .collect(),
                });
            ItemsRequest::new(document.file.doc_type.clone(), name_spaces.collect()).map(DocRequest::new)
        });
        let request = DeviceRequest::new(requests.collect::<Result<Vec<_>, _>>()?)?;
        let count = self.documents.len();
        if phone < Version::V1_1 || self.file.documents == Documents::All || count == 1 {
            return Ok(request);
        }
        let use_case = UseCase {
            mandatory: true,
            document_sets: (0..count).map(|place| vec![place]).collect(),
            purpose_hints: Vec::new(),
        };
        let info = DeviceRequestInfo::new(vec![use_case], count)?;
        Ok(request.with_device_request_info(info))
    }
}

impl Document {
    /// The document type.
    pub fn doc_type(&self) -> &str {
        &self.file.doc_type
    }

    /// Namespace, element and intent to retain.
    pub const fn request(&self) -> &BTreeMap<String, BTreeMap<String, bool>> {
        &self.file.request
    }

    /// Whether an element answers the request: it was asked for, or states an age where one was
    /// asked for (ISO/IEC 18013-5 §7.2.5).
    pub fn requests(&self, name_space: &str, element: &str) -> bool {
        self.file.request.get(name_space).is_some_and(|elements| {
            elements.contains_key(element)
                || (age_over_threshold(element).is_some()
                    && elements.keys().any(|name| age_over_threshold(name).is_some()))
        })
    }

    fn gives(&self, answer: &Answer, written: &AnswerFile) -> bool {
        let of_type = written
            .doc_type
            .as_ref()
            .is_none_or(|doc_type| *doc_type == self.file.doc_type);
        let has_element = match &answer.rule {
            Rule::AgeOver { .. } => self
                .file
                .request
                .values()
                .flat_map(BTreeMap::keys)
                .any(|name| age_over_threshold(name).is_some() || name == BIRTH_DATE),
            Rule::Element {
                name_space,
                identifier,
            }
            | Rule::Equals {
                name_space,
                identifier,
                ..
            } => self
                .file
                .request
                .get(name_space)
                .is_some_and(|elements| elements.contains_key(identifier)),
        };
        of_type && has_element
    }
}

fn check_document(document: &DocumentFile) -> Result<(), PurposeError> {
    let fits = |text: &String| !text.is_empty() && text.len() <= MAX_TEXT;
    if !fits(&document.doc_type) {
        return rule("doc_type is a short text");
    }
    if document.request.is_empty() || document.request.len() > MAX_NAME_SPACES {
        return rule("a document is asked for at least one namespace, and no more than 64");
    }
    for (name_space, elements) in &document.request {
        if !fits(name_space) || elements.is_empty() || elements.len() > MAX_ELEMENTS {
            return rule(
                "a namespace has a short name and holds at least one element, and no more than 1024",
            );
        }
        if !elements.keys().all(fits) {
            return rule("an element has a short name");
        }
    }
    Ok(())
}

fn answer(written: &AnswerFile) -> Result<Answer, PurposeError> {
    if written.name.is_empty() || written.name.len() > MAX_TEXT {
        return rule("an answer has a short name");
    }
    let element = || match &written.element {
        Some([name_space, identifier]) => Ok((name_space.clone(), identifier.clone())),
        None => rule(format!(
            "the answer {} lacks element = [namespace, element]",
            written.name
        )),
    };
    let rule_of_answer = match written.rule {
        file::RuleName::AgeOver => match written.threshold {
            Some(threshold) if threshold <= 99 && written.element.is_none() && written.value.is_none() => {
                Rule::AgeOver { threshold }
            }
            _ => {
                return rule(format!(
                    "the answer {} needs a threshold from 0 to 99, and nothing else",
                    written.name
                ));
            }
        },
        file::RuleName::Element => {
            let (name_space, identifier) = element()?;
            Rule::Element {
                name_space,
                identifier,
            }
        }
        file::RuleName::Equals => {
            let (name_space, identifier) = element()?;
            let value = written
                .value
                .clone()
                .filter(|value| !value.is_null() && !file::holds_date(value));
            let Some(value) = value else {
                return rule(format!(
                    "the answer {} lacks a value to compare with; dates are compared as text",
                    written.name
                ));
            };
            Rule::Equals {
                name_space,
                identifier,
                value,
            }
        }
    };
    let stray = match written.rule {
        file::RuleName::AgeOver => false,
        file::RuleName::Element => written.threshold.is_some() || written.value.is_some(),
        file::RuleName::Equals => written.threshold.is_some(),
    };
    if stray {
        return rule(format!(
            "the answer {} has a key that its rule does not know",
            written.name
        ));
    }
    Ok(Answer {
        name: written.name.clone(),
        rule: rule_of_answer,
        optional: written.optional,
        audience: written.audience,
    })
}

/// Two answers may share a name only where at most one of them can come: with any document, of
/// different types.
fn check_names(file: &PurposeFile) -> Result<(), PurposeError> {
    for (index, answer) in file.answer.iter().enumerate() {
        for other in file.answer.iter().skip(index + 1) {
            let apart = file.documents == Documents::Any
                && answer.doc_type.is_some()
                && other.doc_type.is_some()
                && answer.doc_type != other.doc_type;
            if answer.name == other.name && !apart {
                return rule(format!("two answers are called {}", answer.name));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
