//! A configuration file, key by key, as arguments.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Fault;
use super::options::{Kind, Options, Setting};

/// Bytes of a configuration file.
const MAX_FILE: u64 = 1024 * 1024;
/// Values of a list.
const MAX_LIST: usize = 64;

/// One key of a file that clap takes by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// From 1.
    pub(super) line: usize,
    /// The long name of the option.
    pub(super) name: String,
    /// Empty where the value is the default: then it is as if the key were not there.
    pub(super) arguments: Vec<String>,
}

impl Entry {
    /// The name in the file.
    pub(super) fn key(&self) -> String {
        self.name.replace('-', "_")
    }
}

/// Reads a file: the keys that hold by themselves, and what is wrong with the others.
pub(super) fn read(path: &Path, options: &Options) -> (Vec<Entry>, Vec<Fault>) {
    let whole = |words: String| Fault {
        path: path.to_owned(),
        line: None,
        key: None,
        words,
    };
    let bytes = match operator::read_file(path, MAX_FILE) {
        Ok(bytes) => bytes,
        Err(operator::OperatorError::Read { error, .. }) => {
            return (Vec::new(), vec![whole(format!("cannot be read: {error}"))]);
        }
        Err(_) => {
            return (
                Vec::new(),
                vec![whole(format!("is larger than {MAX_FILE} bytes"))],
            );
        }
    };
    let Ok(text) = String::from_utf8(bytes) else {
        return (Vec::new(), vec![whole("is not UTF-8 text".to_owned())]);
    };
    let line_of = |place: usize| {
        let before = text.as_bytes().get(..place).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    };
    let (table, errors) = DeTable::parse_recoverable(&text);
    // The message alone: the rest of the error shows the line, and with it what stands there.
    let mut faults: Vec<Fault> = errors
        .iter()
        .map(|error| Fault {
            line: error.span().map(|span| line_of(span.start)),
            ..whole(error.message().to_owned())
        })
        .collect();
    let mut entries = Vec::new();
    for (key, value) in table.get_ref() {
        let line = line_of(key.span().start);
        // A line that cannot be read has been told of.
        if faults
            .iter()
            .any(|fault| fault.key.is_none() && fault.line == Some(line))
        {
            continue;
        }
        match entry(options, key.get_ref(), value) {
            Ok((name, arguments)) => entries.push(Entry {
                line,
                name,
                arguments,
            }),
            Err(words) => faults.push(Fault {
                path: path.to_owned(),
                line: Some(line),
                key: Some(key.get_ref().escape_debug().collect()),
                words,
            }),
        }
    }
    entries.sort_by_key(|entry| entry.line);
    (entries, faults)
}

/// The long name and the arguments of one key.
fn entry(
    options: &Options,
    key: &str,
    value: &Spanned<DeValue<'_>>,
) -> Result<(String, Vec<String>), String> {
    let Some(setting) = options.find(key) else {
        return Err(unknown(options, key, value.get_ref()));
    };
    let values = match value.get_ref() {
        DeValue::Array(values) if setting.is_list() => {
            if values.len() > MAX_LIST {
                return Err(format!("has more than {MAX_LIST} values"));
            }
            let values = values.iter().map(|value| plain(setting, value.get_ref()));
            values.collect::<Result<Vec<String>, String>>()?
        }
        value => vec![plain(setting, value)?],
    };
    let name = setting.name();
    let is_default = matches!(values.as_slice(), [value] if setting.default().as_ref() == Some(value));
    let arguments: Vec<String> = values
        .iter()
        .filter(|_| !is_default)
        .map(|value| match setting.kind() {
            Kind::Flag => format!("--{name}"),
            _ => format!("--{name}={value}"),
        })
        .collect();
    match options.value_fault(&arguments) {
        Some(words) => Err(words),
        None => Ok((name.to_owned(), arguments)),
    }
}

/// A value in the words of the command line.
fn plain(setting: Setting<'_>, value: &DeValue<'_>) -> Result<String, String> {
    match (setting.kind(), value) {
        (Kind::Flag, DeValue::Boolean(value)) => Ok(value.to_string()),
        (Kind::Whole, DeValue::Integer(value)) => match i128::from_str_radix(value.as_str(), value.radix()) {
            Ok(..0) if setting.is_unsigned() => Err("must not be less than 0".to_owned()),
            Ok(value) => Ok(value.to_string()),
            Err(_) => Err("is no number that fits".to_owned()),
        },
        (Kind::Text, DeValue::String(text)) if text.is_empty() => Err("is empty".to_owned()),
        (Kind::Text, DeValue::String(text)) if text.contains(char::is_control) => {
            Err("has a line break or another control character in it".to_owned())
        }
        (Kind::Text, DeValue::String(text)) => Ok(text.clone().into_owned()),
        (kind, value) => {
            let wanted = match kind {
                Kind::Flag => "true or false",
                Kind::Whole => "a whole number without quotes",
                Kind::Text if setting.is_list() => "text in quotes, or a list of such",
                Kind::Text => "text in quotes",
            };
            Err(format!("must be {wanted}, not {}", kind_of(value)))
        }
    }
}

fn unknown(options: &Options, key: &str, value: &DeValue<'_>) -> String {
    if key == "config" {
        return "a configuration file names no other".to_owned();
    }
    if value.is_table() {
        return "there are no sections; write every option at the top level".to_owned();
    }
    let suggestion = options
        .nearest(key)
        .map(|nearest| format!("; did you mean {nearest}?"))
        .unwrap_or_default();
    format!("there is no such option{suggestion}")
}

const fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}
