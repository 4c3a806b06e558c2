//! Lines under a budget, and the faults that stand among them.

use super::fault::{Fault, Located};

/// Characters of one line: what a place nested deep adds in indentation stays bounded too.
const LINE_CHARACTERS: usize = 400;
/// Faults that are kept; more of them say nothing new.
const KEPT_FAULTS: usize = 100;

/// Why a view ends before its content does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The budget of lines is spent.
    Full,
    /// A fault after which the bytes cannot be read on.
    Broken,
}

/// What has been shown so far.
pub(super) struct Tree {
    lines: Vec<String>,
    max_lines: usize,
    full: bool,
    hidden: bool,
    faults: Vec<Located>,
    uncounted: usize,
}

impl Tree {
    pub(super) const fn new(max_lines: usize) -> Self {
        Self {
            lines: Vec::new(),
            max_lines,
            full: false,
            hidden: false,
            faults: Vec::new(),
            uncounted: 0,
        }
    }

    /// One line of the tree: an item, with the offset of its first byte.
    pub(super) fn line(&mut self, offset: usize, depth: usize, text: &str) -> Result<(), Stop> {
        self.push(format!("{offset:>7}  {:1$}{text}", "", depth * 2))
    }

    /// A line that stands for no bytes of its own.
    pub(super) fn remark(&mut self, depth: usize, text: &str) -> Result<(), Stop> {
        self.push(format!("{:7}  {:2$}{text}", "", "", depth * 2))
    }

    /// A fault, in its place and in the list.
    pub(super) fn fault(&mut self, offset: usize, depth: usize, fault: Fault) -> Result<(), Stop> {
        let located = Located {
            offset: Some(offset),
            fault,
        };
        // The strict decoder and the view find many a fault both.
        if self.faults.contains(&located) {
            return Ok(());
        }
        let text = format!("! {}", located.fault);
        self.note(located);
        self.line(offset, depth, &text)
    }

    /// Remembers that something was not shown.
    pub(super) const fn hide(&mut self) {
        self.hidden = true;
    }

    /// A fault without a place in the tree.
    pub(super) fn note(&mut self, located: Located) {
        if self.faults.len() < KEPT_FAULTS {
            self.faults.push(located);
        } else {
            self.uncounted += 1;
        }
    }

    fn push(&mut self, mut line: String) -> Result<(), Stop> {
        if self.lines.len() >= self.max_lines {
            self.full = true;
            return Err(Stop::Full);
        }
        if let Some((cut, _)) = line.char_indices().nth(LINE_CHARACTERS) {
            line.truncate(cut);
            line.push('…');
        }
        self.lines.push(line.trim_end().to_owned());
        Ok(())
    }

    /// What there is to report.
    pub(super) fn finish(self) -> Finished {
        Finished {
            lines: self.lines,
            full: self.full,
            hidden: self.hidden,
            faults: self.faults,
            more_faults: self.uncounted,
        }
    }
}

/// A tree that nothing is added to any more.
pub(super) struct Finished {
    pub(super) lines: Vec<String>,
    /// The budget cut it short.
    pub(super) full: bool,
    /// Something in it was not shown.
    pub(super) hidden: bool,
    pub(super) faults: Vec<Located>,
    /// Faults beyond those that were kept.
    pub(super) more_faults: usize,
}
