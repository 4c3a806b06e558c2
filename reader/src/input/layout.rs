//! From the keys of a scanner that is a keyboard to text. A key is a place and not a character: which characters were meant
//! depends on the layout that the scanner was set to, and nothing but the text can tell which that was. So it is read in
//! each of them, and the one that makes an engagement counts.

use std::time::{Duration, Instant};

use evdev::KeyCode as Key;

use super::line::{LineFault, MAX_LINE, PATIENCE};

/// How a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    Press,
    /// The system repeats a key that is held down, which no scanner means.
    Repeat,
    Release,
}

impl Move {
    /// From the value of an event.
    pub(super) const fn of(value: i32) -> Option<Self> {
        match value {
            0 => Some(Self::Release),
            1 => Some(Self::Press),
            2 => Some(Self::Repeat),
            _ => None,
        }
    }
}

/// What a keyboard of each layout would have typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Typed {
    pub(super) us: String,
    pub(super) jis: String,
}

/// A character key, and what was held beside it.
#[derive(Clone, Copy)]
struct Stroke {
    key: Key,
    is_shifted: bool,
    is_capital: bool,
}

/// What has been typed of a line so far.
#[derive(Default)]
pub(super) struct Keys {
    strokes: Vec<Stroke>,
    is_too_long: bool,
    /// Parts are missing: all of it goes, up to the end of the line.
    is_lost: bool,
    held: Vec<Key>,
    is_caps_lock_on: bool,
    touched: Option<Instant>,
}

/// What characters are typed with, held down.
const SHIFT: [Key; 2] = [Key::KEY_LEFTSHIFT, Key::KEY_RIGHTSHIFT];
const CONTROL: [Key; 2] = [Key::KEY_LEFTCTRL, Key::KEY_RIGHTCTRL];

impl Keys {
    /// Takes one move of a key: a line, where it ends one that is not empty.
    pub(super) fn event(&mut self, key: Key, moved: Move, now: Instant) -> Option<Result<Typed, LineFault>> {
        if SHIFT.contains(&key) || CONTROL.contains(&key) {
            self.held.retain(|held| *held != key);
            if moved != Move::Release {
                self.held.push(key);
            }
            return None;
        }
        if moved != Move::Press {
            return None;
        }
        if key == Key::KEY_CAPSLOCK {
            self.is_caps_lock_on = !self.is_caps_lock_on;
            return None;
        }
        let is_held = |keys: [Key; 2]| self.held.iter().any(|held| keys.contains(held));
        let is_control = is_held(CONTROL);
        let stroke = Stroke {
            key,
            is_shifted: is_held(SHIFT),
            is_capital: is_held(SHIFT) != self.is_caps_lock_on,
        };
        let ends = matches!(key, Key::KEY_ENTER | Key::KEY_KPENTER | Key::KEY_TAB)
            || is_control && matches!(key, Key::KEY_C | Key::KEY_D | Key::KEY_J | Key::KEY_M);
        if ends {
            return self.end();
        }
        if is_control {
            // Scanners type a control character (STX, GS) so. It is no part of a code.
            return None;
        }
        self.touched = Some(now);
        if self.strokes.len() < MAX_LINE {
            self.strokes.push(stroke);
        } else {
            self.is_too_long = true;
        }
        None
    }

    /// The system has dropped events. These keys are held.
    pub(super) fn lose(&mut self, held: impl Iterator<Item = Key>, now: Instant) {
        self.held = held
            .filter(|key| SHIFT.contains(key) || CONTROL.contains(key))
            .collect();
        self.is_lost = true;
        self.touched = Some(now);
    }

    /// Gives up a line to which nothing has been added for too long.
    pub(super) fn expire(&mut self, now: Instant) -> Option<LineFault> {
        let touched = self.touched?;
        if now.saturating_duration_since(touched) < PATIENCE {
            return None;
        }
        let fault = self.fault().unwrap_or(LineFault::Unfinished);
        self.clear();
        Some(fault)
    }

    /// How long to wait for more of a line that has begun.
    pub(super) fn patience(&self, now: Instant) -> Option<Duration> {
        let touched = self.touched?;
        Some(PATIENCE.saturating_sub(now.saturating_duration_since(touched)))
    }

    fn end(&mut self) -> Option<Result<Typed, LineFault>> {
        let fault = self.fault();
        let strokes = core::mem::take(&mut self.strokes);
        self.clear();
        match fault {
            Some(fault) => Some(Err(fault)),
            None if strokes.is_empty() => None,
            None => Some(Ok(Typed {
                us: strokes.iter().map(|stroke| stroke.character(us)).collect(),
                jis: strokes.iter().map(|stroke| stroke.character(jis)).collect(),
            })),
        }
    }

    const fn fault(&self) -> Option<LineFault> {
        if self.is_lost {
            Some(LineFault::Lost)
        } else if self.is_too_long {
            Some(LineFault::TooLong)
        } else {
            None
        }
    }

    /// What is held stays held.
    fn clear(&mut self) {
        self.strokes.clear();
        self.is_too_long = false;
        self.is_lost = false;
        self.touched = None;
    }
}

