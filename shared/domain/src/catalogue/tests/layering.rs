//! Lazily layered tables are what an eager merge would make of them.

use std::collections::BTreeMap;
use std::fmt::Write;

use proptest::prelude::*;
use toml_span::value::Value;

use super::{Catalogue, GOOD, good_with};
use crate::catalogue::kinds::Whole;
use crate::catalogue::layers::{Layer, Section};
use crate::catalogue::mistakes::Mistakes;
use crate::{Environment, Tier};

/// The names of a test's layers, the strongest last.
const LAYERS: [&str; 4] = ["first", "second", "third", "fourth"];

/// A table in which the keys `a`, `b`, `c` are numbers and `t`, `u` are tables again.
#[derive(Debug, Clone, PartialEq, Default)]
struct Tree {
    numbers: BTreeMap<&'static str, i64>,
    tables: BTreeMap<&'static str, Tree>,
}

impl Tree {
    /// This under `other`, the obvious way.
    fn under(mut self, other: &Tree) -> Self {
        self.numbers.extend(&other.numbers);
        for (key, table) in &other.tables {
            let own = self.tables.remove(key).unwrap_or_default();
            self.tables.insert(key, own.under(table));
        }
        self
    }

    /// As an inline table, its keys in one order or in the other.
    fn write(&self, reversed: bool) -> String {
        let mut items: Vec<String> = Vec::new();
        items.extend(self.numbers.iter().map(|(key, number)| format!("{key} = {number}")));
        let tables = self.tables.iter();
        items.extend(tables.map(|(key, table)| format!("{key} = {}", table.write(reversed))));
        if reversed {
            items.reverse();
        }
        format!("{{ {} }}", items.join(", "))
    }

    fn read(section: &mut Section<'_>) -> Self {
        let mut tree = Self::default();
        for key in ["a", "b", "c"] {
            if let Some(number) = section.optional(key, &Whole(0_i64, 99)).unwrap() {
                tree.numbers.insert(key, number.value);
            }
        }
        for key in ["t", "u"] {
            if let Some(mut table) = section.child(key).unwrap() {
                tree.tables.insert(key, Self::read(&mut table));
            }
        }
        tree
    }
}

fn trees() -> impl Strategy<Value = Tree> {
    let numbers =
        prop::collection::btree_map(prop::sample::select(vec!["a", "b", "c"]), 0..9_i64, 0..3);
    let leaf = numbers.clone().prop_map(|numbers| Tree { numbers, ..Tree::default() });
    leaf.prop_recursive(3, 12, 2, move |inner| {
        let tables = prop::collection::btree_map(prop::sample::select(vec!["t", "u"]), inner, 0..3);
        (numbers.clone(), tables).prop_map(|(numbers, tables)| Tree { numbers, tables })
    })
}

/// What the layers make, read through a [`Section`].
fn layered(trees: &[Tree], reversed: bool) -> Tree {
    let text = trees.iter().enumerate().fold(String::new(), |mut text, (at, tree)| {
        writeln!(text, "{} = {}", LAYERS[at], tree.write(reversed)).unwrap();
        text
    });
    let file = toml_span::parse(&text).unwrap();
    read(&file, trees.len())
}

fn read<'a>(file: &'a Value<'a>, layers: usize) -> Tree {
    let mistakes = Mistakes::default();
    let mut root = Section::root(file, &mistakes);
    let layers: Vec<Layer<'_>> =
        (0..layers).flat_map(|at| root.child(LAYERS[at]).unwrap().unwrap().layers()).collect();
    Tree::read(&mut Section::over(layers, &mistakes))
}

proptest! {
    #[test]
    fn layers_are_what_merging_them_one_by_one_makes(trees in prop::collection::vec(trees(), 1..5)) {
        let merged = trees.iter().fold(Tree::default(), Tree::under);
        prop_assert_eq!(layered(&trees, false), merged);
    }

    #[test]
    fn an_empty_layer_changes_nothing_wherever_it_lies(tree in trees()) {
        let empty = Tree::default();
        prop_assert_eq!(&layered(&[tree.clone(), empty.clone()], false), &tree);
        prop_assert_eq!(&layered(&[empty, tree.clone()], false), &tree);
    }

    #[test]
    fn a_layer_over_itself_changes_nothing(tree in trees()) {
        prop_assert_eq!(&layered(&[tree.clone(), tree.clone()], false), &tree);
    }

    #[test]
    fn the_order_of_keys_does_not_matter(trees in prop::collection::vec(trees(), 1..4)) {
        prop_assert_eq!(layered(&trees, true), layered(&trees, false));
    }
}

/// The instance class in each environment and tier, with these tables added to a good catalogue.
fn classes(tables: &str) -> Vec<(String, Tier, String)> {
    let text = good_with(&[("[environments.dev]\n", tables)]);
    let catalogue =
        Catalogue::parse("good.toml", &text).unwrap_or_else(|errors| panic!("{errors}"));
    let mut classes = Vec::new();
    for environment in catalogue.environments() {
        for tier in Tier::ALL {
            let class = &catalogue.settings(environment, tier).unwrap().database.class;
            classes.push((environment.to_string(), tier, class.clone()));
        }
    }
    classes
}

#[test]
fn an_environment_overrides_a_tier_and_its_own_tier_overrides_both() {
    let classes = classes(
        "[tiers.enterprise]\ndatabase.class = \"db.r6g.large\"\n\
         [environments.dev]\n\
         [environments.prod.database]\nclass = \"db.t4g.large\"\n\
         [environments.prod.tiers.enterprise.database]\nclass = \"db.r6g.xlarge\"\n",
    );
    let expected = [
        ("dev", Tier::Trial, "db.t4g.micro"),
        ("dev", Tier::Standard, "db.t4g.micro"),
        ("dev", Tier::Enterprise, "db.r6g.large"),
        ("prod", Tier::Trial, "db.t4g.large"),
        ("prod", Tier::Standard, "db.t4g.large"),
        ("prod", Tier::Enterprise, "db.r6g.xlarge"),
    ];
    assert_eq!(classes, expected.map(|(e, tier, class)| (e.to_owned(), tier, class.to_owned())));
}

#[test]
fn what_every_service_says_holds_until_a_service_says_otherwise() {
    let text = format!(
        "{GOOD}\n[defaults.every_service]\nimage = \"other:1\"\nwritable_paths = [\"/run\"]\n\
         environment.MODE = \"shared\"\n[environments.dev.services.worker]\n\
         environment.MODE = \"own\"\n"
    );
    let catalogue =
        Catalogue::parse("good.toml", &text).unwrap_or_else(|errors| panic!("{errors}"));
    let dev: Environment = "dev".parse().unwrap();
    let services = &catalogue.settings(&dev, Tier::Trial).unwrap().services;
    assert_eq!(services["web"].image, "shop-web:stable");
    assert_eq!(services["worker"].writable_paths, ["/run"]);
    assert_ne!(services["web"].environment["MODE"], services["worker"].environment["MODE"]);
    assert!(services["web"].environment.contains_key("CACHE"));
}
