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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::input::code::{Case, CodeFault, tests::code};
    use crate::input::device::any_of;

    /// How a scanner of each layout types what a code is made of besides letters and digits. Written down from pictures of
    /// keyboards, and not from the tables above.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Layout {
        Us,
        Jis,
    }

    fn keys_of(character: char, layout: Layout) -> (Key, bool) {
        let digits = [
            Key::KEY_0,
            Key::KEY_1,
            Key::KEY_2,
            Key::KEY_3,
            Key::KEY_4,
            Key::KEY_5,
            Key::KEY_6,
            Key::KEY_7,
            Key::KEY_8,
            Key::KEY_9,
        ];
        let letters = [
            Key::KEY_A,
            Key::KEY_B,
            Key::KEY_C,
            Key::KEY_D,
            Key::KEY_E,
            Key::KEY_F,
            Key::KEY_G,
            Key::KEY_H,
            Key::KEY_I,
            Key::KEY_J,
            Key::KEY_K,
            Key::KEY_L,
            Key::KEY_M,
            Key::KEY_N,
            Key::KEY_O,
            Key::KEY_P,
            Key::KEY_Q,
            Key::KEY_R,
            Key::KEY_S,
            Key::KEY_T,
            Key::KEY_U,
            Key::KEY_V,
            Key::KEY_W,
            Key::KEY_X,
            Key::KEY_Y,
            Key::KEY_Z,
        ];
        match (character, layout) {
            ('0'..='9', _) => (
                digits[usize::try_from(character.to_digit(10).unwrap()).unwrap()],
                false,
            ),
            ('a'..='z', _) => (
                letters[usize::from(u8::try_from(character).unwrap() - b'a')],
                false,
            ),
            ('A'..='Z', _) => (
                letters[usize::from(u8::try_from(character).unwrap() - b'A')],
                true,
            ),
            ('-', _) => (Key::KEY_MINUS, false),
            (':', Layout::Us) => (Key::KEY_SEMICOLON, true),
            (':', Layout::Jis) => (Key::KEY_APOSTROPHE, false),
            ('_', Layout::Us) => (Key::KEY_MINUS, true),
            ('_', Layout::Jis) => (Key::KEY_RO, true),
            (']', Layout::Us) => (Key::KEY_RIGHTBRACE, false),
            (']', Layout::Jis) => (Key::KEY_BACKSLASH, false),
            _ => panic!("not in a code"),
        }
    }

    /// The moves of a scanner that types this.
    fn moves(text: &str, layout: Layout) -> Vec<(Key, Move)> {
        let mut moves = Vec::new();
        for character in text.chars() {
            let (key, is_shifted) = keys_of(character, layout);
            if is_shifted {
                moves.push((Key::KEY_LEFTSHIFT, Move::Press));
            }
            moves.extend([(key, Move::Press), (key, Move::Release)]);
            if is_shifted {
                moves.push((Key::KEY_LEFTSHIFT, Move::Release));
            }
        }
        moves
    }

    fn tap(key: Key) -> [(Key, Move); 2] {
        [(key, Move::Press), (key, Move::Release)]
    }

    fn typed(keys: &mut Keys, moves: impl IntoIterator<Item = (Key, Move)>) -> Vec<Result<Typed, LineFault>> {
        let now = Instant::now();
        moves
            .into_iter()
            .filter_map(|(key, moved)| keys.event(key, moved, now))
            .collect()
    }

    /// What comes of moves and the Enter behind them.
    fn came(moves: impl IntoIterator<Item = (Key, Move)>) -> Result<String, CodeFault> {
        let mut lines = typed(&mut Keys::default(), moves.into_iter().chain(tap(Key::KEY_ENTER)));
        let typed = lines.pop().unwrap().unwrap();
        assert_eq!(lines, []);
        any_of([&typed.us, &typed.jis])
    }

    /// A code with `-` and `_` in it.
    fn telling() -> String {
        let code = code(&(0..=254).collect::<Vec<u8>>());
        assert!(code.contains('-') && code.contains('_'), "{code}");
        code
    }

    #[test]
    fn the_layout_of_the_scanner_is_found_by_what_it_types() {
        let code = telling();
        for layout in [Layout::Us, Layout::Jis] {
            assert_eq!(came(moves(&code, layout)), Ok(code.clone()), "{layout:?}");
            assert_eq!(
                came(moves(&format!("]Q3{code}"), layout)),
                Ok(code.clone()),
                "{layout:?}"
            );
        }
        // Read in the one layout, what was typed in the other is no code.
        let mut lines = typed(
            &mut Keys::default(),
            moves(&code, Layout::Jis).into_iter().chain(tap(Key::KEY_ENTER)),
        );
        let in_both = lines.pop().unwrap().unwrap();
        assert_eq!(in_both.jis, code);
        assert!(any_of([&in_both.us, &in_both.us]).is_err());
        assert!(in_both.us.starts_with("mdoc'"), "{}", in_both.us);
        let mut lines = typed(
            &mut Keys::default(),
            moves(&code, Layout::Us).into_iter().chain(tap(Key::KEY_ENTER)),
        );
        let in_both = lines.pop().unwrap().unwrap();
        assert_eq!(in_both.us, code);
        assert!(any_of([&in_both.jis, &in_both.jis]).is_err());
        assert!(in_both.jis.starts_with("mdoc+"), "{}", in_both.jis);
    }

    #[test]
    fn characters_that_no_layout_has_or_that_are_missing_make_no_code() {
        let code = telling();
        let scheme = Err(CodeFault::Engagement(mdoc::engagement::EngagementError::Scheme));
        let alphabet =
            mdoc::engagement::EngagementError::Base64url(mdoc::engagement::Base64urlError::Alphabet);
        let jis = moves(&code, Layout::Jis);
        // The other key for : in the midst of a text in JIS, and the one for _ in one in US.
        let mixed = |from: Layout, other: Key| {
            let mut moves = moves(&code, from);
            let at = moves.len() - 2;
            moves.splice(at..at, tap(other));
            came(moves)
        };
        assert_eq!(
            mixed(Layout::Us, Key::KEY_RO),
            Err(CodeFault::Engagement(alphabet))
        );
        assert_eq!(
            mixed(Layout::Jis, Key::KEY_GRAVE),
            Err(CodeFault::Engagement(alphabet))
        );
        assert_eq!(
            mixed(Layout::Us, Key::KEY_F1),
            Err(CodeFault::Engagement(alphabet))
        );
        assert_eq!(
            came(jis.iter().copied().filter(|(key, _)| *key != Key::KEY_APOSTROPHE)),
            scheme
        );
        assert_eq!(came(tap(Key::KEY_4).into_iter().chain(tap(Key::KEY_KP9))), scheme);
        assert_eq!(came(jis), Ok(code));
    }

    #[test]
    fn letters_of_one_case_are_refused_in_either_layout() {
        for layout in [Layout::Us, Layout::Jis] {
            let upper = moves(&telling().to_uppercase(), layout);
            assert_eq!(came(upper), Err(CodeFault::CaseFolded(Case::Upper)), "{layout:?}");
            let lower = moves(&telling().to_lowercase(), layout);
            assert_eq!(came(lower), Err(CodeFault::CaseFolded(Case::Lower)), "{layout:?}");
            assert_eq!(came(moves(&telling(), layout)), Ok(telling()));
        }
    }

    #[test]
    fn caps_lock_and_shift_undo_each_other_and_caps_lock_alone_is_undone() {
        let code = telling();
        let mut keys = Keys::default();
        // Pressed for the whole text, which the scanner does not know; then again.
        for _ in 0..2 {
            let all = tap(Key::KEY_CAPSLOCK)
                .into_iter()
                .chain(moves(&code, Layout::Jis))
                .chain(tap(Key::KEY_ENTER));
            let typed = typed(&mut keys, all).pop().unwrap().unwrap();
            assert_eq!(any_of([&typed.us, &typed.jis]), Ok(code.clone()));
        }
        // A scanner that writes capitals with caps lock, and all else with shift.
        let mut all = Vec::new();
        for character in code.chars() {
            match character.is_ascii_uppercase() {
                true => {
                    all.extend(tap(Key::KEY_CAPSLOCK));
                    all.extend(moves(&character.to_ascii_lowercase().to_string(), Layout::Us));
                    all.extend(tap(Key::KEY_CAPSLOCK));
                }
                false => all.extend(moves(&character.to_string(), Layout::Us)),
            }
        }
        assert_eq!(came(all), Ok(code));
    }

    #[test]
    fn repeats_releases_and_control_characters_type_nothing() {
        let code = telling();
        let mut all = vec![(Key::KEY_LEFTCTRL, Move::Press)];
        all.extend(tap(Key::KEY_B));
        all.push((Key::KEY_LEFTCTRL, Move::Release));
        for (key, moved) in moves(&code, Layout::Us) {
            all.push((key, moved));
            if moved == Move::Press {
                all.push((key, Move::Repeat));
                all.push((key, Move::Repeat));
            }
        }
        assert_eq!(came(all), Ok(code));
    }

    #[test]
    fn a_line_ends_with_enter_tab_or_a_control_character() {
        let control = |key| {
            [
                (Key::KEY_RIGHTCTRL, Move::Press),
                (key, Move::Press),
                (key, Move::Release),
                (Key::KEY_RIGHTCTRL, Move::Release),
            ]
        };
        let mut keys = Keys::default();
        let mut all: Vec<(Key, Move)> = Vec::new();
        for end in [Key::KEY_ENTER, Key::KEY_KPENTER, Key::KEY_TAB] {
            all.extend(tap(Key::KEY_X));
            all.extend(tap(end));
            // An empty line is none.
            all.extend(tap(end));
        }
        for end in [Key::KEY_M, Key::KEY_J, Key::KEY_C, Key::KEY_D] {
            all.extend(tap(Key::KEY_X));
            all.extend(control(end));
        }
        all.extend(moves("mjcd", Layout::Us));
        all.extend(tap(Key::KEY_ENTER));
        let lines: Vec<String> = typed(&mut keys, all)
            .into_iter()
            .map(|line| line.unwrap().us)
            .collect();
        assert_eq!(lines, ["x", "x", "x", "x", "x", "x", "x", "mjcd"]);
    }

    #[test]
    fn a_line_is_bounded_in_length_and_in_age() {
        let mut keys = Keys::default();
        let long = |count| {
            core::iter::repeat_n(tap(Key::KEY_X), count)
                .flatten()
                .chain(tap(Key::KEY_ENTER))
        };
        assert_eq!(
            typed(&mut keys, long(MAX_LINE)).pop().unwrap().unwrap().us.len(),
            MAX_LINE
        );
        assert_eq!(typed(&mut keys, long(MAX_LINE + 1)), [Err(LineFault::TooLong)]);
        assert_eq!(typed(&mut keys, long(1)).pop().unwrap().unwrap().us, "x");

        let now = Instant::now();
        let almost = PATIENCE - Duration::from_millis(1);
        assert_eq!(keys.patience(now), None);
        assert_eq!(keys.event(Key::KEY_X, Move::Press, now), None);
        assert_eq!(keys.patience(now + almost), Some(Duration::from_millis(1)));
        assert_eq!(keys.expire(now + almost), None);
        assert_eq!(keys.event(Key::KEY_X, Move::Press, now + almost), None);
        assert_eq!(keys.expire(now + almost + almost), None);
        assert_eq!(keys.expire(now + almost + PATIENCE), Some(LineFault::Unfinished));
        assert_eq!(keys.expire(now + almost + 2 * PATIENCE), None);
        assert_eq!(
            keys.event(Key::KEY_ENTER, Move::Press, now + almost + 2 * PATIENCE),
            None
        );
    }

    #[test]
    fn a_line_with_lost_parts_is_none_and_the_next_one_is() {
        let mut keys = Keys::default();
        let now = Instant::now();
        typed(&mut keys, moves("mdoc:", Layout::Us));
        keys.lose([Key::KEY_RIGHTSHIFT, Key::KEY_A].into_iter(), now);
        let rest = [(Key::KEY_A, Move::Press), (Key::KEY_RIGHTSHIFT, Move::Release)];
        assert_eq!(
            typed(&mut keys, rest.into_iter().chain(tap(Key::KEY_ENTER))),
            [Err(LineFault::Lost)]
        );
        // The shift that was held then is not held now.
        assert_eq!(came_from(&mut keys, "a"), "a");
        keys.lose([Key::KEY_LEFTSHIFT].into_iter(), now);
        assert_eq!(keys.expire(now + PATIENCE), Some(LineFault::Lost));
        assert_eq!(came_from(&mut keys, "a"), "A", "the shift is held as yet");
    }

    fn came_from(keys: &mut Keys, text: &str) -> String {
        let moves = moves(text, Layout::Us).into_iter().chain(tap(Key::KEY_ENTER));
        typed(keys, moves).pop().unwrap().unwrap().us
    }

    proptest! {
        #[test]
        fn one_code_comes_by_every_layout_and_caps_lock(
            more in proptest::collection::vec(any::<u8>(), 24..100),
            is_jis in any::<bool>(),
            caps_lock in any::<bool>(),
            noise in proptest::collection::vec(any::<proptest::sample::Index>(), 0..20),
        ) {
            let code = code(&more);
            let layout = if is_jis { Layout::Jis } else { Layout::Us };
            let mut all = moves(&code, layout);
            for at in noise {
                let at = at.index(all.len());
                if all[at].1 == Move::Press {
                    all.insert(at + 1, (all[at].0, Move::Repeat));
                }
            }
            if caps_lock {
                all.splice(0..0, tap(Key::KEY_CAPSLOCK));
            }
            prop_assert_eq!(came(all), Ok(code));
        }

        #[test]
        fn any_keys_are_read_or_refused(events in proptest::collection::vec((0..600_u16, -1..4_i32), 0..400)) {
            let mut keys = Keys::default();
            let now = Instant::now();
            for (key, value) in events {
                if let Some(moved) = Move::of(value)
                    && let Some(Ok(typed)) = keys.event(Key(key), moved, now)
                {
                    prop_assert!(any_of([&typed.us, &typed.jis]).is_err());
                }
            }
        }
    }
}
