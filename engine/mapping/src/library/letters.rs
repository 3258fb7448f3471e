//! Letters: their plain forms, capitals, and what a mail nickname may hold.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The longest mail nickname, in characters (Graph, user and group resource).
const NICKNAME_LENGTH: usize = 64;
/// ASCII characters that a mail nickname must not hold (Graph, group resource, with those that its client libraries add).
const NICKNAME_FORBIDDEN: &str = "@()\\[]\";:<>,/'";

/// Latin letters in their plain ASCII form; everything else as it is, composed.
pub(super) fn plain(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.nfc() {
        if letter.is_ascii() {
            folded.push(letter);
        } else if let Some(ascii) = by_table(letter) {
            folded.push_str(ascii);
        } else if is_combining_mark(letter) && folded.ends_with(|last: char| last.is_ascii_alphabetic()) {
            // A mark that no precomposed letter has.
        } else {
            decompose(letter, &mut folded);
        }
    }
    folded
}

/// Letters that Unicode does not decompose.
fn by_table(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ß' => "ss",
        'ẞ' => "SS",
        'æ' | 'ǽ' | 'ǣ' => "ae",
        'Æ' | 'Ǽ' | 'Ǣ' => "AE",
        'œ' => "oe",
        'Œ' => "OE",
        'ø' | 'ǿ' => "o",
        'Ø' | 'Ǿ' => "O",
        'ł' => "l",
        'Ł' => "L",
        'đ' | 'ð' => "d",
        'Đ' | 'Ð' => "D",
        'þ' => "th",
        'Þ' => "Th",
        'ı' => "i",
        'ȷ' => "j",
        'ħ' => "h",
        'Ħ' => "H",
        'ŋ' => "n",
        'Ŋ' => "N",
        'ŧ' => "t",
        'Ŧ' => "T",
        'ĸ' => "k",
        'ə' => "e",
        'Ə' => "E",
        'ƒ' => "f",
        '‘' | '’' | 'ʼ' | 'ʻ' | '′' => "'",
        '“' | '”' => "\"",
        '‐' | '‑' | '–' | '—' | '−' => "-",
        _ => return None,
    })
}

fn decompose(letter: char, folded: &mut String) {
    let parts = || std::iter::once(letter).nfkd().filter(|part| !is_combining_mark(*part));
    if parts().all(|part| part.is_ascii()) && parts().next().is_some() {
        folded.extend(parts());
    } else {
        folded.push(letter);
    }
}

/// Each word with a capital. A word ends at whatever is no letter or digit; an apostrophe ends it only after one letter.
pub(super) fn title_case(text: &str) -> String {
    let mut title = String::with_capacity(text.len());
    let mut word = 0;
    for letter in text.chars() {
        if letter.is_alphanumeric() || is_combining_mark(letter) {
            if word == 0 {
                title.extend(letter.to_uppercase())
            } else {
                title.extend(letter.to_lowercase())
            }
            word += 1;
        } else {
            title.push(letter);
            word = if matches!(letter, '\'' | '’') && word > 1 { word } else { 0 };
        }
    }
    title
}

/// The first letter of each word, in capitals.
pub(super) fn initials(text: &str) -> String {
    text.split(|letter: char| !letter.is_alphanumeric() && !is_combining_mark(letter) && !matches!(letter, '\'' | '’'))
        .filter_map(|word| word.chars().find(|letter| letter.is_alphanumeric()))
        .flat_map(char::to_uppercase)
        .collect()
}

/// What of a text a mail nickname can hold: ASCII, white space as one hyphen, no dot at an end or beside another.
pub(super) fn nickname(text: &str) -> String {
    let plain = plain(text);
    let words: Vec<String> = plain
        .split_whitespace()
        .map(|word| word.chars().filter(|letter| letter.is_ascii_graphic() && !NICKNAME_FORBIDDEN.contains(*letter)).collect())
        .filter(|word: &String| !word.is_empty())
        .collect();
    let joined = words.join("-");
    let parts: Vec<&str> = joined.split('.').filter(|part| !part.is_empty()).collect();
    let nickname: String = parts.join(".").chars().take(NICKNAME_LENGTH).collect();
    nickname.trim_matches(['.', '-']).to_owned()
}
