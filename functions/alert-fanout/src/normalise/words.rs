//! Texts from outside, made fit to be told: without what could disturb a reader, and not too long.

/// Whether a character may stay: no controls, and none of those that turn the direction of a text or
/// hide in it, by which one thing can be made to look like another.
fn is_fit(c: char) -> bool {
    let hides = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    !c.is_control() && !hides
}

/// `text` as one line of at most `chars_max` characters: all blank space becomes one space.
pub(crate) fn line(text: &str, chars_max: usize) -> String {
    // Only as much is looked at as can be told: a text may have a megabyte.
    let text: String = text.chars().take(chars_max.saturating_mul(4)).collect();
    let words = text.split_whitespace().map(|word| word.chars().filter(|c| is_fit(*c)).collect());
    let words: Vec<String> = words.filter(|word: &String| !word.is_empty()).collect();
    cut(&words.join(" "), chars_max)
}

/// `text` with its lines, of at most `chars_max` characters.
pub(crate) fn lines(text: &str, chars_max: usize) -> String {
    let kept = text.replace("\r\n", "\n");
    let fit: String = kept.chars().filter(|c| matches!(c, '\n' | '\t') || is_fit(*c)).collect();
    cut_saying_so(fit.trim(), chars_max)
}

/// The first line of `text` that says anything.
pub(crate) fn first_line(text: &str) -> &str {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
}

/// At most `chars_max` characters of `text`, with an ellipsis where some are missing.
pub(crate) fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().nth(chars_max).is_none() {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// At most `chars_max` characters of `text`, saying how many are missing.
fn cut_saying_so(text: &str, chars_max: usize) -> String {
    let count = text.chars().count();
    if count <= chars_max {
        return text.to_owned();
    }
    // Room for the note, with the longest number that memory allows.
    let keep = chars_max.saturating_sub(48);
    let short: String = text.chars().take(keep).collect();
    format!("{}… ({} more characters)", short.trim_end(), count.saturating_sub(keep))
}

/// `CloudFormation Stack Status Change` and `sbt_aws_onboardingFailure` as one word that can be an
/// alert's name: letters, digits and `_`.
pub(crate) fn alert_name(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let capital = |word: &str| {
        let mut chars = word.chars();
        let first = chars.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(chars).collect::<String>()
    };
    words.filter(|word| !word.is_empty()).map(capital).collect()
}

/// `TenantOnboardingFailed` and `SERVICE_TASK_START_IMPAIRED` as words for people.
pub(crate) fn spoken(name: &str) -> String {
    if name.contains('_') || !name.chars().any(|c| c.is_ascii_lowercase()) {
        return name.replace('_', " ").to_lowercase();
    }
    let mut words = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}

/// `text` beginning with a capital.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_without_what_hides() {
        assert_eq!(line(" a\r\n b\t\u{7}c\u{202e}d \u{200b} ", 20), "a b cd");
        assert_eq!(line("abcdef", 4), "abc…");
        assert_eq!(line("äöüß", 4), "äöüß");
    }

    #[test]
    fn lines_that_are_cut_say_how_much_is_missing() {
        let text = "x".repeat(100);
        let short = lines(&text, 60);
        assert_eq!(short, format!("{}… (88 more characters)", "x".repeat(12)));
        assert_eq!(lines("a\r\nb\u{0}\n", 60), "a\nb");
    }

    #[test]
    fn names_are_words_and_words_are_names() {
        assert_eq!(alert_name("ECS Task State Change"), "ECSTaskStateChange");
        assert_eq!(alert_name("ElastiCache:SnapshotFailed"), "ElastiCacheSnapshotFailed");
        assert_eq!(spoken("TenantOnboardingFailed"), "tenant onboarding failed");
        assert_eq!(spoken("SERVICE_TASK_START_IMPAIRED"), "service task start impaired");
    }
}
