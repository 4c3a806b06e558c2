//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::camera::CameraFlags;
use crate::certificate::CertificateArguments;
use crate::input::ScannerFlags;
use crate::loopback::Loopback;
use crate::till::TillFlags;

/// Reads an ISO/IEC 18013-5 mdoc from a phone at a counter and shows whether it holds.
#[derive(Parser)]
#[command(name = "reader", version, about, after_help = AFTER_HELP)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// Say what is wrong with a configuration file and with the files that it names; 0 where nothing is, else 64
    #[arg(long, value_name = "FILE")]
    pub(crate) check_config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const AFTER_HELP: &str = "\
Exit status of read: 0 accepted, 1 rejected, 2 undetermined, 3 the session (or the service that judges) failed
and there is no verdict, 64 wrong usage, an unreadable file or a bad configuration. serve ends with 0 at the end
of its input or when it is told to, with 64 where it cannot start, and with 69 where what it needs is not there now and may
come by itself (a token, a bundle, an address that another program has). doctor ends with 0 where all is well, 1 after a
warning, 2 after a fault.";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Read one document from one phone
    Read(Box<Read>),
    /// Read one phone after the other, as codes come on standard input
    Serve(Box<Serve>),
    /// Say what keeps this machine from serving, and what to do about it
    Doctor(Box<Doctor>),
    /// Ask for a reader's certificate, or look at the one there is
    Certificate(CertificateArguments),
    /// List the ready-made purposes
    Purposes,
    /// Print the configuration file of serve, with every option, its help and its default
    Configuration,
    /// Print a completion script for a shell, for example: reader completions bash
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page: reader manual | man -l -
    Manual,
}

/// Connects to a phone, asks what the purpose asks, and prints the verdict.
#[derive(Args)]
#[command(group(clap::ArgGroup::new("phone").required(true).multiple(true).args(["connect", "qr", "nfc", "camera", "camera_recording"])))]
pub(crate) struct Read {
    /// The text of the code that the phone shows (mdoc:…), to reach the phone over Bluetooth; - reads it from
    /// standard input
    #[arg(long, value_name = "mdoc:…|-", conflicts_with_all = ["connect", "nfc", "camera", "camera_recording"])]
    pub(crate) qr: Option<String>,
    /// A phone that speaks the loopback framing, such as the one `holder present` simulates; with --nfc or a camera, in the
    /// place of Bluetooth
    #[arg(long, value_name = "tcp://HOST:PORT")]
    pub(crate) connect: Option<String>,
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) radio: Radio,
    #[command(flatten)]
    pub(crate) near: Near,
    #[command(flatten)]
    pub(crate) camera: CameraFlags,
    /// How to report
    #[arg(long, value_enum, default_value_t = Format::Json)]
    pub(crate) format: Format,
}

/// Waits for codes on standard input, one a line as a scanner types them, from the scanners that are named, with --camera for
/// those that phones show to a camera, and with --nfc for phones on an NFC reader, all beside each other; reads each phone over
/// Bluetooth or NFC, prints one JSON line for each, and waits again until the end of standard input, or, with scanners or a
/// camera, until it is told to end. A fresh code while a phone is being read ends that transaction and starts the next.
/// Nothing is kept.
#[derive(Args, Clone)]
pub(crate) struct Serve {
    /// A TOML file with any of these options, by their names with _ for -; what is given here wins (see
    /// `reader configuration`)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) common: Common,
    /// Seconds between two looks for a newer bundle
    #[arg(long, value_name = "SECONDS", default_value_t = 900, requires = "bundle", help_heading = "Offline bundle",
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) bundle_every: u64,
    #[command(flatten)]
    pub(crate) radio: Radio,
    #[command(flatten)]
    pub(crate) near: Near,
    #[command(flatten)]
    pub(crate) camera: CameraFlags,
    #[command(flatten)]
    pub(crate) scanners: ScannerFlags,
    /// Another program that moves the messages, in the place of Bluetooth, such as `holder present --bridge`: for tests, and for
    /// machines without a radio
    #[arg(long, value_name = "tcp://HOST:PORT", help_heading = "Bluetooth", value_parser = Loopback::checked)]
    pub(crate) connect: Option<String>,
    #[command(flatten)]
    pub(crate) till: TillFlags,
}

impl Serve {
    /// Whether phones or codes come by something else than standard input and scanners.
    pub(crate) const fn has_other_inputs(&self) -> bool {
        self.near.nfc || self.camera.is_given()
    }
}

/// Looks at Bluetooth, NFC, devices, files, trust, services and the clock as serve with the same options would use them:
/// one line for each, with what to do. Changes nothing and needs no phone.
#[derive(Args)]
#[command(mut_arg("purpose", |purpose| purpose.required(false).default_value("").hide_default_value(true)))]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) serve: Serve,
    /// Print an array of {check, result, detail, next_step}, for programs
    #[arg(long, help_heading = "Report")]
    pub(crate) json: bool,
}

