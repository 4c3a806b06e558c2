//! Keys of both layouts, as scanners press them.

use proptest::prelude::*;

use super::*;
use crate::input::code::{Case, CodeFault, tests::code};
use crate::input::device::any_of;

/// How a scanner of each layout types what a code is made of besides letters and digits. Written down from pictures of
/// keyboards, and not from the tables of the module.
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
    let alphabet = mdoc::engagement::EngagementError::Base64url(mdoc::engagement::Base64urlError::Alphabet);
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
