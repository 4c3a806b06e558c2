//! Options that need or exclude each other, found by asking clap about one and two at a time, so that all are told and
//! each with its line.

use std::path::Path;

use super::Fault;
use super::entries::Entry;
use super::options::Options;

/// What is wrong between the entries of a file. `given` are the names that the command line sets beside it; where there is
/// none, the file has to be whole by itself.
pub(super) fn faults(
    path: &Path,
    options: &Options,
    entries: &[Entry],
    given: Option<&[String]>,
) -> Vec<Fault> {
    let mut faults = at_odds(path, options, entries);
    let always = options.missing(&[]);
    let is_there = |name: &String| {
        name.split('|').any(|name| {
            let is_given = |given: &[String]| given.iter().any(|other| other == name);
            entries.iter().any(|entry| entry.name == name) || given.is_some_and(is_given)
        })
    };
    let key = |name: &String| name.replace('-', "_").replace('|', " or ");
    for entry in entries.iter().filter(|entry| !entry.arguments.is_empty()) {
        let missing = options.missing(&entry.arguments);
        for name in missing
            .iter()
            .filter(|name| !always.contains(name) && !is_there(name))
        {
            faults.push(Fault {
                path: path.to_owned(),
                line: Some(entry.line),
                key: Some(entry.key()),
                words: format!("needs {} too", key(name)),
            });
        }
    }
    if given.is_none() {
        for name in always.iter().filter(|name| !is_there(name)) {
            faults.push(Fault {
                path: path.to_owned(),
                line: None,
                key: Some(key(name)),
                words: "is missing".to_owned(),
            });
        }
    }
    faults
}

fn at_odds(path: &Path, options: &Options, entries: &[Entry]) -> Vec<Fault> {
    let all: Vec<String> = entries
        .iter()
        .flat_map(|entry| entry.arguments.iter().cloned())
        .collect();
    if !options.are_at_odds(&all) {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for (index, later) in entries.iter().enumerate() {
        for earlier in entries.iter().take(index) {
            let both = [earlier.arguments.as_slice(), later.arguments.as_slice()].concat();
            if options.are_at_odds(&both) {
                faults.push(Fault {
                    path: path.to_owned(),
                    line: Some(later.line),
                    key: Some(later.key()),
                    words: format!("cannot stand beside {} of line {}", earlier.key(), earlier.line),
                });
            }
        }
    }
    faults
}
