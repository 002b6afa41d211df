//! Block Kit within its limits.
//!
//! Why a budget: Slack refuses a message with one block too many or one text too long as a whole.
//! What does not fit is left out here, and the message says how much that is.
//!
//! Limits: "Reference: Layout blocks" and "Composition objects"; the limit of the whole message is
//! not documented, and was met at some 13,000 characters (`msg_blocks_too_long`).

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::render::cut::{self, Measure};
use crate::render::links::Link;
use crate::render::{Fact, Value as FactValue, words};

/// Blocks of a message; Slack takes 50.
const BLOCKS_MAX: usize = 45;

/// Bytes of all blocks, as JSON: the 13,000 characters that were met, with room.
const BYTES_MAX: usize = 12_000;

/// Bytes of a header; Slack takes 150 characters.
const HEADER_LENGTH_MAX: usize = 150;

/// Bytes of a section's text; Slack takes 3,000 characters.
pub(super) const SECTION_LENGTH_MAX: usize = 2_900;

/// Fields of a section.
const FIELDS_MAX: usize = 10;

/// Bytes of a field's value; Slack takes 2,000 characters, a phone shows a few lines.
const FIELD_LENGTH_MAX: usize = 300;

/// Bytes of a context's text: a line or two.
const CONTEXT_LENGTH_MAX: usize = 400;

/// Slack's control characters, and no others, are escaped; bytes count, which are never fewer than
/// Slack's characters.
#[derive(Debug, Clone, Copy)]
struct Escaped;

impl Measure for Escaped {
    fn write(&self, character: char, out: &mut String) {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            other => out.push(other),
        }
    }

    fn length(&self, written: &str) -> usize {
        written.len()
    }
}

/// Text of anybody's as Slack shows it literally, of at most so many bytes.
pub(super) fn escape(text: &str, length_max: usize) -> String {
    cut::fit(text, length_max, &Escaped)
}

/// [`escape`], on one line.
pub(super) fn escape_line(text: &str, length_max: usize) -> String {
    cut::one_line_in(text, length_max, &Escaped)
}

/// A text in which only what stands in it is markup: Slack looks for no names or addresses in it.
fn mrkdwn(text: &str) -> Value {
    json!({"type": "mrkdwn", "text": text, "verbatim": true})
}

/// A moment by the reader's own clock.
fn date(time: Timestamp) -> String {
    let fallback = words::utc(time);
    format!("<!date^{}^{{date_short_pretty}} {{time_secs}}|{fallback}>", time.as_second())
}

/// What is left of a message's limits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    blocks: usize,
    bytes: usize,
}

impl Budget {
    /// A whole message's.
    pub(super) fn new() -> Self {
        Self { blocks: BLOCKS_MAX, bytes: BYTES_MAX }
    }

    /// Adds the block if there is room for it, and room for `reserve` bytes and a block after it;
    /// says whether there was.
    pub(super) fn push(&mut self, blocks: &mut Vec<Value>, block: Value, reserve: usize) -> bool {
        let bytes = block.to_string().len() + 1;
        let needed_blocks = if reserve > 0 { 2 } else { 1 };
        let fits = self.blocks >= needed_blocks && self.bytes >= bytes + reserve;
        if fits {
            self.blocks -= 1;
            self.bytes -= bytes;
            blocks.push(block);
        }
        fits
    }
}

/// The headline.
pub(super) fn header(text: &str) -> Value {
    let text = escape_line(text, HEADER_LENGTH_MAX);
    json!({"type": "header", "text": {"type": "plain_text", "text": text, "emoji": false}})
}

/// A paragraph of mrkdwn that is escaped already and short enough.
pub(super) fn section(text: &str) -> Value {
    json!({"type": "section", "text": mrkdwn(text)})
}

/// A small grey line of mrkdwn that is escaped already.
pub(super) fn context(text: &str) -> Value {
    json!({"type": "context", "elements": [mrkdwn(text)]})
}

/// Somebody's words in a small grey line.
pub(super) fn quiet(text: &str) -> Value {
    context(&escape_line(text, CONTEXT_LENGTH_MAX))
}

/// Facts in two columns, as many sections as it takes.
pub(super) fn fields(facts: &[Fact]) -> Vec<Value> {
    facts
        .chunks(FIELDS_MAX)
        .map(|facts| {
            let fields: Vec<Value> = facts.iter().map(field).collect();
            json!({"type": "section", "fields": fields})
        })
        .collect()
}

fn field(fact: &Fact) -> Value {
    let name = escape_line(&fact.name, FIELD_LENGTH_MAX);
    let value = match &fact.value {
        FactValue::Text(text) => escape_line(text, FIELD_LENGTH_MAX),
        FactValue::Time(time) => date(*time),
    };
    mrkdwn(&format!("*{name}*\n{value}"))
}

/// Links as buttons; there are at most four kinds of them.
pub(super) fn buttons(links: &[Link]) -> Option<Value> {
    let elements: Vec<Value> = links
        .iter()
        .map(|link| {
            let text = json!({"type": "plain_text", "text": link.label, "emoji": false});
            json!({"type": "button", "text": text, "url": link.url})
        })
        .collect();
    (!elements.is_empty()).then(|| json!({"type": "actions", "elements": elements}))
}

/// A link within text; the address is safe already but for `&`, which the console's have.
pub(super) fn anchor(link: &Link) -> String {
    format!("<{}|{}>", link.url.replace('&', "&amp;"), link.label)
}
