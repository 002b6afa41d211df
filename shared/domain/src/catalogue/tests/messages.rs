//! How mistakes are told: all at once, each at its place, each once.

use super::{Catalogue, GOOD, good_with};
use crate::Tier;

fn errors(text: &str) -> super::super::CatalogueErrors {
    Catalogue::parse("shop.toml", text).expect_err("the catalogue should be refused")
}

#[test]
fn all_mistakes_are_told_at_once_with_line_and_accepted_values() {
    let text = include_str!("bad.toml");
    let errors = errors(text);
    assert!(errors.mistakes.len() >= 20, "{errors}");
    insta::assert_snapshot!("all_mistakes", errors.to_string());
}

#[test]
fn a_text_that_is_no_toml_is_told_with_its_place() {
    insta::assert_snapshot!("no_toml", errors("product = \"shop\"\n[defaults\n").to_string());
}

#[test]
fn an_empty_file_is_told_what_a_catalogue_needs() {
    insta::assert_snapshot!("empty", errors("").to_string());
}

#[test]
fn a_mistake_in_one_tier_of_one_environment_says_which() {
    let text = format!("{GOOD}\n[environments.prod.tiers.trial]\nservices.web.scaling.max = 1\n");
    let errors = errors(&text);
    let [mistake] = errors.mistakes.as_slice() else { panic!("{errors}") };
    assert_eq!(mistake.only_in, [("prod".to_owned(), Tier::Trial)].into());
    assert!(errors.to_string().contains("= in prod for trial\n"), "{errors}");
}

#[test]
fn a_mistake_that_a_later_layer_hides_is_told_all_the_same() {
    let text = good_with(&[
        ("class = \"db.t4g.micro\"", "class = \"micro\""),
        ("[environments.dev]\n", "[environments.dev]\ndatabase.class = \"db.t4g.micro\"\n"),
    ]);
    let errors = errors(&text);
    let [mistake] = errors.mistakes.as_slice() else { panic!("{errors}") };
    assert_eq!(
        (mistake.key.as_str(), mistake.problem.as_str()),
        ("database.class", "found \"micro\"")
    );
}

#[test]
fn a_mistake_in_every_service_is_told_once() {
    let text = format!("{GOOD}\n[defaults.every_service]\nhealth_comand = [\"/h\"]\n");
    assert_eq!(errors(&text).mistakes.len(), 1);
}

#[test]
fn an_environment_with_a_wrong_name_is_read_all_the_same() {
    let text = good_with(&[
        ("[environments.dev]", "[environments.production]"),
        ("max_connections = 100", "max_connections = 0"),
    ]);
    assert_eq!(errors(&text).mistakes.len(), 2);
}
