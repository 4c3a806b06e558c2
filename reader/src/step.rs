//! The steps of a counter's work, as a clerk sees them: a name, what is going on, and what to do meanwhile.

use core::time::Duration;

use mdoc::session::SessionSettings;

/// Where a counter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// No phone has shown a code.
    Waiting,
    /// No phone has shown a code, or was held to the NFC reader.
    WaitingNear,
    /// A code was read.
    Engaged,
    /// The phone is looked for and connected to.
    Connecting,
    /// The request is on its way.
    Requesting,
    /// The holder decides.
    Consent,
    /// The response is on its way.
    Receiving,
    /// The response is judged.
    Checking,
}

impl Step {
    /// The name, with which every line about the step begins.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Waiting | Self::WaitingNear => "waiting",
            Self::Engaged => "engaged",
            Self::Connecting => "connecting",
            Self::Requesting => "requesting",
            Self::Consent => "waiting for consent",
            Self::Receiving => "receiving",
            Self::Checking => "checking",
        }
    }

    /// What to do while it lasts.
    pub(crate) const fn meanwhile(self) -> &'static str {
        match self {
            Self::Waiting => "scan the code that the phone shows",
            Self::WaitingNear => "hold the phone to the NFC reader, or scan the code that it shows",
            Self::Engaged => "keep the phone close",
            Self::Connecting => "keep the phone close and unlocked, with Bluetooth on",
            Self::Requesting | Self::Receiving => "keep the phone close until it is done",
            Self::Consent => "the holder looks at the phone and agrees",
            Self::Checking => "the phone is no longer needed",
        }
    }

    /// How long it may take; none where it is over at once or, as waiting, takes as long as it takes.
    pub(crate) const fn timeout(
        self,
        settings: &SessionSettings,
        service: Option<Duration>,
    ) -> Option<Duration> {
        match self {
            Self::Waiting | Self::WaitingNear | Self::Engaged => None,
            Self::Connecting => Some(settings.connect_timeout),
            Self::Requesting => Some(settings.request_timeout),
            Self::Consent => Some(settings.consent_timeout),
            Self::Receiving => Some(settings.receive_timeout),
            Self::Checking => service,
        }
    }

    /// The line for the clerk.
    pub(crate) fn line(self, settings: &SessionSettings, service: Option<Duration>) -> String {
        let name = self.name();
        let meanwhile = self.meanwhile();
        match self.timeout(settings, service) {
            Some(timeout) => format!("{name} (at most {} s): {meanwhile}", timeout.as_secs()),
            None => format!("{name}: {meanwhile}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_its_name_its_time_and_something_to_do() {
        let settings = SessionSettings {
            connect_timeout: Duration::from_secs(1),
            request_timeout: Duration::from_secs(2),
            consent_timeout: Duration::from_secs(3),
            receive_timeout: Duration::from_secs(4),
            ..SessionSettings::default()
        };
        let service = Some(Duration::from_secs(5));
        for (step, begins) in [
            (Step::Waiting, "waiting: "),
            (Step::WaitingNear, "waiting: "),
            (Step::Engaged, "engaged: "),
            (Step::Connecting, "connecting (at most 1 s): "),
            (Step::Requesting, "requesting (at most 2 s): "),
            (Step::Consent, "waiting for consent (at most 3 s): "),
            (Step::Receiving, "receiving (at most 4 s): "),
            (Step::Checking, "checking (at most 5 s): "),
        ] {
            let line = step.line(&settings, service);
            assert!(
                line.starts_with(begins) && line.len() > begins.len() + 15,
                "{line}"
            );
        }
        assert!(Step::Checking.line(&settings, None).starts_with("checking: "));
    }
}
