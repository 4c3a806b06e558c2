//! Document profiles: what a document type asks of issuer, device, encoding and values. As data.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use mdoc::cbor::Item;
use mdoc::crypto::Curve;
use mdoc::response::MsoTolerances;
use mdoc::verify::DocumentRules;
use mdoc::x509::{IssuerCertificateProfile, ObjectIdentifier};
use serde::Deserialize;

use crate::age::age_over_threshold;
use crate::calendar;
use crate::values::ElementType;

/// The profiles that come with the product: name and TOML text.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("my-number", include_str!("../../profiles/my-number.toml")),
    ("mdl", include_str!("../../profiles/mdl.toml")),
    ("eu-pid", include_str!("../../profiles/eu-pid.toml")),
    ("photo-id", include_str!("../../profiles/photo-id.toml")),
    ("generic", include_str!("../../profiles/generic.toml")),
];
/// The profile of document types that no other profile names.
const GENERIC: &str = "generic";
const MAX_NEXT_STEP: usize = 500;

/// What one document type asks.
#[derive(Clone, Debug)]
pub struct DocumentProfile {
    /// The rules for issuer and device.
    pub rules: DocumentRules,
    /// The zone of age and calendar rules, seconds east of UTC; none where the document type has
    /// holders in several.
    pub time_zone: Option<i32>,
    /// Where the document names its issuing country.
    pub country_element: Option<(String, String)>,
    /// Where the document names its issuing jurisdiction.
    pub jurisdiction_element: Option<(String, String)>,
    /// What the holder can do about a document that has expired.
    pub expired: Option<NextStep>,
    https_crl: bool,
    doc_types: Vec<String>,
    elements: BTreeMap<String, BTreeMap<String, Vec<ElementType>>>,
}

/// What to do now: words that a clerk can read to the holder, in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextStep {
    /// In English.
    pub en: String,
    /// In Japanese.
    pub ja: String,
}

/// All profiles, chosen by document type or by name.
#[derive(Clone, Debug)]
pub struct ProfileSet {
    profiles: Vec<DocumentProfile>,
    generic: DocumentProfile,
}

/// Why a text is no profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the document profile is not valid: {0}")]
pub struct ProfileError(String);

