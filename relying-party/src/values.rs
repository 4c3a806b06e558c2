//! Element values: their JSON form, their types, and the three forms of a birth date.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mdoc::cbor::{Item, Kind};
use mdoc::time::Date;
use serde::Deserialize;
use serde_json::{Map, Number, Value};

/// The tag of a date and time (RFC 8949 §3.4.1).
const TAG_DATE_TIME: u64 = 0;
/// The tag of a full-date (RFC 8943).
const TAG_FULL_DATE: u64 = 1004;

/// A value in JSON: dates as text, byte strings as base64url without padding, other tags as what
/// they hold, integers that JSON readers would round as they are, NaN and infinities as text.
pub fn to_json(item: Item<'_>) -> Value {
    match item.kind() {
        Kind::Unsigned => item.as_u64().map_or(Value::Null, Value::from),
        Kind::Negative => match (item.as_i64(), item.as_negative_argument()) {
            (Some(value), _) => Value::from(value),
            (None, Some(argument)) => Value::from((-1 - i128::from(argument)).to_string()),
            (None, None) => Value::Null,
        },
        Kind::Bytes => item
            .as_bytes()
            .map_or(Value::Null, |bytes| URL_SAFE_NO_PAD.encode(bytes).into()),
        Kind::Text => item.as_text().map_or(Value::Null, Value::from),
        Kind::Bool => item.as_bool().map_or(Value::Null, Value::Bool),
        Kind::Float => item.as_f64().map_or(Value::Null, float),
        Kind::Tag => item.as_tag().map_or(Value::Null, |(_, inner)| to_json(inner)),
        Kind::Array => item.as_array().map_or(Value::Null, |array| {
            Value::Array(array.iter().map(to_json).collect())
        }),
        Kind::Map => {
            let mut object = Map::new();
            for (key, value) in item.as_map().into_iter().flat_map(|map| map.iter()) {
                let mut name = key_text(key);
                // 1 and "1" are two keys in CBOR and one in JSON: the later gives way, neither is lost.
                while object.contains_key(&name) {
                    name.push('\'');
                }
                object.insert(name, to_json(value));
            }
            Value::Object(object)
        }
        _ => Value::Null,
    }
}

fn float(value: f64) -> Value {
    match Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => "NaN".into(),
        None if value > 0.0 => "Infinity".into(),
        None => "-Infinity".into(),
    }
}

/// Keys are integers or strings: the CBOR reader lets no other pass.
fn key_text(key: Item<'_>) -> String {
    match (key.as_text(), to_json(key)) {
        (Some(text), _) => text.to_owned(),
        (None, Value::String(text)) => text,
        (None, other) => other.to_string(),
    }
}

/// The type of an element's value, by CBOR type and tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ElementType {
    /// Text.
    Text,
    /// Unsigned integer.
    Uint,
    /// `true` or `false`.
    Bool,
    /// Bytes.
    Bytes,
    /// Tag 1004 over `YYYY-MM-DD`.
    FullDate,
    /// Tag 0 over an RFC 3339 text.
    Tdate,
    /// The map of ISO/IEC 23220-2 with an approximate mask.
    BirthDateMap,
    /// An array of texts.
    TextArray,
    /// An array of maps.
    MapArray,
    /// A map.
    Map,
}

impl ElementType {
    /// Whether the value is of this type.
    pub fn fits(self, item: Item<'_>) -> bool {
        match self {
            Self::Text => item.as_text().is_some(),
            Self::Uint => item.as_u64().is_some(),
            Self::Bool => item.as_bool().is_some(),
            Self::Bytes => item.as_bytes().is_some(),
            Self::FullDate => tagged_text(item, TAG_FULL_DATE).is_some_and(|text| Date::parse(text).is_ok()),
            Self::Tdate => tagged_text(item, TAG_DATE_TIME).is_some(),
            Self::BirthDateMap => item.as_map().is_some() && BirthDate::from_item(item).is_some(),
            Self::TextArray => every(item, |element| element.as_text().is_some()),
            Self::MapArray => every(item, |element| element.as_map().is_some()),
            Self::Map => item.as_map().is_some(),
        }
    }
}

fn every(item: Item<'_>, holds: impl Fn(Item<'_>) -> bool) -> bool {
    item.as_array().is_some_and(|array| array.iter().all(holds))
}

fn tagged_text(item: Item<'_>, tag: u64) -> Option<&str> {
    match item.as_tag()? {
        (found, text) if found == tag => text.as_text(),
        _ => None,
    }
}

/// A birth date in any of its three forms: full-date, plain text, or a map with a mask. Printing
/// it says nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BirthDate {
    pub(crate) date: Date,
    pub(crate) masked: bool,
}

impl BirthDate {
    /// Reads a value; `None` where it is no birth date.
    pub fn from_item(item: Item<'_>) -> Option<Self> {
        let Some(map) = item.as_map() else {
            return Some(Self {
                date: date_of(item)?,
                masked: false,
            });
        };
        let masked = match map.get_text("approximate_mask") {
            None => false,
            Some(mask) => {
                let mask = mask.as_text()?;
                if mask.len() != 8 || !mask.bytes().all(|digit| matches!(digit, b'0' | b'1')) {
                    return None;
                }
                mask.contains('1')
            }
        };
        Some(Self {
            date: date_of(map.get_text("birth_date")?)?,
            masked,
        })
    }

