//! `inspect`: a view of a message or certificate for people. Shows and explains; verifies nothing.

mod certificate;
mod containers;
mod content;
mod der;
mod extension;
mod fault;
mod head;
mod kind;
mod node;
pub(crate) mod oids;
mod place;
mod profile;
mod scalar;
mod schema;
mod schema_response;
mod strict;
#[cfg(test)]
mod tests;
mod tree;
mod view;
mod walk;
mod words;

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::arguments::Inspect;
use crate::input;
use place::Settings;
use view::{Request, View};

/// Bytes of a file. More than any message; what is larger is no message.
const MAX_FILE: u64 = 64 * 1024 * 1024;
/// The content is malformed, or the product's decoders refuse it.
const MALFORMED: u8 = 1;

/// What keeps a file from being looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InspectError {
    /// The file cannot be read.
    #[error("cannot read {file}: {error}")]
    Read { file: String, error: io::Error },
    /// The file is too large.
    #[error("{0} is larger than {MAX_FILE} bytes")]
    TooLarge(String),
    /// `--at` is no instant.
    #[error("--at: {0}")]
    At(&'static str),
    /// Standard output is gone.
    #[error("{0}")]
    Output(io::Error),
}

/// Runs the command; its exit status.
pub(crate) fn run(arguments: &Inspect) -> Result<u8, InspectError> {
    let now = match &arguments.at {
        Some(at) => input::instant(at).map_err(InspectError::At)?,
        None => input::now(),
    };
    let request = Request {
        told: arguments.kind,
        max_lines: arguments.max_lines,
        settings: Settings {
            values: arguments.values,
            now,
        },
    };
    let view = View::of(read(&arguments.file)?, request);
    match print(&view) {
        // A pager that has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) => return Err(InspectError::Output(error)),
        Ok(()) => {}
    }
    Ok(if view.faults.is_empty() { 0 } else { MALFORMED })
}

fn print(view: &View) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in &view.lines {
        writeln!(out, "{line}")?;
    }
    out.flush()
}

fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>, InspectError> {
    let name = || file.display().to_string();
    let failed = |error| InspectError::Read { file: name(), error };
    let bytes = if file == Path::new("-") {
        read_bounded(io::stdin().lock())
    } else {
        File::open(file).and_then(read_bounded)
    };
    bytes
        .map_err(failed)?
        .ok_or_else(|| InspectError::TooLarge(name()))
}

/// The whole input; `None` for one that is too large. A pipe or a device tells no length beforehand.
fn read_bounded(input: impl Read) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    input.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    let fits = u64::try_from(bytes.len()).is_ok_and(|len| len <= MAX_FILE);
    Ok(fits.then_some(bytes))
}
