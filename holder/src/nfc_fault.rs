//! What a phone can get wrong about NFC, by name.

/// A fault, or a liberty, of the tag, the handover or the transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NfcFault {
    /// The NDEF application is not there: the phone is locked.
    Locked,
    /// The capability container is malformed.
    BadCapability,
    /// The tag holds a link to a site.
    WebLink,
    /// The message comes in a chunked record.
    Chunked,
    /// Only carriers that nobody knows.
    UnknownCarriers,
    /// The tag stays empty.
    NeverReady,
    /// The handover service is refused.
    RefusesService,
    /// The phone is taken away during the handover.
    RemovedInHandover,
    /// The phone is taken away when the request has come.
    RemovedAfterRequest,
    /// The phone is taken away half-way through the response.
    RemovedInResponse,
    /// The mdoc application is not there.
    NoMdocApplication,
    /// ENVELOPE is not taken.
    RefusesEnvelope,
    /// More data is promised without end, and none comes.
    EndlessMoreData,
    /// The data object says another length than it has.
    WrongLength,
    /// What is left is always said to be 255 bytes.
    VagueMoreData,
    /// The end comes alone, after all the data.
    LateEnd,
    /// Answers bring more than was asked for.
    Generous,
    /// Nothing comes over Bluetooth after the handover.
    SilentAfterHandover,
    /// Over Bluetooth it is under another service than the handover's.
    OtherService,
}

impl NfcFault {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Locked,
        Self::BadCapability,
        Self::WebLink,
        Self::Chunked,
        Self::UnknownCarriers,
        Self::NeverReady,
        Self::RefusesService,
        Self::RemovedInHandover,
        Self::RemovedAfterRequest,
        Self::RemovedInResponse,
        Self::NoMdocApplication,
        Self::RefusesEnvelope,
        Self::EndlessMoreData,
        Self::WrongLength,
        Self::VagueMoreData,
        Self::LateEnd,
        Self::Generous,
        Self::SilentAfterHandover,
        Self::OtherService,
    ];

    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Locked => "nfc-locked",
            Self::BadCapability => "nfc-bad-capability",
            Self::WebLink => "nfc-web-link",
            Self::Chunked => "nfc-chunked",
            Self::UnknownCarriers => "nfc-unknown-carriers",
            Self::NeverReady => "nfc-never-ready",
            Self::RefusesService => "nfc-refuses-service",
            Self::RemovedInHandover => "nfc-removed-in-handover",
            Self::RemovedAfterRequest => "nfc-removed-after-request",
            Self::RemovedInResponse => "nfc-removed-in-response",
            Self::NoMdocApplication => "nfc-no-mdoc-application",
            Self::RefusesEnvelope => "nfc-refuses-envelope",
            Self::EndlessMoreData => "nfc-endless-more-data",
            Self::WrongLength => "nfc-wrong-length",
            Self::VagueMoreData => "nfc-vague-more-data",
            Self::LateEnd => "nfc-late-end",
            Self::Generous => "nfc-generous",
            Self::SilentAfterHandover => "nfc-silent-after-handover",
            Self::OtherService => "nfc-other-service",
        }
    }

    /// What a reader must say, as reason and phase; none where it must accept.
    pub const fn reason(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Locked => Some(("nfc.locked", "engagement")),
            Self::BadCapability => Some(("nfc.tag", "engagement")),
            Self::WebLink | Self::Chunked => Some(("nfc.handover", "engagement")),
            Self::UnknownCarriers => Some(("session.no_transport", "connect")),
            Self::NeverReady => Some(("nfc.not_ready", "engagement")),
            Self::RefusesService => Some(("nfc.refused", "engagement")),
            Self::RemovedInHandover => Some(("nfc.card_lost", "engagement")),
            Self::RemovedAfterRequest => Some(("nfc.card_lost", "consent")),
            Self::RemovedInResponse => Some(("nfc.card_lost", "receive")),
            Self::NoMdocApplication => Some(("nfc.transfer", "connect")),
            Self::RefusesEnvelope | Self::EndlessMoreData => Some(("nfc.transfer", "consent")),
            Self::WrongLength => Some(("nfc.transfer", "receive")),
            Self::SilentAfterHandover | Self::OtherService => Some(("session.timeout", "connect")),
            Self::VagueMoreData | Self::LateEnd | Self::Generous => None,
        }
    }

    /// What it is.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Locked => "the phone is locked: its NDEF application is not there",
            Self::BadCapability => "a capability container without a file",
            Self::WebLink => "the tag holds a link to a site",
            Self::Chunked => "the handover comes in a chunked record",
            Self::UnknownCarriers => "only carriers that nobody knows",
            Self::NeverReady => "the tag stays empty",
            Self::RefusesService => "the handover service is refused (negotiated)",
            Self::RemovedInHandover => "is taken away during the handover",
            Self::RemovedAfterRequest => "is taken away when the request has come",
            Self::RemovedInResponse => "is taken away half-way through the response",
            Self::NoMdocApplication => "offers to transfer, and has no mdoc application",
            Self::RefusesEnvelope => "answers ENVELOPE with 6985",
            Self::EndlessMoreData => "promises more data without end, and sends none",
            Self::WrongLength => "the data object says one byte more than it has",
            Self::VagueMoreData => "always says that 255 bytes are left",
            Self::LateEnd => "says 9000 alone, after all the data",
            Self::Generous => "sends more than was asked for",
            Self::SilentAfterHandover => "does nothing over Bluetooth after the handover",
            Self::OtherService => "is over Bluetooth under another UUID than the handover's",
        }
    }

    /// Whether it is one of a phone that goes on over Bluetooth.
    pub const fn needs_bluetooth(self) -> bool {
        matches!(self, Self::SilentAfterHandover | Self::OtherService)
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
    use crate::link_fault::LinkFault;

    #[test]
    fn names_are_read_back_and_are_no_others() {
        for fault in NfcFault::ALL {
            assert_eq!(NfcFault::by_name(fault.name()), Some(*fault));
            assert_eq!(Fault::by_name(fault.name()), None);
            assert_eq!(LinkFault::by_name(fault.name()), None);
            assert!(!fault.about().is_empty());
        }
        assert_eq!(NfcFault::by_name("nothing"), None);
    }
}
