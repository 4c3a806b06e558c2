//! What a phone can get wrong about a Bluetooth link, by name.

/// A fault of the link, not of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkFault {
    /// The start comes late.
    LateStart,
    /// No start ever comes.
    NoStart,
    /// The link is lost before the start; then the phone comes again.
    LostBeforeStart,
    /// The link is lost when the request has come.
    LostAfterRequest,
    /// The link is lost half-way through the response.
    LostInResponse,
    /// The phone hangs up right after the last byte.
    DisconnectAfterResponse,
    /// The reader's Ident is taken for another's.
    WrongIdent,
    /// Another phone writes into the session.
    SecondCentral,
    /// A part has a prefix that there is not.
    BadPrefix,
    /// The last part never comes.
    MissingLastPart,
    /// Parts without end.
    Oversize,
    /// Parts of ever-changing sizes.
    MtuChanges,
    /// The last part is empty.
    EmptyLastPart,
    /// The response ends the session by its status.
    EndByStatus,
    /// The phone ends the session by State after the response.
    EndByState,
    /// The L2CAP channel of the engagement does not open.
    ClosedChannel,
}

impl LinkFault {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::LateStart,
        Self::NoStart,
        Self::LostBeforeStart,
        Self::LostAfterRequest,
        Self::LostInResponse,
        Self::DisconnectAfterResponse,
        Self::WrongIdent,
        Self::SecondCentral,
        Self::BadPrefix,
        Self::MissingLastPart,
        Self::Oversize,
        Self::MtuChanges,
        Self::EmptyLastPart,
        Self::EndByStatus,
        Self::EndByState,
        Self::ClosedChannel,
    ];

    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LateStart => "late-start",
            Self::NoStart => "no-start",
            Self::LostBeforeStart => "lost-before-start",
            Self::LostAfterRequest => "lost-after-request",
            Self::LostInResponse => "lost-in-response",
            Self::DisconnectAfterResponse => "disconnect-after-response",
            Self::WrongIdent => "wrong-ident",
            Self::SecondCentral => "second-central",
            Self::BadPrefix => "bad-prefix",
            Self::MissingLastPart => "missing-last-part",
            Self::Oversize => "oversize",
            Self::MtuChanges => "mtu-changes",
            Self::EmptyLastPart => "empty-last-part",
            Self::EndByStatus => "end-by-status",
            Self::EndByState => "end-by-state",
            Self::ClosedChannel => "closed-channel",
        }
    }

    /// What a reader must say, as reason and phase; none where it must accept.
    pub const fn reason(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::NoStart | Self::WrongIdent => Some(("session.timeout", "connect")),
            Self::LostAfterRequest => Some(("session.transport", "consent")),
            Self::LostInResponse => Some(("session.transport", "receive")),
            Self::BadPrefix => Some(("session.decoding", "consent")),
            Self::MissingLastPart => Some(("session.timeout", "receive")),
            // Over a channel in the phase `consent`: the length comes first.
            Self::Oversize => Some(("session.decoding", "receive")),
            Self::LateStart
            | Self::LostBeforeStart
            | Self::DisconnectAfterResponse
            | Self::SecondCentral
            | Self::MtuChanges
            | Self::EmptyLastPart
            | Self::EndByStatus
            | Self::EndByState
            | Self::ClosedChannel => None,
        }
    }

    /// Whether only a phone that is the GATT client can do it.
    pub const fn needs_client(self) -> bool {
        matches!(
            self,
            Self::LateStart | Self::NoStart | Self::LostBeforeStart | Self::WrongIdent | Self::SecondCentral
        )
    }

    /// Whether it is one of prefixes, characteristics or State, which a channel has not.
    pub const fn needs_gatt(self) -> bool {
        !matches!(
            self,
            Self::LostAfterRequest
                | Self::LostInResponse
                | Self::DisconnectAfterResponse
                | Self::MissingLastPart
                | Self::Oversize
                | Self::MtuChanges
                | Self::EndByStatus
                | Self::ClosedChannel
        )
    }

    /// Whether it is one of the L2CAP channel.
    pub const fn needs_channel(self) -> bool {
        matches!(self, Self::ClosedChannel)
    }

    /// What it is.
    pub const fn about(self) -> &'static str {
        match self {
            Self::LateStart => "the start comes after three seconds (ble-central)",
            Self::NoStart => "connects and never starts (ble-central)",
            Self::LostBeforeStart => {
                "is lost before the start, and comes again with the same code (ble-central)"
            }
            Self::LostAfterRequest => "is lost when the request has come",
            Self::LostInResponse => "is lost half-way through the response",
            Self::DisconnectAfterResponse => "hangs up right after the last byte",
            Self::WrongIdent => "takes the reader's Ident for another's and hangs up (ble-central)",
            Self::SecondCentral => {
                "a second phone, on --second-adapter, writes into the session (ble-central)"
            }
            Self::BadPrefix => "a part with the prefix 2",
            Self::MissingLastPart => "every part says that more follow, and none does",
            Self::Oversize => "parts without end",
            Self::MtuChanges => "parts of ever-changing sizes",
            Self::EmptyLastPart => "an empty last part",
            Self::EndByStatus => "the response brings the status 20",
            Self::EndByState => "State says the end after the response",
            Self::ClosedChannel => "nobody listens on the channel of the engagement, and GATT works (l2cap)",
        }
    }

    /// The fault of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fault| fault.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;

    #[test]
    fn names_are_read_back_and_are_no_others() {
        for fault in LinkFault::ALL {
            assert_eq!(LinkFault::by_name(fault.name()), Some(*fault));
            assert_eq!(Fault::by_name(fault.name()), None);
            assert!(!fault.about().is_empty());
        }
        assert_eq!(LinkFault::by_name("nothing"), None);
    }
}