impl ProfileError {
    /// The file of this name is not UTF-8.
    pub(crate) fn not_text(name: &str) -> Self {
        Self(format!("{name} is not UTF-8 text"))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    name: String,
    doc_types: Vec<String>,
    time_zone: Option<String>,
    validity_ceiling: Option<String>,
    #[serde(default)]
    indefinite_lengths: bool,
    iso_status_profile: bool,
    country_element: Option<(String, String)>,
    jurisdiction_element: Option<(String, String)>,
    issuer: IssuerFile,
    device: DeviceFile,
    tolerances: TolerancesFile,
    #[serde(default)]
    https_crl: bool,
    #[serde(default)]
    next_step: NextStepFile,
    #[serde(default)]
    elements: BTreeMap<String, BTreeMap<String, Vec<ElementType>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IssuerFile {
    curves: Vec<String>,
    document_signer_usages: Vec<String>,
    max_document_signer_days: u32,
    max_root_years: u16,
    max_intermediates: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceFile {
    curves: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NextStepFile {
    expired: Option<NextStep>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TolerancesFile {
    untagged_payload: bool,
    fractional_seconds: bool,
    null_status: bool,
    protected_x5chain: bool,
}

impl DocumentProfile {
    /// Reads a profile.
    ///
    /// # Errors
    /// An unknown key, curve, type or rule.
    pub fn from_toml(text: &str) -> Result<Self, ProfileError> {
        let file: ProfileFile = toml::from_str(text).map_err(|error| ProfileError(error.to_string()))?;
        let usages = file.issuer.document_signer_usages.iter().map(|usage| {
            ObjectIdentifier::new(usage).map_err(|_| ProfileError(format!("no object identifier: {usage}")))
        });
        let issuer_curves = curves(&file.issuer.curves)?;
        let rules = DocumentRules {
            certificate: IssuerCertificateProfile {
                document_signer_usages: usages.collect::<Result<_, _>>()?,
                max_document_signer_days: file.issuer.max_document_signer_days,
                max_root_years: file.issuer.max_root_years,
                curves: issuer_curves.clone(),
                max_intermediates: file.issuer.max_intermediates,
            },
            name: file.name,
            issuer_curves,
            device_curves: curves(&file.device.curves)?,
            indefinite: file.indefinite_lengths,
            protected_x5chain: file.tolerances.protected_x5chain,
            mso: MsoTolerances {
                untagged_payload: file.tolerances.untagged_payload,
                fractional_seconds: file.tolerances.fractional_seconds,
                null_status: file.tolerances.null_status,
            },
            iso_status_profile: file.iso_status_profile,
            validity_ceiling: match file.validity_ceiling.as_deref() {
                None => None,
                Some("one-month-in-japan") => Some(calendar::one_month_in_japan),
                Some(other) => return Err(ProfileError(format!("no validity ceiling: {other}"))),
            },
        };
        let time_zone = match file.time_zone.as_deref() {
            None => None,
            Some("Asia/Tokyo") => Some(calendar::JAPAN),
            Some(other) => return Err(ProfileError(format!("no time zone known here: {other}"))),
        };
        Ok(Self {
            rules,
            time_zone,
            country_element: file.country_element,
            jurisdiction_element: file.jurisdiction_element,
            expired: file.next_step.expired.map(NextStep::checked).transpose()?,
            https_crl: file.https_crl,
            doc_types: file.doc_types,
            elements: file.elements,
        })
    }

    /// Whether a CRL of a document signer may be asked for at this address.
    pub fn takes_crl_from(&self, uri: &str) -> bool {
        let https = uri
            .get(..8)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
        https || !self.https_crl
    }

    /// Whether the value is of a type that the profile gives the element. An element that the
    /// profile does not name passes, but for statements of age, which have one type everywhere.
    pub fn fits(&self, name_space: &str, identifier: &str, value: Item<'_>) -> bool {
        let types = self
            .elements
            .get(name_space)
            .and_then(|elements| elements.get(identifier));
        if let Some(types) = types {
            return types.iter().any(|kind| kind.fits(value));
        }
        age_over_threshold(identifier).is_none() || value.as_bool().is_some()
    }
}

impl NextStep {
    /// Both texts are of one line, and not longer than a clerk can read out.
    fn checked(self) -> Result<Self, ProfileError> {
        let fits = |text: &String| {
            !text.trim().is_empty() && text.len() <= MAX_NEXT_STEP && !text.contains(char::is_control)
        };
        if fits(&self.en) && fits(&self.ja) {
            Ok(self)
        } else {
            Err(ProfileError(
                "a next step is one line of up to 500 bytes in each language".to_owned(),
            ))
        }
    }
}

fn curves(names: &[String]) -> Result<Vec<Curve>, ProfileError> {
    let curve =
        |name: &String| Curve::from_name(name).ok_or_else(|| ProfileError(format!("no curve: {name}")));
    names.iter().map(curve).collect()
}

impl ProfileSet {
    /// The profiles that come with the product. Read once; every snapshot shares them.
    pub fn built_in() -> Arc<Self> {
        static BUILT_IN_PROFILES: LazyLock<Arc<ProfileSet>> = LazyLock::new(|| {
            let texts = BUILT_IN.iter().map(|(_, text)| *text);
            Arc::new(ProfileSet::new(texts).expect("invariant: a test reads every built-in profile"))
        });
        Arc::clone(&BUILT_IN_PROFILES)
    }

    /// Reads profiles, one of which is `generic`, for the document types that no other names.
    ///
    /// # Errors
    /// A text is no profile, two have one name or claim one document type, or `generic` is missing.
    pub fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, ProfileError> {
        let (mut profiles, mut generic) = (Vec::<DocumentProfile>::new(), None);
        for text in texts {
            let profile = DocumentProfile::from_toml(text)?;
            let name = profile.rules.name.clone();
            let same_name = |other: &DocumentProfile| other.rules.name == name;
            if profiles.iter().chain(&generic).any(same_name) {
                return Err(ProfileError(format!("there are two profiles {name}")));
            }
            let claimed =
                |doc_type: &&String| profiles.iter().any(|other| other.doc_types.contains(doc_type));
            if let Some(doc_type) = profile.doc_types.iter().find(claimed) {
                return Err(ProfileError(format!("two profiles are for {doc_type}")));
            }
            if name == GENERIC {
                generic = Some(profile);
            } else {
                profiles.push(profile);
            }
        }
        let generic = generic.ok_or_else(|| ProfileError("there is no profile generic".to_owned()))?;
        Ok(Self { profiles, generic })
    }

    /// The profile of a document type.
    pub fn for_doc_type(&self, doc_type: &str) -> &DocumentProfile {
        let own = self
            .profiles
            .iter()
            .find(|profile| profile.doc_types.iter().any(|known| known == doc_type));
        own.unwrap_or(&self.generic)
    }

    /// The profile with this name.
    pub fn by_name(&self, name: &str) -> Option<&DocumentProfile> {
        if name == GENERIC {
            return Some(&self.generic);
        }
        self.profiles.iter().find(|profile| profile.rules.name == name)
    }
}

#[cfg(test)]
mod tests {
    use mdoc::cbor::Rules;
    use mdoc::time::UnixTime;

    use super::*;

    fn fits(doc_type: &str, name_space: &str, identifier: &str, hex_text: &str) -> bool {
        let bytes = hex::decode(hex_text).unwrap();
        let item = Item::decode(&bytes, &Rules::default()).unwrap();
        ProfileSet::built_in()
            .for_doc_type(doc_type)
            .fits(name_space, identifier, item)
    }

    #[test]
    fn document_types_have_their_profiles() {
        let profiles = ProfileSet::built_in();
        for (doc_type, name) in [
            ("org.iso.23220.1.jp.mnc", "my-number"),
            ("org.iso.18013.5.1.mDL", "mdl"),
            ("eu.europa.ec.eudi.pid.1", "eu-pid"),
            ("org.iso.23220.photoID.1", "photo-id"),
            ("org.iso.23220.photoid.1", "photo-id"),
            ("org.iso.18013.5.1.mdl", "generic"),
            ("com.example.card", "generic"),
        ] {
            assert_eq!(profiles.for_doc_type(doc_type).rules.name, name, "{doc_type}");
            assert!(profiles.by_name(name).is_some());
        }
        assert!(profiles.by_name("passport").is_none());
    }

    #[test]
    fn the_my_number_card_is_judged_to_the_letter() {
        let profiles = ProfileSet::built_in();
        let profile = profiles.for_doc_type("org.iso.23220.1.jp.mnc");
        assert_eq!(profile.time_zone, Some(9 * 3600));
        let signed = UnixTime::parse("2026-01-31T03:00:00Z").unwrap();
        let ceiling = profile.rules.validity_ceiling.unwrap();
        assert_eq!(ceiling(signed).to_string(), "2026-02-28T15:00:00Z");
        let allowed = &profile.rules.issuer_curves;
        for curve in [
            Curve::P256,
            Curve::P384,
            Curve::P521,
            Curve::BrainpoolP256r1,
            Curve::BrainpoolP512r1,
        ] {
            assert!(allowed.contains(&curve), "{curve:?}");
        }
        assert!(
            !allowed.contains(&Curve::Ed25519),
            "its group is smaller than 256 bits"
        );
        assert_eq!(profile.rules.certificate.document_signer_usages.len(), 2);
        assert_eq!(
            profiles
                .for_doc_type("org.iso.18013.5.1.mDL")
                .rules
                .certificate
                .document_signer_usages
                .len(),
            1
        );
    }

    #[test]
    fn elements_have_their_types() {
        let (mnc, iso, jp) = ("org.iso.23220.1.jp.mnc", "org.iso.23220.1", "org.iso.23220.1.jp");
        assert!(fits(mnc, iso, "age_over_20", "f5"));
        assert!(!fits(mnc, iso, "age_over_20", "01"));
        assert!(!fits("com.example", "any", "age_over_20", "01"), "everywhere");
        assert!(fits(mnc, iso, "birth_date", "d903ec6a313937312d30392d3031"));
        assert!(fits(mnc, iso, "birth_date", "6a313937312d30392d3031"));
        assert!(fits(
            mnc,
            iso,
            "birth_date",
            "a16a62697274685f64617465d903ec6a313937312d30392d3031"
        ));
        assert!(!fits(mnc, iso, "birth_date", "f5"));
        assert!(
            fits(mnc, jp, "portrait", "41ff")
                && !fits(mnc, jp, "portrait", "61ff".replace("ff", "61").as_str())
        );
        assert!(fits(mnc, jp, "something_new", "f5"), "unknown elements pass");
        let (mdl, space) = ("org.iso.18013.5.1.mDL", "org.iso.18013.5.1");
        assert!(fits(mdl, space, "issue_date", "d903ec6a313937312d30392d3031"));
        assert!(fits(
            mdl,
            space,
            "issue_date",
            "c074323032302d31302d30315431333a33303a30325a"
        ));
        assert!(!fits(
            mdl,
            space,
            "birth_date",
            "c074323032302d31302d30315431333a33303a30325a"
        ));
        assert!(!fits(mdl, space, "birth_date", "6a313937312d30392d3031"));
        assert!(
            fits(mdl, space, "driving_privileges", "80") && !fits(mdl, space, "driving_privileges", "8101")
        );
    }

    #[test]
    fn only_the_my_number_card_insists_on_https_for_crls() {
        let profiles = ProfileSet::built_in();
        let (card, licence) = (
            profiles.for_doc_type("org.iso.23220.1.jp.mnc"),
            profiles.for_doc_type("org.iso.18013.5.1.mDL"),
        );
        for uri in ["https://pki.example/test.crl", "HTTPS://pki.example/"] {
            assert!(card.takes_crl_from(uri) && licence.takes_crl_from(uri), "{uri}");
        }
        for uri in [
            "http://pki.example/test.crl",
            "https:/pki.example",
            "httpsx://pki.example",
            "ldap://pki.example",
            " https://pki.example",
            "https:",
            "",
            "あいうえお",
        ] {
            assert!(!card.takes_crl_from(uri) && licence.takes_crl_from(uri), "{uri}");
        }
    }

    #[test]
    fn only_the_my_number_card_renews_itself() {
        let profiles = ProfileSet::built_in();
        let step = profiles.for_doc_type("org.iso.23220.1.jp.mnc").expired.as_ref();
        let step = step.unwrap();
        assert!(step.en.contains("online") && step.ja.contains("インターネット"));
        assert_eq!(profiles.for_doc_type("org.iso.18013.5.1.mDL").expired, None);
        assert_eq!(profiles.for_doc_type("com.example.card").expired, None);
        let with = |en: &str| DocumentProfile::from_toml(&BUILT_IN[0].1.replace(&step.en, en));
        assert!(with(&"e".repeat(MAX_NEXT_STEP)).is_ok());
        assert!(with(&"e".repeat(MAX_NEXT_STEP + 1)).is_err());
        for en in ["", "  ", "one\\ntwo", "\\u001b[2J"] {
            assert!(with(en).is_err(), "{en:?}");
        }
        for (from, to) in [
            ("en = ", "de = "),
            ("expired =", "revoked ="),
            ("[next_step]", "[next]"),
        ] {
            assert!(BUILT_IN[0].1.contains(from), "{from}");
            assert!(
                DocumentProfile::from_toml(&BUILT_IN[0].1.replacen(from, to, 1)).is_err(),
                "{from}"
            );
        }
    }

    #[test]
    fn a_profile_with_an_unknown_word_is_refused() {
        let text = BUILT_IN[0].1;
        for (from, to) in [
            ("https_crl = true", "https_crl = \"yes\""),
            ("name =", "nom ="),
            ("P-384", "P-383"),
            ("Asia/Tokyo", "Asia/Kyoto"),
            ("one-month-in-japan", "one-month"),
            ("1.0.23220.4.1.2", "1.0.x"),
            ("[\"bool\"]", "[\"boolean\"]"),
        ] {
            assert!(text.contains(from), "{from}");
            assert!(
                DocumentProfile::from_toml(&text.replacen(from, to, 1)).is_err(),
                "{from}"
            );
        }
    }

    #[test]
    fn a_set_has_each_profile_once_and_the_generic_one() {
        let texts: Vec<&str> = BUILT_IN.iter().map(|(_, text)| *text).collect();
        assert!(
            ProfileSet::new(texts.iter().copied()).is_ok(),
            "the untouched twin"
        );
        let fault = |texts: &[&str]| ProfileSet::new(texts.iter().copied()).unwrap_err().0;
        assert_eq!(fault(&texts[..4]), "there is no profile generic");
        assert_eq!(fault(&[]), "there is no profile generic");
        assert_eq!(
            fault(&[texts[4], texts[1], texts[1]]),
            "there are two profiles mdl"
        );
        assert_eq!(fault(&[texts[4], texts[4]]), "there are two profiles generic");
        let other = texts[1].replace("name = \"mdl\"", "name = \"other\"");
        assert_eq!(
            fault(&[texts[4], texts[1], &other]),
            "two profiles are for org.iso.18013.5.1.mDL"
        );
        assert!(fault(&["colour = 1"]).contains("colour"));
    }

    #[test]
    fn built_in_profiles_stand_under_their_names() {
        for (name, text) in BUILT_IN {
            assert_eq!(DocumentProfile::from_toml(text).unwrap().rules.name, *name);
        }
    }
}
