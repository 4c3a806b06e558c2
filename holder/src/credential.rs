//! Invented persons and their documents.

use ciborium::Value;

use crate::portrait::portrait;

/// A document's data: its type, and namespace, element and value in order.
#[derive(Clone)]
pub struct Credential {
    /// The document type.
    pub doc_type: &'static str,
    /// The extended key usage of its signer.
    pub signer_purpose: &'static str,
    /// Namespaces with their elements.
    pub name_spaces: Vec<(&'static str, Vec<(&'static str, Value)>)>,
}

/// What a credential is called on a command line.
pub const NAMES: [&str; 4] = ["my-number", "mdl", "pid", "photo-id"];

fn full_date(text: &str) -> Value {
    Value::Tag(1004, Box::new(text.into()))
}

impl Credential {
    /// The credential with this name, with a portrait of `portrait_bytes` or none.
    pub fn by_name(name: &str, portrait_bytes: Option<usize>) -> Option<Self> {
        match name {
            "my-number" => Some(Self::my_number(portrait_bytes)),
            "mdl" => Some(Self::mdl(portrait_bytes)),
            "pid" => Some(Self::pid(portrait_bytes)),
            "photo-id" => Some(Self::photo_id(portrait_bytes)),
            _ => None,
        }
    }

    /// The record of a My Number Card. The name has an ideographic variant (辻󠄁), a compatibility
    /// ideograph (神, U+FA19) and a character outside the common sets (﨑).
    pub fn my_number(portrait_bytes: Option<usize>) -> Self {
        let mut japan: Vec<(&'static str, Value)> = vec![
            ("full_name_unicode", "辻\u{e0101}\u{fa11}　\u{fa19}奈".into()),
            (
                "resident_address_unicode",
                "〇〇県△△市□□町１−２−３　見本ハイツ１０１号".into(),
            ),
            ("local_gov_code_unicode", "01100".into()),
            ("sex_unicode", "女".into()),
            ("birth_date_unicode", "1994年2月3日".into()),
            ("individual_number_unicode", "123456789018".into()),
        ];
        if let Some(size) = portrait_bytes {
            japan.push(("portrait", Value::Bytes(portrait(size))));
        }
        let birth_date = Value::Map(vec![("birth_date".into(), full_date("1994-02-03"))]);
        let general = vec![
            ("sex", 2.into()),
            ("birth_date", birth_date),
            ("age_in_years", 32.into()),
            ("age_over_18", true.into()),
            ("age_over_20", true.into()),
            ("age_over_65", false.into()),
        ];
        Self {
            doc_type: "org.iso.23220.1.jp.mnc",
            signer_purpose: "1.0.23220.4.1.2",
            name_spaces: vec![("org.iso.23220.1", general), ("org.iso.23220.1.jp", japan)],
        }
    }

    /// A mobile driving licence.
    pub fn mdl(portrait_bytes: Option<usize>) -> Self {
        let privilege = |code: &str| {
            Value::Map(vec![
                ("vehicle_category_code".into(), code.into()),
                ("issue_date".into(), full_date("2015-04-01")),
                ("expiry_date".into(), full_date("2030-03-31")),
            ])
        };
        let mut elements: Vec<(&'static str, Value)> = vec![
            ("family_name", "Mihon".into()),
            ("given_name", "Hanako".into()),
            ("birth_date", full_date("1994-02-03")),
            ("issue_date", full_date("2025-04-01")),
            ("expiry_date", full_date("2030-03-31")),
            ("issuing_country", "JP".into()),
            ("issuing_authority", "Test Prefecture".into()),
            ("document_number", "TEST-123456789".into()),
            (
                "driving_privileges",
                Value::Array(vec![privilege("B"), privilege("A")]),
            ),
            ("un_distinguishing_sign", "J".into()),
            ("sex", 2.into()),
            ("age_in_years", 32.into()),
            ("age_over_18", true.into()),
            ("age_over_20", true.into()),
            ("age_over_21", true.into()),
            ("age_over_65", false.into()),
        ];
        if let Some(size) = portrait_bytes {
            elements.push(("portrait", Value::Bytes(portrait(size))));
        }
        Self {
            doc_type: "org.iso.18013.5.1.mDL",
            signer_purpose: "1.0.18013.5.1.2",
            name_spaces: vec![("org.iso.18013.5.1", elements)],
        }
    }

    /// An EU PID of rulebook 1.4 with the age statement of the versions before it.
    pub fn pid(portrait_bytes: Option<usize>) -> Self {
        let mut elements: Vec<(&'static str, Value)> = vec![
            ("family_name", "Muster".into()),
            ("given_name", "Erika".into()),
            ("birth_date", full_date("1994-02-03")),
            (
                "place_of_birth",
                Value::Map(vec![("locality".into(), "Beispielstadt".into())]),
            ),
            ("nationality", Value::Array(vec!["JP".into()])),
            ("expiry_date", full_date("2030-03-31")),
            ("issuing_authority", "Test Authority".into()),
            ("issuing_country", "JP".into()),
            ("age_over_18", true.into()),
        ];
        if let Some(size) = portrait_bytes {
            elements.push(("portrait", Value::Bytes(portrait(size))));
        }
        Self {
            doc_type: "eu.europa.ec.eudi.pid.1",
            signer_purpose: "1.0.18013.5.1.2",
            name_spaces: vec![("eu.europa.ec.eudi.pid.1", elements)],
        }
    }

    /// A photo ID.
    pub fn photo_id(portrait_bytes: Option<usize>) -> Self {
        let mut elements: Vec<(&'static str, Value)> = vec![
            ("family_name_unicode", "見本".into()),
            ("given_name_unicode", "花子".into()),
            ("birth_date", full_date("1994-02-03")),
            ("issue_date", full_date("2025-04-01")),
            ("expiry_date", full_date("2030-03-31")),
            ("issuing_authority_unicode", "テスト機関".into()),
            ("issuing_country", "JP".into()),
            ("age_over_18", true.into()),
        ];
        if let Some(size) = portrait_bytes {
            elements.push(("portrait", Value::Bytes(portrait(size))));
        }
        Self {
            doc_type: "org.iso.23220.photoID.1",
            signer_purpose: "1.0.23220.4.1.2",
            name_spaces: vec![
                ("org.iso.23220.1", elements),
                ("org.iso.23220.photoID.1", vec![("person_id", "TEST-1".into())]),
            ],
        }
    }

    /// Sets the value of an element, adding it where it is not there.
    pub fn set(&mut self, name_space: &'static str, element: &'static str, value: impl Into<Value>) {
        let space = self.name_spaces.iter_mut().find(|(name, _)| *name == name_space);
        let (_, elements) = space.expect("the credential has the namespace");
        match elements.iter_mut().find(|(name, _)| *name == element) {
            Some((_, held)) => *held = value.into(),
            None => elements.push((element, value.into())),
        }
    }
}