/// What is asked and who judges.
#[derive(Args, Clone)]
pub(crate) struct Common {
    /// A ready-made purpose (see `reader purposes`) or a TOML file
    #[arg(long, value_name = "ID|FILE")]
    pub(crate) purpose: String,
    /// A trust directory with the folders anchors, crls, status, vicals
    #[arg(long, value_name = "DIR")]
    pub(crate) trust: Option<PathBuf>,
    /// Who judges: this program, or a verifier-api service (https, or http on this machine). Where the service cannot be
    /// reached and there is a bundle, this program does
    #[arg(long, value_name = "local|URL", default_value = "local")]
    pub(crate) verify: String,
    /// A file with the API key of the service
    #[arg(long, value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// The reader's certificate, and those below its root, in PEM; or one in DER
    #[arg(long, value_name = "FILE", requires = "reader_signer")]
    pub(crate) reader_cert: Option<PathBuf>,
    /// The key to the reader's certificate, in PKCS#8
    #[arg(long, value_name = "FILE", requires = "reader_cert", group = "reader_signer")]
    pub(crate) reader_key: Option<PathBuf>,
    /// The key to the reader's certificate in a PKCS#11 token (RFC 7512), with module-path, and pin-source for its PIN
    #[arg(long, value_name = "URI", requires = "reader_cert", group = "reader_signer")]
    pub(crate) pkcs11: Option<String>,
    /// The environment variable with the PIN of the token
    #[arg(long, value_name = "NAME", requires = "pkcs11")]
    pub(crate) pin_env: Option<String>,
    /// Seconds to find the phone and connect to it; 30 over Bluetooth, else 10 unless given
    #[arg(long, value_name = "SECONDS")]
    pub(crate) connect_timeout: Option<u64>,
    /// Seconds to send the request
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) request_timeout: u64,
    /// Seconds that the holder has to consent
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) consent_timeout: u64,
    /// Seconds from the first byte of the response to its last
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) receive_timeout: u64,
    /// Seconds that the service has to judge
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) service_timeout: u64,
    /// Bounds on a response, a TOML file with any of message_bytes, cbor_depth, cbor_items,
    /// documents, name_spaces, elements
    #[arg(long, value_name = "FILE")]
    pub(crate) limits: Option<PathBuf>,
    /// Say nothing of the progress on standard error, only warnings and what went wrong
    #[arg(long)]
    pub(crate) quiet: bool,
    // Last: its heading would go on over what follows.
    #[command(flatten)]
    pub(crate) bundle: BundleFlags,
}

/// The offline bundle: everything to judge by in one signed file.
#[derive(Args, Clone)]
#[command(next_help_heading = "Offline bundle")]
pub(crate) struct BundleFlags {
    /// Where bundles come from: a file, or a verifier-api service (https, or http on this machine). What cannot be had
    /// now is judged without, by the last one in --bundle-store
    #[arg(long, value_name = "URL|FILE", requires = "bundle_key")]
    pub(crate) bundle: Option<String>,
    /// The public key that bundles have to be signed with (PEM or DER); judges by the bundle and not by --trust
    #[arg(long, value_name = "FILE", conflicts_with = "trust")]
    pub(crate) bundle_key: Option<PathBuf>,
    /// A folder that keeps the last two bundles
    #[arg(long, value_name = "DIR", requires = "bundle_key")]
    pub(crate) bundle_store: Option<PathBuf>,
    /// A file with the API key of the service that hands out bundles
    #[arg(long, value_name = "FILE", requires = "bundle")]
    pub(crate) bundle_api_key_file: Option<PathBuf>,
    /// Seconds that the service has to hand out a bundle
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) bundle_timeout: u64,
}

/// How a phone is reached over Bluetooth.
#[derive(Args, Clone)]
#[command(next_help_heading = "Bluetooth")]
pub(crate) struct Radio {
    /// The adapter; the system's default one unless given
    #[arg(long, value_name = "hciN")]
    pub(crate) adapter: Option<String>,
    /// Which side the reader takes where the phone leaves the choice
    #[arg(long, value_enum, value_name = "ROLE", default_value_t = Role::Both)]
    pub(crate) ble: Role,
    /// What speaks for the reader as central: bluer (Linux, keeps order by sockets) or btleplug (every system)
    #[arg(long, value_enum, value_name = "LIBRARY", default_value_t = Central::default())]
    pub(crate) central: Central,
    /// Do not use the L2CAP channel that an engagement offers
    #[arg(long)]
    pub(crate) no_l2cap: bool,
    /// Also use the L2CAP channel that a phone's GATT service names; phones are known whose channel does not work
    #[arg(long, conflicts_with = "no_l2cap")]
    pub(crate) l2cap_psm_from_gatt: bool,
}

/// Phones that are held to an NFC reader.
#[derive(Args, Clone)]
#[command(next_help_heading = "NFC")]
pub(crate) struct Near {
    /// Wait for a phone on an NFC reader (PC/SC), whichever is there or is plugged in
    #[arg(long)]
    pub(crate) nfc: bool,
    /// Only readers whose name contains this
    #[arg(long, value_name = "TEXT", requires = "nfc")]
    pub(crate) nfc_reader: Option<String>,
    /// Move the data over NFC too, also with a phone that has Bluetooth
    #[arg(long, requires = "nfc")]
    pub(crate) nfc_data: bool,
    /// Use short commands only; not every NFC reader passes on the longer ones
    #[arg(long, requires = "nfc")]
    pub(crate) nfc_short: bool,
}

/// The reader's side of Bluetooth LE.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Both at once; the first that starts a session wins
    Both,
    /// The reader scans and is the GATT client (mdoc peripheral server mode)
    Central,
    /// The reader advertises and is the GATT server (mdoc central client mode)
    Peripheral,
}

/// The library of the central role.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Central {
    /// BlueZ by its sockets
    #[cfg(target_os = "linux")]
    Bluer,
    /// The portable one
    Btleplug,
}

impl Default for Central {
    fn default() -> Self {
        #[cfg(target_os = "linux")]
        return Self::Bluer;
        #[cfg(not(target_os = "linux"))]
        Self::Btleplug
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    /// The verdict, for programs
    Json,
    /// A tree of every check, for people
    Text,
}
