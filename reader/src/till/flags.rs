//! The flags of the till link.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::serial_line::SerialLine;

/// Tills: who else is told of results, and how.
#[derive(Args, Clone)]
#[command(next_help_heading = "Till")]
pub(crate) struct TillFlags {
    /// What a line on standard output is: the report, with the values that the purpose returns, or what a till is told,
    /// without any personal data
    #[arg(long, value_enum, value_name = "LINE", default_value_t = Stdout::Report)]
    pub(crate) stdout: Stdout,
    /// A Unix socket to make, which tells every till that connects (mode 0660)
    #[arg(long, value_name = "PATH")]
    pub(crate) till_socket: Option<PathBuf>,
    /// Where to listen for tills over HTTP, on this machine only; port 0 is any free one
    #[arg(long, value_name = "ADDRESS:PORT", requires = "till_key_file")]
    pub(crate) till_http: Option<String>,
    /// The pairing keys of tills over HTTP, one a line
    #[arg(long, value_name = "FILE", requires = "till_http")]
    pub(crate) till_key_file: Option<PathBuf>,
    /// A web page that may ask over HTTP, such as https://till.example; may be given more than once
    #[arg(long, value_name = "ORIGIN", requires = "till_http")]
    pub(crate) till_origin: Vec<String>,
    /// A serial line that gets a short code for each result: A0, N0, R1, U2 or F3; 9600 baud unless given
    #[arg(long, value_name = "PATH[,BAUD]")]
    pub(crate) till_serial: Option<SerialLine>,
}

impl TillFlags {
    /// Whether somebody beside standard output is told.
    pub(crate) const fn has_channels(&self) -> bool {
        self.till_socket.is_some() || self.till_http.is_some() || self.till_serial.is_some()
    }
}

/// What a line on standard output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stdout {
    /// The whole report
    Report,
    /// What a till is told
    Till,
}
