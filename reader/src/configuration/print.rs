//! The documented configuration file, made from clap's definition of the options.

use relying_party::purpose::READY_MADE;

use super::options::{Kind, Options, Setting};

/// Columns of the comments.
const COLUMNS: usize = 100;
/// The heading of options without one.
const GENERAL: &str = "What is asked and who judges";

/// Every option with its help and its default. Options with a default stand behind `#` alone; without their `#` they say
/// what holds anyway.
pub(crate) fn documented() -> String {
    let options = Options::of_serve();
    let mut text = String::new();
    comment(
        &mut text,
        "The configuration of `reader serve --config FILE`. Every option of the command line may stand here under its name, \
         with _ in the place of -; what the command line says wins. Lines that begin with # are not read. Paths are those of \
         the command line: one that does not begin with / is looked for where the program is started. Keys and passwords do \
         not stand here, only the files that hold them. `reader --check-config FILE` says what is wrong with a file.",
    );
    let mut headings: Vec<&str> = Vec::new();
    for setting in options.settings() {
        let heading = setting.heading().unwrap_or(GENERAL);
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    for heading in headings {
        text += &format!("\n## {heading}\n");
        let is_here = |setting: &Setting<'_>| setting.heading().unwrap_or(GENERAL) == heading;
        options
            .settings()
            .filter(is_here)
            .for_each(|setting| describe(&mut text, setting));
    }
    text
}

fn describe(text: &mut String, setting: Setting<'_>) {
    text.push('\n');
    comment(text, &setting.help());
    let words = setting.words();
    for (word, meaning) in words {
        comment(text, &format!("- {word}: {meaning}"));
    }
    let key = setting.key();
    if setting.is_required() {
        comment(text, "Has to be set.");
        // The one that has to be there is there, so that the file can be used as it is.
        let value = if setting.name() == "purpose" {
            READY_MADE.first().map_or("", |(id, _)| *id)
        } else {
            setting.value_name()
        };
        *text += &format!("{key} = {}\n", quoted(value));
        return;
    }
    match setting.default() {
        Some(value) if setting.kind() == Kind::Text => *text += &format!("#{key} = {}\n", quoted(&value)),
        Some(value) => *text += &format!("#{key} = {value}\n"),
        None => {
            comment(text, "No default.");
            *text += &format!("#{key} = {}\n", example(setting));
        }
    }
}

/// The form of a value that has no default.
fn example(setting: Setting<'_>) -> String {
    let name = setting.value_name();
    match setting.kind() {
        Kind::Text if setting.is_list() => format!("[{}]", quoted(name)),
        Kind::Text => quoted(name),
        Kind::Whole | Kind::Flag => name.to_owned(),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// Words behind `#`, broken into lines.
fn comment(text: &mut String, words: &str) {
    let mut line = "#".to_owned();
    for word in words.split_whitespace() {
        if line.len() > 1 && line.len() + 1 + word.len() > COLUMNS {
            *text += &line;
            text.push('\n');
            "#".clone_into(&mut line);
        }
        line.push(' ');
        line += word;
    }
    *text += &line;
    text.push('\n');
}
