//! The options of `reader serve`, as clap defines them.

use std::any::TypeId;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, CommandFactory as _};

use crate::arguments::Arguments;

/// How alike a key has to be to be suggested, from 0 to 1.
const ALIKE: f64 = 0.7;

/// What a value has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// On or off.
    Flag,
    /// A whole number.
    Whole,
    /// Text: a path, an address, a word.
    Text,
}

/// One option.
#[derive(Clone, Copy)]
pub(super) struct Setting<'c>(&'c Arg);

impl<'c> Setting<'c> {
    /// The long name, without its dashes.
    pub(super) fn name(self) -> &'c str {
        self.0.get_long().unwrap_or_default()
    }

    /// The name in the file.
    pub(super) fn key(self) -> String {
        self.name().replace('-', "_")
    }

    pub(super) fn kind(self) -> Kind {
        let parsed = self.0.get_value_parser().type_id();
        match self.0.get_action() {
            ArgAction::SetTrue => Kind::Flag,
            _ if self.is_unsigned() || parsed == TypeId::of::<i64>() => Kind::Whole,
            _ => Kind::Text,
        }
    }

    pub(super) fn is_unsigned(self) -> bool {
        let parsed = self.0.get_value_parser().type_id();
        let unsigned = [
            TypeId::of::<u8>(),
            TypeId::of::<u16>(),
            TypeId::of::<u32>(),
            TypeId::of::<u64>(),
            TypeId::of::<usize>(),
        ];
        unsigned.iter().any(|kind| parsed == *kind)
    }

    /// Whether it may be given several times, and so as a list.
    pub(super) fn is_list(self) -> bool {
        matches!(self.0.get_action(), ArgAction::Append)
    }

    pub(super) fn is_required(self) -> bool {
        self.0.is_required_set()
    }

    /// The value without which nothing changes; none where there is no such value.
    pub(super) fn default(self) -> Option<String> {
        if self.kind() == Kind::Flag {
            return Some("false".to_owned());
        }
        match self.0.get_default_values() {
            [value] => Some(value.to_string_lossy().into_owned()),
            _ => None,
        }
    }

    pub(super) fn heading(self) -> Option<&'c str> {
        self.0.get_help_heading()
    }

    pub(super) fn help(self) -> String {
        let help = self.0.get_long_help().or_else(|| self.0.get_help());
        help.map(ToString::to_string).unwrap_or_default()
    }

    /// What stands for the value in the help.
    pub(super) fn value_name(self) -> &'c str {
        let names = self.0.get_value_names().unwrap_or_default();
        names.first().map_or("", |name| name.as_str())
    }

    /// The words that may stand there, each with its meaning; empty where anything may.
    pub(super) fn words(self) -> Vec<(String, String)> {
        if self.kind() != Kind::Text {
            return Vec::new();
        }
        let possible = self.0.get_possible_values().into_iter();
        let meaning = |word: &clap::builder::PossibleValue| {
            word.get_help().map(ToString::to_string).unwrap_or_default()
        };
        possible
            .map(|word| (word.get_name().to_owned(), meaning(&word)))
            .collect()
    }
}

/// All of them.
pub(super) struct Options {
    command: Command,
}

impl Options {
    pub(super) fn of_serve() -> Self {
        let mut all = Arguments::command();
        all.build();
        let serve = all.find_subcommand("serve").cloned().unwrap_or_default();
        Self {
            command: serve.no_binary_name(true),
        }
    }

    /// Every option that may stand in a file, in the order of the help: all but the one that names the file.
    pub(super) fn settings(&self) -> impl Iterator<Item = Setting<'_>> {
        let settable = self.command.get_arguments().filter(|argument| {
            let is_set = matches!(
                argument.get_action(),
                ArgAction::Set | ArgAction::Append | ArgAction::SetTrue
            );
            is_set && argument.get_long().is_some_and(|long| long != "config")
        });
        settable.map(Setting)
    }

    /// The option of this key.
    pub(super) fn find(&self, key: &str) -> Option<Setting<'_>> {
        self.settings().find(|setting| setting.key() == key)
    }

    /// The key that is most like this one, if one is.
    pub(super) fn nearest(&self, key: &str) -> Option<String> {
        let alike = |setting: &Setting<'_>| strsim::jaro_winkler(&setting.key(), key);
        let nearest = self
            .settings()
            .max_by(|one, other| alike(one).total_cmp(&alike(other)))?;
        (alike(&nearest) > ALIKE).then(|| nearest.key())
    }

    /// What clap says to these arguments alone.
    pub(super) fn parse(&self, arguments: &[String]) -> Result<(), clap::Error> {
        self.command.clone().try_get_matches_from(arguments).map(|_| ())
    }

    /// Why a value cannot be, by itself: other options may be missing or at odds with it.
    pub(super) fn value_fault(&self, arguments: &[String]) -> Option<String> {
        let error = self.parse(arguments).err()?;
        match error.kind() {
            ErrorKind::MissingRequiredArgument | ErrorKind::ArgumentConflict => None,
            ErrorKind::InvalidValue => Some(match error.get(ContextKind::ValidValue) {
                Some(ContextValue::Strings(words)) if !words.is_empty() => {
                    format!("must be one of {}", words.join(", "))
                }
                _ => "is no value for this option".to_owned(),
            }),
            _ => Some(match std::error::Error::source(&error) {
                Some(cause) => cause.to_string(),
                None => first_line(&error),
            }),
        }
    }

    /// The names of options that these arguments need and do not have; between alternatives stands a `|`.
    pub(super) fn missing(&self, arguments: &[String]) -> Vec<String> {
        let Err(error) = self.parse(arguments) else {
            return Vec::new();
        };
        if error.kind() != ErrorKind::MissingRequiredArgument {
            return Vec::new();
        }
        let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg) else {
            return Vec::new();
        };
        let name = |argument: &String| {
            // Of a group one is enough: `<--one <X>|--other <Y>>`.
            let one_of = argument.trim_start_matches('<').strip_prefix("--")?.split("|--");
            let names: Vec<&str> = one_of
                .filter_map(|one| one.split([' ', '=', '>']).next())
                .collect();
            Some(names.join("|"))
        };
        missing.iter().filter_map(name).collect()
    }

    /// Whether clap refuses these arguments beside each other.
    pub(super) fn are_at_odds(&self, arguments: &[String]) -> bool {
        let error = self.parse(arguments).err();
        error.is_some_and(|error| error.kind() == ErrorKind::ArgumentConflict)
    }
}

/// What an error of clap says in its first line.
pub(super) fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}
