//! The members of a body, from JSON or CBOR, before anything is known of their meaning. Borrowed
//! from the body wherever it can be, so that little has to be wiped beside it.

use std::borrow::Cow;
use std::fmt;

use mdoc::cbor::{Item, Kind as CborKind, Rules};
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::problem::{Kind, Problem};

/// Members that are kept: more than there are names, so that one too many is still noticed.
const MAX_MEMBERS: usize = 16;
/// Entries of an array that are kept: one more than any array may have.
const MAX_ENTRIES: usize = super::verification::MAX_MAC_KEYS + 1;

/// A value that holds no other.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scalar<'b> {
    /// JSON null, CBOR null or undefined.
    Null,
    /// A text.
    Text(Cow<'b, str>),
    /// A CBOR byte string.
    Bytes(&'b [u8]),
    /// Anything else.
    Other,
}

/// A member's value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value<'b> {
    /// No array.
    Scalar(Scalar<'b>),
    /// An array.
    List(Vec<Scalar<'b>>),
}

/// Names and values in the order of the body.
pub(super) type Members<'b> = Vec<(Cow<'b, str>, Value<'b>)>;

/// The members of a JSON object.
pub(super) fn of_json(body: &[u8]) -> Result<Members<'_>, Problem> {
    // Built with arbitrary precision, as another crate of a program may ask for, the parser shows a number
    // as a map of its own.
    let is_object = body.trim_ascii_start().first() == Some(&b'{');
    match serde_json::from_slice(body) {
        Ok(Top::Map(members)) if is_object => Ok(members),
        Ok(Top::Map(_) | Top::Other) => Err(Problem::new(
            Kind::BodyNotAMap,
            "the body is JSON but not an object",
        )),
        // The parser's own words could quote the body.
        Err(error) => Err(Problem::new(
            Kind::JsonMalformed,
            format!("at line {}, column {}", error.line(), error.column()),
        )),
    }
}

/// The members of a CBOR map.
pub(super) fn of_cbor(body: &[u8]) -> Result<Members<'_>, Problem> {
    let rules = Rules {
        indefinite: true,
        ..Rules::default()
    };
    let item =
        Item::decode(body, &rules).map_err(|error| Problem::new(Kind::CborMalformed, error.to_string()))?;
    let no_map = || Problem::new(Kind::BodyNotAMap, "the body is CBOR but not a map with text keys");
    let map = item.as_map().ok_or_else(no_map)?;
    let mut members = Vec::new();
    for (key, value) in map.iter().take(MAX_MEMBERS) {
        let name = key.as_text().ok_or_else(no_map)?;
        let value = match value.as_array() {
            Some(array) => Value::List(array.iter().take(MAX_ENTRIES).map(cbor_scalar).collect()),
            None => Value::Scalar(cbor_scalar(value)),
        };
        members.push((Cow::Borrowed(name), value));
    }
    Ok(members)
}

fn cbor_scalar(item: Item<'_>) -> Scalar<'_> {
    match item.kind() {
        CborKind::Null | CborKind::Undefined => Scalar::Null,
        _ => match (item.as_text(), item.as_bytes()) {
            (Some(text), _) => Scalar::Text(Cow::Borrowed(text)),
            (_, Some(bytes)) => Scalar::Bytes(bytes),
            _ => Scalar::Other,
        },
    }
}

enum Top<'b> {
    Map(Members<'b>),
    Other,
}

impl<'de> Deserialize<'de> for Top<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TopVisitor)
    }
}

/// The visits of everything that holds no other value and means nothing here.
macro_rules! visit_as_other {
    ($other:expr) => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($other)
        }

        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($other)
        }

        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($other)
        }

        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($other)
        }
    };
}

struct TopVisitor;

