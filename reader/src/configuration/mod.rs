//! The configuration file of `reader serve`.
//!
//! A file is not judged by rules of its own. [`entries`] translates it into arguments, and clap judges those as it judges
//! the command line ([`options`], [`relations`]); [`named`] tries to load what they name; [`print`] writes the documented
//! file from clap's own definition. So no option can be on the command line and not here.

mod entries;
mod named;
mod options;
mod print;
mod relations;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Command};
use entries::Entry;

pub(crate) use named::faults as named_faults;
use options::Options;
pub(crate) use print::documented;

/// The option that names the file.
const CONFIG: &str = "--config";
/// The commands that take it.
const COMMANDS: [&str; 2] = ["serve", "doctor"];

/// Something wrong with a configuration file. Never says what stands there as a value, unless it is one word of a list or
/// a number: it may be a secret in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    path: PathBuf,
    /// From 1; none where it is the whole file.
    line: Option<usize>,
    /// The key that it is about.
    key: Option<String>,
    words: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        if let Some(key) = &self.key {
            write!(f, " {key}:")?;
        }
        write!(f, " {}", self.words)
    }
}

/// The arguments of the process with those of the file that they name put before them, so that one parser judges both.
/// What the command line sets is left out of the file's. Without `--config` they are returned as they are.
///
/// # Errors
/// Everything that is wrong with the file.
pub(crate) fn with_file(arguments: Vec<OsString>) -> Result<Vec<OsString>, Vec<Fault>> {
    let Some(path) = named_file(&arguments) else {
        return Ok(arguments);
    };
    let options = Options::of_serve();
    let given = given_names(&arguments);
    let (read, mut faults) = entries::read(&path, &options);
    // What the command line sets need not fit to the rest of the file.
    let read: Vec<Entry> = read
        .into_iter()
        .filter(|entry| !given.contains(&entry.name))
        .collect();
    if !is_unreadable(&faults) {
        faults.extend(relations::faults(&path, &options, &read, Some(&given)));
    }
    if !faults.is_empty() {
        return Err(in_order(faults));
    }
    let mut merged = arguments;
    let from_file = read.iter().flat_map(|entry| &entry.arguments).map(OsString::from);
    merged.splice(2..2, from_file);
    Ok(merged)
}

/// Everything that is wrong with a file and with what it names.
pub(crate) fn faults(path: &Path) -> Vec<Fault> {
    let options = Options::of_serve();
    let (read, mut faults) = entries::read(path, &options);
    if !is_unreadable(&faults) {
        faults.extend(relations::faults(path, &options, &read, None));
    }
    if !faults.is_empty() {
        return in_order(faults);
    }
    let from_file = read.iter().flat_map(|entry| entry.arguments.iter().cloned());
    let parsed = ["reader", "serve"]
        .map(str::to_owned)
        .into_iter()
        .chain(from_file);
    match Arguments::try_parse_from(parsed).map(|arguments| arguments.command) {
        Ok(Some(Command::Serve(serve))) => {
            let faults = named::faults(&serve).into_iter().map(|(key, words)| Fault {
                path: path.to_owned(),
                line: read
                    .iter()
                    .find(|entry| entry.key() == key)
                    .map(|entry| entry.line),
                key: Some(key.to_owned()),
                words,
            });
            in_order(faults.collect())
        }
        // A relation that the search for single ones does not know.
        Err(error) => vec![Fault {
            path: path.to_owned(),
            line: None,
            key: None,
            words: options::first_line(&error),
        }],
        Ok(_) => Vec::new(),
    }
}

/// `reader --check-config FILE`.
pub(crate) fn check(path: &Path) -> ExitCode {
    let faults = faults(path);
    if faults.is_empty() {
        crate::print(&format!("{}: nothing is wrong\n", path.display()));
        return ExitCode::SUCCESS;
    }
    refuse(&faults)
}

/// Says what is wrong: the exit status of wrong usage.
pub(crate) fn refuse(faults: &[Fault]) -> ExitCode {
    for fault in faults {
        crate::say(&fault.to_string());
    }
    ExitCode::from(crate::USAGE)
}

/// Whether nothing at all could be read.
fn is_unreadable(faults: &[Fault]) -> bool {
    faults
        .iter()
        .any(|fault| fault.line.is_none() && fault.key.is_none())
}

fn in_order(mut faults: Vec<Fault>) -> Vec<Fault> {
    // Stable: faults of one line stay in the order in which they were found.
    faults.sort_by_key(|fault| fault.line.unwrap_or(usize::MAX));
    faults
}

/// The file that the arguments name, where they do it once and ask for no help. Everything else is clap's to refuse.
pub(crate) fn named_file(arguments: &[OsString]) -> Option<PathBuf> {
    let command = arguments.get(1)?.to_str()?;
    let options = until_end(arguments);
    let wants_help = options
        .iter()
        .any(|argument| *argument == "--help" || *argument == "-h");
    if !COMMANDS.contains(&command) || wants_help {
        return None;
    }
    let mut files = Vec::new();
    let mut options = options.iter();
    while let Some(argument) = options.next() {
        if *argument == CONFIG {
            files.push(PathBuf::from(options.next()?));
        } else if let Some(file) = after_equals(argument) {
            files.push(file);
        }
    }
    match files.as_slice() {
        [file] => Some(file.clone()),
        _ => None,
    }
}

/// `FILE` of `--config=FILE`.
fn after_equals(argument: &OsString) -> Option<PathBuf> {
    // A path that is not Unicode is given as an argument of its own.
    let text = argument.to_str()?;
    let file = text.strip_prefix(CONFIG)?.strip_prefix('=')?;
    Some(PathBuf::from(file))
}

/// The long names that the command line sets itself. No option has a short name, and a value never begins with `--`.
fn given_names(arguments: &[OsString]) -> Vec<String> {
    let names = until_end(arguments).iter().filter_map(|argument| {
        let text = argument.to_string_lossy();
        let name = text.strip_prefix("--")?.split('=').next()?.to_owned();
        Some(name)
    });
    names.collect()
}

/// The arguments behind the command and before `--`.
fn until_end(arguments: &[OsString]) -> &[OsString] {
    let rest = arguments.get(2..).unwrap_or_default();
    rest.split(|argument| *argument == "--")
        .next()
        .unwrap_or_default()
}
