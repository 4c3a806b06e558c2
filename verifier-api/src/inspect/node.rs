//! What an item is by its place in a message: the form that is due, and what it means.

/// A place in a message.
#[derive(Debug)]
pub(super) struct Node {
    /// The name in the standard, or plain words.
    pub(super) name: &'static str,
    pub(super) form: Form,
    pub(super) meaning: Meaning,
    /// What our decoder says of the whole item.
    pub(super) check: Check,
    /// Stands among the elements of a response: whatever is not of the form due may be a person's
    /// data and is hidden like a value.
    pub(super) personal: bool,
}

/// What an item looks like.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// Anything; shown as it is.
    Any,
    /// Anything; shown only when asked for.
    Hidden,
    /// A private key; never shown.
    Secret,
    Unsigned,
    Integer,
    Text,
    Bytes,
    Bool,
    /// A text under tag 0.
    Date,
    /// A map with members that the standard names.
    Map(&'static [Member]),
    /// A map from names or numbers to items of one kind.
    MapOf(&'static Node),
    Array(&'static Node),
    Tuple(&'static [&'static Node]),
    /// `#6.24(bstr .cbor …)`.
    Embedded(&'static Node),
    /// `bstr .cbor …`, and the empty byte string.
    BytesOf(&'static Node),
    /// DER of a certificate, or an array of them.
    Certificates,
}

/// A member of a map.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) key: Key,
    pub(super) node: &'static Node,
    pub(super) needed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Text(&'static str),
    Integer(i64),
}

/// How a value is put in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The name says all.
    Plain,
    Date,
    Algorithm,
    KeyType,
    Curve,
    CipherSuite,
    RetrievalMethod,
    RetrievalType,
    Uuid,
    ResponseStatus,
    SessionStatus,
    ErrorCode,
    IntentToRetain,
    Ciphertext,
    Handover,
    DetachedPayload,
}

/// Which decoder of the product judges an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    Nothing,
    Engagement,
    Request,
    Response,
    IssuerAuth,
    Sign1,
    Mso,
    Transcript,
    Establishment,
    SessionData,
    Key,
}

impl Node {
    pub(super) const fn new(name: &'static str, form: Form) -> Self {
        Self {
            name,
            form,
            meaning: Meaning::Plain,
            check: Check::Nothing,
            personal: false,
        }
    }

    pub(super) const fn meaning(mut self, meaning: Meaning) -> Self {
        self.meaning = meaning;
        self
    }

    pub(super) const fn check(mut self, check: Check) -> Self {
        self.check = check;
        self
    }

    pub(super) const fn personal(mut self) -> Self {
        self.personal = true;
        self
    }
}

impl Form {
    /// The form in words.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Any | Self::Hidden | Self::Secret => "anything",
            Self::Unsigned => "an unsigned integer",
            Self::Integer => "an integer",
            Self::Text => "a text",
            Self::Bytes | Self::BytesOf(_) => "a byte string",
            Self::Bool => "a boolean",
            Self::Date => "a text under tag 0",
            Self::Map(_) | Self::MapOf(_) => "a map",
            Self::Array(_) | Self::Tuple(_) => "an array",
            Self::Embedded(_) => "encoded CBOR under tag 24",
            Self::Certificates => "a certificate or an array of them",
        }
    }
}

/// A member that must be there.
pub(super) const fn needed(key: &'static str, node: &'static Node) -> Member {
    Member {
        key: Key::Text(key),
        node,
        needed: true,
    }
}

/// A member that may be left out.
pub(super) const fn optional(key: &'static str, node: &'static Node) -> Member {
    Member {
        key: Key::Text(key),
        node,
        needed: false,
    }
}

/// A member under an integer.
pub(super) const fn numbered(key: i64, node: &'static Node) -> Member {
    Member {
        key: Key::Integer(key),
        node,
        needed: false,
    }
}
