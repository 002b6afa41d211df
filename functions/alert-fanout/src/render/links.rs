//! Links that lead where they say.
//!
//! Why it exists: an address that an alert brings along is put into markup of five kinds, and each
//! has characters that would end it early.

use std::fmt::Write as _;

use crate::alert::{Alert, LinkKind};

/// Bytes of an address: Slack's limit for a button's `url`; the consoles' own are far shorter.
pub const URL_LENGTH_MAX: usize = 3_000;

/// A link, ready for any markup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What it leads to, in a word.
    pub label: &'static str,
    /// The address: ASCII, `https`, without any character that markup gives a meaning to, `&` alone
    /// excepted.
    pub url: String,
}

/// The links of an alert that can be given, in the order in which a person needs them.
pub fn of(alert: &Alert) -> Vec<Link> {
    let mut links: Vec<_> = alert.links.iter().collect();
    links.sort_by_key(|link| rank(link.kind));
    links.dedup_by_key(|link| (link.kind, link.url.clone()));
    links
        .into_iter()
        .filter_map(|link| Some(Link { label: label(link.kind), url: safe(&link.url)? }))
        .collect()
}

/// What to do comes before where to look.
fn rank(kind: LinkKind) -> u8 {
    match kind {
        LinkKind::Runbook => 0,
        LinkKind::Console => 1,
        LinkKind::Logs => 2,
        LinkKind::Dashboard => 3,
    }
}

fn label(kind: LinkKind) -> &'static str {
    match kind {
        LinkKind::Runbook => "Runbook",
        LinkKind::Console => "Console",
        LinkKind::Logs => "Logs",
        LinkKind::Dashboard => "Dashboard",
    }
}

/// The address with everything percent-encoded that could end it early; nothing where it is no
/// `https` address, or too long to be one of ours.
fn safe(url: &str) -> Option<String> {
    let host = url.strip_prefix("https://")?;
    if !host.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return None;
    }
    let mut safe = String::with_capacity(url.len());
    for byte in url.bytes() {
        match byte {
            b'<' | b'>' | b'"' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'[' | b']' => {
                // Writing to a String cannot fail.
                let _ = write!(safe, "%{byte:02X}");
            }
            b'!'..=b'~' => safe.push(char::from(byte)),
            _ => {
                let _ = write!(safe, "%{byte:02X}");
            }
        }
    }
    (safe.len() <= URL_LENGTH_MAX).then_some(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_cannot_end_its_markup() {
        assert_eq!(
            safe("https://x.example/a|b>c\"d e?q=ü&r=$25~'").unwrap(),
            "https://x.example/a%7Cb%3Ec%22d%20e?q=%C3%BC&r=$25~'"
        );
    }

    #[test]
    fn what_is_no_https_address_is_no_link() {
        for bad in ["http://x.example/", "javascript:alert(1)", "https://", "https:///x", ""] {
            assert_eq!(safe(bad), None, "{bad}");
        }
        assert_eq!(safe(&format!("https://x.example/{}", "a".repeat(URL_LENGTH_MAX))), None);
    }
}
