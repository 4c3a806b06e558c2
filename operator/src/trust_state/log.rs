//! The log of changes: one line of JSON each, only ever appended to, so that the file may be made
//! append-only for the system too.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use super::TrustRecord;
use crate::OperatorError;

/// Bytes at the end of the log that are looked at.
const TAIL_BYTES: u64 = 256 * 1024;

/// The changes in the last part of the log, the earliest first. A line that was not written to its
/// end because the machine stopped is passed over: its change was written again after it.
pub(super) fn tail(path: &Path) -> Result<Vec<TrustRecord>, OperatorError> {
    let read = |error| OperatorError::Read {
        path: path.to_owned(),
        error,
    };
    let bytes = match last_bytes(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(read(error)),
    };
    let lines = bytes.split(|byte| *byte == b'\n');
    Ok(lines
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect())
}

/// The number of the last change that stands in the log; 0 where there is none.
pub(super) fn last_number(path: &Path) -> Result<u64, OperatorError> {
    Ok(tail(path)?.last().map_or(0, |record| record.number))
}

/// Whether the log can be opened to be appended to. It is made where it is not there.
pub(super) fn check_writable(path: &Path) -> Result<(), OperatorError> {
    let opened = OpenOptions::new().append(true).create(true).open(path);
    opened.map(drop).map_err(|error| OperatorError::Write {
        path: path.to_owned(),
        error,
    })
}

/// Appends a change and has it on the disk.
pub(super) fn append(path: &Path, record: &TrustRecord) -> Result<(), OperatorError> {
    let write = |error| OperatorError::Write {
        path: path.to_owned(),
        error,
    };
    let mut line = super::to_json(record);
    line.push(b'\n');
    let ends_in_a_line = match last_bytes(path) {
        Ok(bytes) => bytes.last().is_none_or(|last| *last == b'\n'),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(write(error)),
    };
    if !ends_in_a_line {
        line.insert(0, b'\n');
    }
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .map_err(write)?;
    file.write_all(&line).map_err(write)?;
    file.sync_all().map_err(write)
}

fn last_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}