    /// The date, where no part of it is masked.
    pub fn exact(&self) -> Option<Date> {
        (!self.masked).then_some(self.date)
    }
}

fn date_of(item: Item<'_>) -> Option<Date> {
    Date::parse(tagged_text(item, TAG_FULL_DATE).or_else(|| item.as_text())?).ok()
}

impl core::fmt::Debug for BirthDate {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("BirthDate")
    }
}

#[cfg(test)]
mod tests {
    use mdoc::cbor::Rules;
    use serde_json::json;

    use super::*;

    fn with<T>(hex_text: &str, read: impl FnOnce(Item<'_>) -> T) -> T {
        let bytes = hex::decode(hex_text).unwrap();
        read(Item::decode(&bytes, &Rules::default()).unwrap())
    }

    #[test]
    fn no_key_of_a_map_is_lost() {
        // {1: true, "1": false, "1'": null}
        let value = with("a301f56131f4623127f6", to_json);
        assert_eq!(value, json!({ "1": true, "1'": false, "1''": null }));
        assert_eq!(with("a201f56132f4", to_json), json!({ "1": true, "2": false }));
    }

    #[test]
    fn values_have_one_form_in_json() {
        for (bytes, expected) in [
            ("1903e8", json!(1000)),
            ("1bffffffffffffffff", json!(u64::MAX)),
            ("20", json!(-1)),
            ("3bffffffffffffffff", json!("-18446744073709551616")),
            ("63e795aa", json!("番")),
            ("43010203", json!("AQID")),
            ("f5", json!(true)),
            ("f6", Value::Null),
            ("f7", Value::Null),
            ("f93e00", json!(1.5)),
            ("f97e00", json!("NaN")),
            ("f97c00", json!("Infinity")),
            ("f9fc00", json!("-Infinity")),
            ("d903ec6a313937312d30392d3031", json!("1971-09-01")),
            (
                "c074323032302d31302d30315431333a33303a30325a",
                json!("2020-10-01T13:30:02Z"),
            ),
            ("d9d9f78101", json!([1])),
            ("a301612020026161f4", json!({"1": " ", "-1": 2, "a": false})),
        ] {
            assert_eq!(with(bytes, to_json), expected, "{bytes}");
        }
    }

    #[test]
    fn a_birth_date_is_read_in_three_forms() {
        let read = |hex_text: &str| with(hex_text, BirthDate::from_item);
        let exact = |hex_text: &str| {
            read(hex_text)
                .and_then(|date| date.exact())
                .map(|date| date.to_string())
        };
        let expected = Some("1971-09-01".to_owned());
        assert_eq!(exact("d903ec6a313937312d30392d3031"), expected);
        assert_eq!(exact("6a313937312d30392d3031"), expected);
        let map = "a16a62697274685f64617465d903ec6a313937312d30392d3031";
        assert_eq!(exact(map), expected);
        let masked = |mask: &str| {
            format!(
                "a2{}70617070726f78696d6174655f6d61736b68{}",
                &map[2..],
                hex::encode(mask)
            )
        };
        assert_eq!(exact(&masked("00000000")), expected);
        assert!(read(&masked("00001111")).is_some_and(|date| date.exact().is_none()));
        assert_eq!(read(&masked("0000111x")), None);
        assert_eq!(read("6a313937312d30322d3330"), None, "30 February");
        assert_eq!(read("c06a313937312d30392d3031"), None, "another tag");
        assert_eq!(read("01"), None);
        assert_eq!(read("a0"), None);
    }

    #[test]
    fn types_go_by_cbor_type_and_tag() {
        let fits = |kind: ElementType, hex_text: &str| with(hex_text, |item| kind.fits(item));
        assert!(fits(ElementType::FullDate, "d903ec6a313937312d30392d3031"));
        assert!(!fits(ElementType::FullDate, "6a313937312d30392d3031"), "no tag");
        assert!(
            !fits(ElementType::Tdate, "d903ec6a313937312d30392d3031"),
            "the other tag"
        );
        assert!(fits(ElementType::Bool, "f4") && !fits(ElementType::Bool, "00"));
        assert!(
            fits(ElementType::Uint, "01")
                && !fits(ElementType::Uint, "20")
                && !fits(ElementType::Uint, "f93c00")
        );
        assert!(fits(ElementType::TextArray, "816161") && !fits(ElementType::TextArray, "8101"));
        assert!(fits(ElementType::MapArray, "81a0") && !fits(ElementType::MapArray, "a0"));
        assert!(fits(ElementType::Bytes, "40") && !fits(ElementType::Bytes, "60"));
        assert!(fits(ElementType::Text, "60") && fits(ElementType::Map, "a0"));
        assert!(!fits(ElementType::BirthDateMap, "a0"));
    }
}
