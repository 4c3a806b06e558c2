//! Whether two writings of a name or an address are the same, or may be.
//!
//! Names and addresses are never changed: not where they are hashed, shown, answered or compared
//! for equality. Folding is for a second look alone. Two texts that fold to the same may still be
//! two persons' names: a folded match helps a human to judge and is never an acceptance.

use mdoc::cbor::Item;
use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization as _;

/// Longer texts are compared as they are: folding may make a text eighteen times as long.
const MAX_FOLDED: usize = 4096;

/// How two texts compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// The same characters in the same order.
    Exact,
    /// The same once folded: a human has to look.
    Folded,
    /// Different even when folded.
    Different,
}

impl Match {
    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Folded => "folded",
            Self::Different => "different",
        }
    }
}

/// What an answer by `equals` says of two texts beside yes or no. Holds neither text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matching {
    /// How the two compare. The answer is yes only where they are the same.
    pub found: Match,
    /// Whether either text holds a character for private use: its glyph may differ from machine to
    /// machine.
    pub private_use: bool,
}

impl Matching {
    /// For two texts; none where either value is something else.
    pub(crate) fn of(element: Item<'_>, given: &Value) -> Option<Self> {
        let (document, given) = (element.as_text()?, given.as_str()?);
        Some(Self {
            found: compare(document, given),
            private_use: has_private_use(document) || has_private_use(given),
        })
    }

    pub(crate) fn to_json(self) -> Value {
        json!({ "match": self.found.name(), "private_use": self.private_use })
    }
}

/// Compares a document's text with the one at hand. Texts of more than 4096 bytes are not folded.
pub fn compare(document: &str, given: &str) -> Match {
    if document == given {
        return Match::Exact;
    }
    let short = document.len() <= MAX_FOLDED && given.len() <= MAX_FOLDED;
    if short && folded(document) == folded(given) {
        Match::Folded
    } else {
        Match::Different
    }
}

/// Whether the text holds a character for private use, which another machine may draw as another
/// glyph or none: of the basic plane, or of planes 15 and 16.
pub fn has_private_use(text: &str) -> bool {
    let private =
        |c| matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{ffffd}' | '\u{100000}'..='\u{10fffd}');
    text.chars().any(private)
}