impl<'de> Visitor<'de> for TopVisitor {
    type Value = Top<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    visit_as_other!(Top::Other);

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Top::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Top::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Top::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while members.len() < MAX_MEMBERS {
            let Some((name, value)) = map.next_entry::<Value<'de>, Value<'de>>()? else {
                return Ok(Top::Map(members));
            };
            let Value::Scalar(Scalar::Text(name)) = name else {
                return Err(A::Error::custom("a name that is no text"));
            };
            members.push((name, value));
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Top::Map(members))
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    visit_as_other!(Value::Scalar(Scalar::Other));

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Scalar(Scalar::Null))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Scalar(Scalar::Text(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::Scalar(Scalar::Text(Cow::Owned(text.to_owned()))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while entries.len() < MAX_ENTRIES {
            // An array inside an array means nothing here; of one that is, at most as many entries
            // are kept as of any.
            let Some(entry) = seq.next_element::<Value<'de>>()? else {
                return Ok(Value::List(entries));
            };
            entries.push(match entry {
                Value::Scalar(scalar) => scalar,
                Value::List(_) => Scalar::Other,
            });
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::List(entries))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Scalar(Scalar::Other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value<'_> {
        Value::Scalar(Scalar::Text(Cow::Borrowed(text)))
    }

    #[test]
    fn json_and_cbor_say_the_same() {
        let json = of_json(br#"{"a":"x","b":null,"c":["y",null,7],"d":{"e":[1]}}"#).unwrap();
        let cbor = b"\xa4\x61a\x61x\x61b\xf6\x61c\x83\x61y\xf6\x07\x61d\xa1\x61e\x81\x01";
        assert_eq!(json, of_cbor(cbor).unwrap());
        assert_eq!(json[0], (Cow::Borrowed("a"), text("x")));
        assert_eq!(
            json[2].1,
            Value::List(vec![Scalar::Text("y".into()), Scalar::Null, Scalar::Other])
        );
        assert_eq!(json[3].1, Value::Scalar(Scalar::Other));
        let bytes = of_cbor(b"\xa1\x61a\x42xy").unwrap();
        assert_eq!(bytes[0].1, Value::Scalar(Scalar::Bytes(b"xy")));
        assert_eq!(of_cbor(b"\xbf\x61a\x61x\xff").unwrap(), [("a".into(), text("x"))]);
    }

    #[test]
    fn texts_without_escapes_are_borrowed() {
        let members = of_json(br#"{"a":"x","\u0062":"\u0079"}"#).unwrap();
        assert!(matches!(
            &members[0],
            (
                Cow::Borrowed("a"),
                Value::Scalar(Scalar::Text(Cow::Borrowed("x")))
            )
        ));
        assert_eq!(members[1], (Cow::Borrowed("b"), text("y")));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let many: Vec<String> = (0..100)
            .map(|n| format!("\"m{n}\":[{}null]", "null,".repeat(500)))
            .collect();
        let members_text = format!("{{{}}}", many.join(","));
        let members = of_json(members_text.as_bytes()).unwrap();
        assert_eq!(members.len(), MAX_MEMBERS);
        assert!(matches!(&members[0].1, Value::List(entries) if entries.len() == MAX_ENTRIES));
    }

    #[test]
    fn faults_are_told_apart_and_quote_nothing() {
        let fault = |result: Result<Members<'_>, Problem>| result.unwrap_err().to_string();
        for body in [
            &b""[..],
            b"{",
            b"{\"a\":secret}",
            b"{}x",
            b"{\"a\":\"\xff\"}",
            b"{1:2}",
        ] {
            let fault = fault(of_json(body));
            assert!(
                fault.starts_with("json-malformed") && !fault.contains("secret"),
                "{fault}"
            );
        }
        for body in [
            &b"[]"[..],
            b"null",
            b"1",
            b"-1",
            b"1.5",
            b"true",
            b"\"x\"",
            b"[[1,{}]]",
        ] {
            assert!(fault(of_json(body)).starts_with("body-not-a-map"));
        }
        for body in [
            &b""[..],
            b"\xa1",
            b"\xa0\x00",
            b"\xa2\x61a\xf6\x61a\xf6",
            b"\xa1\x7f\x61a\xff\xf6",
        ] {
            assert!(fault(of_cbor(body)).starts_with("cbor-malformed"), "{body:?}");
        }
        for body in [&b"\x80"[..], b"\xf6", b"\xa1\x01\xf6", b"\x61a"] {
            assert!(fault(of_cbor(body)).starts_with("body-not-a-map"), "{body:?}");
        }
        let deep = format!("{{\"a\":{}", "[".repeat(100_000));
        assert!(fault(of_json(deep.as_bytes())).starts_with("json-malformed"));
    }
}
