//! What is wrong with a catalogue, said so that a person can put it right without asking.
//!
//! A file is checked to its end whatever is found on the way: whoever writes a catalogue should
//! run the check twice, once to see all mistakes and once to see none. A mistake therefore never
//! stops the reading, it is filed in [`Mistakes`]; the reader learns no more than [`Reported`].

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use toml_span::Span;

use crate::Tier;

/// A mistake was found and has been filed: there is no value, and nothing more to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reported;

/// A value, or a mistake that has been filed already.
pub(super) type Read<T> = Result<T, Reported>;

/// The problem of a text that should name a credential and may be one. Files are checked where
/// many can read the output, so such a text is not shown.
pub(super) const MAY_BE_A_CREDENTIAL: &str = "found a text that may be a credential";

/// One mistake, by its place in the text. Two of the same at one place are one, whichever table
/// the place was read for; so the path is no part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    start: usize,
    end: usize,
    key: String,
    problem: String,
    expected: String,
}

impl Finding {
    fn new(span: Span, key: &str, problem: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            start: span.start,
            end: span.end,
            key: key.to_owned(),
            problem: problem.into(),
            expected: expected.into(),
        }
    }
}

/// Where the mistakes of one reading are filed. Shared, because the reader of a table and the
/// readers of its inner tables file side by side.
#[derive(Debug, Default)]
pub(super) struct Mistakes(RefCell<Vec<(Finding, String)>>);

impl Mistakes {
    /// Files that `key`, at `span` in the table `path`, has this `problem` where `expected` is
    /// accepted.
    pub(super) fn file(
        &self,
        span: Span,
        (path, key): (&str, &str),
        problem: impl Into<String>,
        expected: impl Into<String>,
    ) -> Reported {
        let finding = Finding::new(span, key, problem, expected);
        self.0.borrow_mut().push((finding, path.to_owned()));
        Reported
    }
}

/// The mistakes of all readings of a file: the same lines are read once for each tier of each
/// environment, and a mistake must not be told nine times.
#[derive(Debug, Default)]
pub(super) struct AllMistakes {
    findings: BTreeMap<Finding, (String, BTreeSet<(String, Tier)>)>,
    readings: usize,
}

impl AllMistakes {
    /// Takes what is wrong with the file whatever the tier and environment.
    pub(super) fn of_file(&mut self, mistakes: Mistakes) {
        for (finding, path) in mistakes.0.into_inner() {
            self.findings.entry(finding).or_insert_with(|| (path, BTreeSet::new()));
        }
    }

    /// Takes what is wrong with the settings of one tier in one environment.
    pub(super) fn of_settings(&mut self, environment: &str, tier: Tier, found: Mistakes) {
        self.readings += 1;
        for (finding, path) in found.0.into_inner() {
            let entry = self.findings.entry(finding).or_insert_with(|| (path, BTreeSet::new()));
            entry.1.insert((environment.to_owned(), tier));
        }
    }

    /// Whether nothing was filed.
    pub(super) fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// Everything that was filed, in the order of the text.
    pub(super) fn into_errors(self, file: &str, text: &str) -> CatalogueErrors {
        let readings = self.readings;
        let mistakes = self
            .findings
            .into_iter()
            .map(|(finding, (path, only_in))| {
                let everywhere = only_in.len() == readings;
                let only_in = if everywhere { BTreeSet::new() } else { only_in };
                Mistake::new(text, &path, finding, only_in)
            })
            .collect();
        CatalogueErrors { file: file.to_owned(), mistakes }
    }
}

/// A key's path from the path of its table; either may be empty.
pub(super) fn join(path: &str, key: &str) -> String {
    let dot = if path.is_empty() || key.is_empty() { "" } else { "." };
    format!("{path}{dot}{key}")
}

/// One mistake in a catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The line in the file, from 1.
    pub line: usize,
    /// The column in the line, in characters, from 1.
    pub column: usize,
    /// The key as the settings know it: `database.class`, whichever layer it stands in.
    pub key: String,
    /// What was found: `found "t4g.micro"`, `is missing`.
    pub problem: String,
    /// What is accepted.
    pub expected: String,
    /// The environments and tiers that it concerns; empty where it concerns all.
    pub only_in: BTreeSet<(String, Tier)>,
    /// The line as it stands in the file.
    source: String,
    /// How many characters of the line are meant.
    width: usize,
}

impl Mistake {
    fn new(text: &str, path: &str, finding: Finding, only_in: BTreeSet<(String, Tier)>) -> Self {
        let before = text.get(..finding.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let source = text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or("");
        let column = text.get(line_start..finding.start).map_or(0, |left| left.chars().count());
        let marked = text.get(finding.start..finding.end).and_then(|marked| marked.lines().next());
        let source = if finding.problem == MAY_BE_A_CREDENTIAL {
            marked.map_or_else(String::new, |marked| {
                source.replace(marked, &"*".repeat(marked.chars().count()))
            })
        } else {
            source.to_owned()
        };
        Self {
            line: before.matches('\n').count() + 1,
            column: column + 1,
            key: join(path, &finding.key),
            problem: finding.problem,
            expected: finding.expected,
            only_in,
            source,
            width: marked.map_or(1, |marked| marked.chars().count()).max(1),
        }
    }

    /// `in prod for trial and standard; in dev for trial`.
    fn concerns(&self) -> String {
        let mut tiers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (environment, tier) in &self.only_in {
            tiers.entry(environment).or_default().push(tier.as_str());
        }
        let places: Vec<String> = tiers
            .into_iter()
            .map(|(environment, tiers)| format!("in {environment} for {}", tiers.join(" and ")))
            .collect();
        places.join("; ")
    }
}

/// Everything that is wrong with a catalogue, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueErrors {
    /// The file, as the caller named it.
    pub file: String,
    /// All mistakes; at least one.
    pub mistakes: Vec<Mistake>,
}

impl CatalogueErrors {
    /// For a text that is no TOML: the parser stops at the first thing it cannot read.
    pub(super) fn no_toml(file: &str, text: &str, error: &toml_span::Error) -> Self {
        let expected = "a file that TOML can read; keys are checked once it does";
        let finding = Finding::new(error.span, "TOML", error.to_string(), expected);
        let mistakes = vec![Mistake::new(text, "", finding, BTreeSet::new())];
        Self { file: file.to_owned(), mistakes }
    }
}

impl std::error::Error for CatalogueErrors {}

impl fmt::Display for CatalogueErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.mistakes.last().map_or(1, |last| last.line.to_string().len());
        for mistake in &self.mistakes {
            let Mistake { line, column, key, problem, expected, source, width, .. } = mistake;
            writeln!(f, "{}:{line}:{column}: {key}: {problem}; expected {expected}", self.file)?;
            if !mistake.only_in.is_empty() {
                writeln!(f, "  {:digits$} = {}", "", mistake.concerns())?;
            }
            writeln!(f, "{}", format!("  {line:digits$} | {source}").trim_end())?;
            writeln!(f, "  {:digits$} | {:indent$}{:^<width$}", "", "", "", indent = column - 1)?;
        }
        let count = self.mistakes.len();
        let s = if count == 1 { "" } else { "s" };
        write!(f, "{}: {count} mistake{s}", self.file)
    }
}