/// The form in which texts are compared: without variation selectors, in compatibility form (NFKC,
/// which makes digits and Latin letters narrow), with one dash, one space between words and the
/// common form of each character.
fn folded(text: &str) -> String {
    let selected = text.chars().filter(|c| !is_variation_selector(*c));
    let mut out = String::with_capacity(text.len());
    for c in selected.nfkc().map(unified) {
        if !c.is_whitespace() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// VS1 to VS256.
const fn is_variation_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

fn unified(c: char) -> char {
    match c {
        // Hyphens, dashes, minus, and the signs that stand for them in addresses: the long vowel
        // sign, the hyphen bullet and the horizontal line.
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30fc}' | '\u{2043}' | '\u{2500}' => '-',
        _ => common_form(c),
    }
}

/// The common form of an old or variant form.
fn common_form(c: char) -> char {
    VARIANTS
        .iter()
        .find(|(_, variants)| variants.contains(c))
        .map_or(c, |(common, _)| *common)
}

/// Forms that registers, signs and machines write for one another in names of persons and places.
/// Few on purpose. Some are characters of their own that families tell apart: they stand here
/// because other records often hold the one for the other.
const VARIANTS: &[(char, &str)] = &[
    ('高', "髙"),
    ('崎', "﨑嵜"),
    ('吉', "𠮷"),
    ('浜', "濱濵"),
    ('辺', "邊邉"),
    ('斉', "齊斎齋"),
    ('沢', "澤"),
    ('島', "嶋嶌"),
    ('桜', "櫻"),
    ('広', "廣"),
    ('国', "國"),
    ('滝', "瀧"),
    ('竜', "龍"),
    ('真', "眞"),
    ('富', "冨"),
    ('峰', "峯"),
    ('橋', "𣘺槗"),
    ('恵', "惠"),
    ('徳', "德"),
    ('栄', "榮"),
    ('蔵', "藏"),
    ('寿', "壽"),
    ('円', "圓"),
    ('渋', "澁澀"),
    ('条', "條"),
    ('豊', "豐"),
    ('関', "關"),
    ('鉄', "鐵"),
    ('静', "靜"),
    ('弥', "彌"),
    ('柳', "栁"),
    ('桑', "桒"),
    ('館', "舘"),
    ('曽', "曾"),
    ('頼', "賴"),
    ('穂', "穗"),
    ('黒', "黑"),
    ('清', "淸"),
    ('増', "增"),
    ('郷', "鄕鄉"),
    ('万', "萬"),
    ('実', "實"),
    ('礼', "禮"),
    ('与', "與"),
    ('塩', "鹽"),
    ('淵', "渕"),
    ('歩', "步"),
    ('瀬', "瀨"),
    ('当', "當"),
    ('学', "學"),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_same_characters_are_exact_and_no_others() {
        for text in ["", "番号　花子", "辻\u{e0101}", "\u{fa19}", "\u{e000}"] {
            assert_eq!(compare(text, text), Match::Exact, "{text}");
        }
    }

    #[test]
    fn other_writings_of_one_name_are_folded_and_never_exact() {
        for (document, given) in [
            ("\u{fa19}奈", "\u{795e}奈"),
            ("\u{fa10}", "\u{585a}"),
            ("\u{fa5c}", "\u{81ed}"),
            ("\u{fa11}田", "\u{5d0e}田"),
            ("辻\u{e0100}", "辻"),
            ("辻\u{e0100}", "辻\u{e0101}"),
            ("葛\u{fe00}", "葛"),
            ("葛\u{fe0f}", "葛\u{e01ef}"),
            ("髙橋", "高橋"),
            ("𠮷野", "吉野"),
            ("濵口", "浜口"),
            ("濱口", "濵口"),
            ("渡邊", "渡邉"),
            ("渡邊", "渡辺"),
            ("齋藤", "斉藤"),
            ("齊藤", "斎藤"),
            ("番号　花子", "番号 花子"),
            ("番号　花子", " 番号 \u{3000}花子\u{3000}"),
            ("１−２−３", "1-2-3"),
            ("１\u{2212}２", "１\u{ff0d}２"),
            ("１\u{2010}２", "１\u{2015}２"),
            ("１\u{2011}２", "１\u{30fc}２"),
            ("ＳＭＩＴＨ", "SMITH"),
            ("か\u{3099}", "が"),
            ("ﾊｲﾂ", "ハイツ"),
        ] {
            assert_eq!(compare(document, given), Match::Folded, "{document} {given}");
            assert_eq!(compare(given, document), Match::Folded, "{given} {document}");
        }
    }

    #[test]
    fn other_names_are_different() {
        for (document, given) in [
            ("番号 花子", "番号花子"),
            ("番号 花子", "花子 番号"),
            ("Smith", "SMITH"),
            ("太", "大"),
            ("一郎", "-郎"),
            ("一郎", "1郎"),
            ("土屋", "士屋"),
            ("はな", "ハナ"),
            ("1-2-3", "1-23"),
            ("名", ""),
            ("\u{e000}", "\u{e001}"),
            ("\u{e000}", "〓"),
            ("●", "〓"),
        ] {
            assert_eq!(compare(document, given), Match::Different, "{document} {given}");
            assert_eq!(compare(given, document), Match::Different, "{given} {document}");
        }
    }

    #[test]
    fn what_is_too_long_is_compared_as_it_is() {
        let text = |last: &str, bytes: usize| "a".repeat(bytes - last.len()) + last;
        let (given, narrow) = (text("１", MAX_FOLDED), text("1", MAX_FOLDED - 2));
        assert_eq!(compare(&given, &narrow), Match::Folded, "the longest");
        let (given, narrow) = (text("１", MAX_FOLDED + 1), text("1", MAX_FOLDED - 1));
        assert_eq!(compare(&given, &narrow), Match::Different, "one byte more");
        assert_eq!(compare(&narrow, &given), Match::Different, "on either side");
        assert_eq!(compare(&given, &given), Match::Exact);
    }

    #[test]
    fn private_use_is_told_by_its_planes() {
        for c in [
            '\u{e000}',
            '\u{f8ff}',
            '\u{f0000}',
            '\u{ffffd}',
            '\u{100000}',
            '\u{10fffd}',
        ] {
            assert!(has_private_use(&format!("番{c}号")), "{c:?}");
        }
        for c in [
            '\u{d7ff}',
            '\u{f900}',
            '\u{e0100}',
            '\u{e01ef}',
            '\u{effff}',
            '\u{20bb7}',
            '\u{fa11}',
        ] {
            assert!(!has_private_use(&format!("番{c}号")), "{c:?}");
        }
        assert!(!has_private_use(""));
    }

    #[test]
    fn no_variant_stands_twice_or_is_itself_common() {
        let mut seen = std::collections::BTreeSet::new();
        for (common, variants) in VARIANTS {
            assert!(!variants.is_empty() && seen.insert(*common), "{common}");
            assert!(variants.chars().all(|variant| seen.insert(variant)), "{common}");
            let kept: String = variants.nfkc().collect();
            assert_eq!(kept, **variants, "NFKC lets the table see them");
        }
    }

    /// Letters, what is folded, and anything.
    fn texts() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[番高髙辻神\u{e0100}\u{fe00}\u{fa19} \u{3000}]",
            "[-\u{2212}\u{ff0d}\u{30fc}1１\u{3099}か\u{309b}\u{e000}]",
            "\\PC{0,2}",
        ];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn a_text_matches_itself_exactly(text in texts()) {
            prop_assert_eq!(compare(&text, &text), Match::Exact);
        }

        #[test]
        fn the_order_of_the_two_does_not_matter(one in texts(), other in texts()) {
            prop_assert_eq!(compare(&one, &other), compare(&other, &one));
        }

        #[test]
        fn exact_is_equality_and_exact_texts_fold_to_the_same(one in texts(), other in texts()) {
            let found = compare(&one, &other);
            prop_assert_eq!(found == Match::Exact, one == other);
            if found != Match::Different {
                prop_assert_eq!(folded(&one), folded(&other));
            }
        }

        #[test]
        fn folding_what_is_folded_changes_nothing(text in texts()) {
            let once = folded(&text);
            prop_assert_eq!(folded(&once), once);
        }

        #[test]
        fn a_folded_match_carries_over(one in texts(), other in texts(), third in texts()) {
            let close = |a: &str, b: &str| compare(a, b) != Match::Different;
            if close(&one, &other) && close(&other, &third) {
                prop_assert!(close(&one, &third));
            }
        }
    }
}
