//! "Did you mean …?": most unknown keys are known keys with a slip in them.

/// How alike two words must be for one to be taken for the other (Jaro-Winkler similarity, 0 to
/// 1). At 0.8 `clas` finds `class` and `storage` finds `storage_gb`, and `foo` finds nothing.
const LIKENESS_MIN: f64 = 0.8;

/// `, did you mean "class"?`, or nothing where no candidate is alike.
pub(super) fn did_you_mean<'a>(
    found: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> String {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(found, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| format!(", did you mean {candidate:?}?"))
        .unwrap_or_default()
}
