//! What goes wrong with this machine's Bluetooth: a code for programs, words for people.

use core::fmt;

/// A fault of the counter's side, not of the phone's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(any(feature = "bluetooth", test)),
    expect(dead_code, reason = "only Bluetooth fails in these ways")
)]
pub(crate) enum RadioFault {
    /// There is no adapter, or none of this name.
    NoAdapter(Option<String>),
    /// The adapter was unplugged.
    AdapterGone,
    /// The adapter is switched off and cannot be switched on.
    AdapterOff(String),
    /// This user may not use Bluetooth.
    Permission,
    /// The system's Bluetooth service does not run, does not answer, or was restarted.
    Service,
    /// Anything else that the Bluetooth service says.
    Other(String),
}

impl RadioFault {
    /// The stable code.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::NoAdapter(_) | Self::AdapterGone | Self::AdapterOff(_) => "bluetooth.adapter",
            Self::Permission => "bluetooth.permission",
            Self::Service => "bluetooth.service",
            Self::Other(_) => "bluetooth.failed",
        }
    }

    /// What to do now.
    pub(crate) const fn next_step(&self) -> &'static str {
        match self {
            Self::NoAdapter(_) => {
                "plug in a Bluetooth adapter, or name the one to use with --adapter, and scan the code again"
            }
            Self::AdapterGone => "plug the Bluetooth adapter in again, and scan a fresh code",
            Self::AdapterOff(_) => "switch Bluetooth on (rfkill unblock bluetooth), and scan the code again",
            Self::Permission => {
                "let this user use Bluetooth (on Debian: add it to the group bluetooth and log in again)"
            }
            Self::Service => {
                "restart the Bluetooth service (systemctl restart bluetooth) if it does not come back by itself, and scan a fresh code"
            }
            Self::Other(_) => {
                "scan a fresh code; if it happens again, restart the Bluetooth service or plug the adapter in anew"
            }
        }
    }

    /// Whether it may be over in a moment: a service that is being restarted, an adapter that comes back.
    #[cfg_attr(
        not(feature = "bluetooth"),
        expect(dead_code, reason = "only Bluetooth tries again")
    )]
    pub(crate) const fn may_pass(&self) -> bool {
        matches!(self, Self::AdapterGone | Self::Service | Self::Other(_))
    }
}

impl fmt::Display for RadioFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAdapter(None) => f.write_str("this machine has no Bluetooth adapter"),
            Self::NoAdapter(Some(name)) => write!(f, "this machine has no Bluetooth adapter {name}"),
            Self::AdapterGone => f.write_str("the Bluetooth adapter was unplugged"),
            Self::AdapterOff(error) => write!(f, "Bluetooth is switched off: {error}"),
            Self::Permission => f.write_str("this user may not use Bluetooth"),
            Self::Service => {
                f.write_str("the Bluetooth service does not run, does not answer, or was restarted")
            }
            Self::Other(error) => write!(f, "Bluetooth failed: {error}"),
        }
    }
}
