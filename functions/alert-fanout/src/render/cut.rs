//! Making text fit.
//!
//! Why it exists: each service counts and escapes in its own way, and each refuses a whole message
//! for one character too many. What is cut says so with an ellipsis, and nothing is ever cut in the
//! middle of a character or of an escape.

/// What a cut text ends with.
const ELLIPSIS: char = '…';

/// How a service writes and counts one character.
pub trait Measure {
    /// The character as it is written.
    fn write(&self, character: char, out: &mut String);

    /// How much of the limit one written piece takes.
    fn length(&self, written: &str) -> usize;
}

/// Nothing is escaped; characters count by UTF-16 units. Services differ in whether they count
/// characters, UTF-16 units or bytes; for what is not ASCII this is never less than characters.
#[derive(Debug, Clone, Copy)]
pub struct Plain;

impl Measure for Plain {
    fn write(&self, character: char, out: &mut String) {
        out.push(character);
    }

    fn length(&self, written: &str) -> usize {
        written.encode_utf16().count()
    }
}

/// Nothing is escaped; bytes count.
#[derive(Debug, Clone, Copy)]
pub struct Bytes;

impl Measure for Bytes {
    fn write(&self, character: char, out: &mut String) {
        out.push(character);
    }

    fn length(&self, written: &str) -> usize {
        written.len()
    }
}

/// `text` without control and direction characters, within `length_max`: whole, or its beginning
/// and an ellipsis.
pub fn fit(text: &str, length_max: usize, measure: &impl Measure) -> String {
    let ellipsis_length = measure.length(&ELLIPSIS.to_string());
    let mut out = String::with_capacity(text.len().min(length_max));
    let mut length = 0;
    // Where the text is cut, should it turn out to be too long: the last place with room for "…".
    let mut cut_at = 0;
    let mut piece = String::new();
    for character in text.trim().chars().filter(|character| is_shown(*character)) {
        piece.clear();
        measure.write(character, &mut piece);
        length += measure.length(&piece);
        if length > length_max {
            out.truncate(cut_at);
            if ellipsis_length <= length_max {
                out.truncate(out.trim_end().len());
                out.push(ELLIPSIS);
            }
            return out;
        }
        out.push_str(&piece);
        if length + ellipsis_length <= length_max {
            cut_at = out.len();
        }
    }
    out
}

/// `text` on one line, with single blanks, within so many UTF-16 units.
pub fn one_line(text: &str, length_max: usize) -> String {
    one_line_in(text, length_max, &Plain)
}

/// [`one_line`], by another measure.
pub fn one_line_in(text: &str, length_max: usize, measure: &impl Measure) -> String {
    let mut line = String::with_capacity(text.len().min(4 * length_max));
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    fit(&line, length_max, measure)
}

/// Whether a character is for people: no control characters but line breaks and tabs, and none that
/// turns the direction of writing, by which a text can show as another than it is.
pub fn is_shown(character: char) -> bool {
    match character {
        '\n' | '\t' => true,
        '\u{061C}'
        | '\u{200E}'
        | '\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2066}'..='\u{2069}'
        | '\u{FEFF}' => false,
        other => !other.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_fits_stays_and_what_is_cut_says_so() {
        assert_eq!(fit("abcdef", 6, &Plain), "abcdef");
        assert_eq!(fit("abcdefg", 6, &Plain), "abcde…");
        assert_eq!(fit("ab cdefg", 4, &Plain), "ab…");
        assert_eq!(fit("  a\u{0}b\u{202E}c  ", 9, &Plain), "abc");
        assert_eq!(fit("abc", 0, &Plain), "");
        assert_eq!(fit("äöü€", 9, &Bytes), "äöü€");
        assert_eq!(fit("äöü€", 8, &Bytes), "äö…");
        assert_eq!(fit("🔥🔥", 3, &Plain), "🔥…");
    }

    #[test]
    fn lines_become_one() {
        assert_eq!(one_line(" a\n\n b\tc ", 99), "a b c");
    }

    proptest! {
        #[test]
        fn nothing_is_longer_than_its_limit(text in any::<String>(), length_max in 0usize..50) {
            prop_assert!(Plain.length(&fit(&text, length_max, &Plain)) <= length_max);
            prop_assert!(Bytes.length(&fit(&text, length_max, &Bytes)) <= length_max);
            let line = one_line(&text, length_max);
            prop_assert!(Plain.length(&line) <= length_max && !line.contains('\n'));
        }
    }
}