impl Stroke {
    /// What it means in a layout; a key that means nothing there leaves a mark that is in no code.
    fn character(&self, layout: fn(Key) -> Option<(char, char)>) -> char {
        const NONE: char = '\u{fffd}';
        if let Some(letter) = letter(self.key) {
            return match self.is_capital {
                true => letter.to_ascii_uppercase(),
                false => letter,
            };
        }
        match layout(self.key).or_else(|| everywhere(self.key)) {
            Some((plain, shifted)) => match self.is_shifted {
                true => shifted,
                false => plain,
            },
            None => NONE,
        }
    }
}

/// Letters are in the same places in both layouts.
const fn letter(key: Key) -> Option<char> {
    Some(match key {
        Key::KEY_A => 'a',
        Key::KEY_B => 'b',
        Key::KEY_C => 'c',
        Key::KEY_D => 'd',
        Key::KEY_E => 'e',
        Key::KEY_F => 'f',
        Key::KEY_G => 'g',
        Key::KEY_H => 'h',
        Key::KEY_I => 'i',
        Key::KEY_J => 'j',
        Key::KEY_K => 'k',
        Key::KEY_L => 'l',
        Key::KEY_M => 'm',
        Key::KEY_N => 'n',
        Key::KEY_O => 'o',
        Key::KEY_P => 'p',
        Key::KEY_Q => 'q',
        Key::KEY_R => 'r',
        Key::KEY_S => 's',
        Key::KEY_T => 't',
        Key::KEY_U => 'u',
        Key::KEY_V => 'v',
        Key::KEY_W => 'w',
        Key::KEY_X => 'x',
        Key::KEY_Y => 'y',
        Key::KEY_Z => 'z',
        _ => return None,
    })
}

/// Keys that mean the same in both layouts: what they type alone and with shift. The digits of the keypad know no shift.
const fn everywhere(key: Key) -> Option<(char, char)> {
    Some(match key {
        Key::KEY_1 => ('1', '!'),
        Key::KEY_3 => ('3', '#'),
        Key::KEY_4 => ('4', '$'),
        Key::KEY_5 => ('5', '%'),
        Key::KEY_COMMA => (',', '<'),
        Key::KEY_DOT => ('.', '>'),
        Key::KEY_SLASH => ('/', '?'),
        Key::KEY_SPACE => (' ', ' '),
        Key::KEY_KP0 => ('0', '0'),
        Key::KEY_KP1 => ('1', '1'),
        Key::KEY_KP2 => ('2', '2'),
        Key::KEY_KP3 => ('3', '3'),
        Key::KEY_KP4 => ('4', '4'),
        Key::KEY_KP5 => ('5', '5'),
        Key::KEY_KP6 => ('6', '6'),
        Key::KEY_KP7 => ('7', '7'),
        Key::KEY_KP8 => ('8', '8'),
        Key::KEY_KP9 => ('9', '9'),
        Key::KEY_KPMINUS => ('-', '-'),
        _ => return None,
    })
}

/// Where a US keyboard (ANSI INCITS 154) differs from a Japanese one.
const fn us(key: Key) -> Option<(char, char)> {
    Some(match key {
        Key::KEY_2 => ('2', '@'),
        Key::KEY_6 => ('6', '^'),
        Key::KEY_7 => ('7', '&'),
        Key::KEY_8 => ('8', '*'),
        Key::KEY_9 => ('9', '('),
        Key::KEY_0 => ('0', ')'),
        Key::KEY_MINUS => ('-', '_'),
        Key::KEY_EQUAL => ('=', '+'),
        Key::KEY_LEFTBRACE => ('[', '{'),
        Key::KEY_RIGHTBRACE => (']', '}'),
        Key::KEY_SEMICOLON => (';', ':'),
        Key::KEY_APOSTROPHE => ('\'', '"'),
        Key::KEY_GRAVE => ('`', '~'),
        Key::KEY_BACKSLASH => ('\\', '|'),
        _ => return None,
    })
}

/// Where a Japanese keyboard (JIS X 6002) differs from a US one. It has no character on shift and 0.
const fn jis(key: Key) -> Option<(char, char)> {
    Some(match key {
        Key::KEY_2 => ('2', '"'),
        Key::KEY_6 => ('6', '&'),
        Key::KEY_7 => ('7', '\''),
        Key::KEY_8 => ('8', '('),
        Key::KEY_9 => ('9', ')'),
        Key::KEY_0 => ('0', '\u{fffd}'),
        Key::KEY_MINUS => ('-', '='),
        Key::KEY_EQUAL => ('^', '~'),
        Key::KEY_LEFTBRACE => ('@', '`'),
        Key::KEY_RIGHTBRACE => ('[', '{'),
        Key::KEY_SEMICOLON => (';', '+'),
        Key::KEY_APOSTROPHE => (':', '*'),
        // The key between ] and Enter, which a US keyboard has above Enter.
        Key::KEY_BACKSLASH => (']', '}'),
        // The key beside the right shift, which a US keyboard has not.
        Key::KEY_RO => ('\\', '_'),
        Key::KEY_YEN => ('\\', '|'),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
