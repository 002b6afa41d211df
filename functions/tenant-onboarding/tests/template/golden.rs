//! The templates of four real products, three tiers each, as they lie in `tests/golden`: a change
//! of a catalogue or of the template code is reviewed there, in the words of CloudFormation.
//!
//! `UPDATE_GOLDEN=1 cargo test -p tenant-onboarding --test template` writes them anew; `make check`
//! has cfn-lint look at them.

use std::fs;
use std::path::PathBuf;

use domain::tags::Ownership;
use domain::{Tenant, Tier};
use tenant_onboarding::template::{self, TEMPLATE_BYTES_MAX};

use crate::cases::{Case, PRODUCTS, rendered};

/// Set, it has the golden templates written instead of compared.
const UPDATE: &str = "UPDATE_GOLDEN";

fn golden_root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

#[test]
fn every_template_is_the_golden_one() {
    let mut differing = Vec::new();
    for case in rendered() {
        let path = golden_root().join(case.path());
        let text = format!("{:#}\n", case.template.body());
        if std::env::var_os(UPDATE).is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
        } else if fs::read_to_string(&path).ok().as_deref() != Some(&text) {
            differing.push(case.path());
        }
    }
    assert!(
        differing.is_empty(),
        "these differ from what is rendered now: {differing:#?}\n\
         If that is what you want, run with {UPDATE}=1 and review the diff."
    );
}

#[test]
fn no_golden_template_is_left_over() {
    let expected: Vec<String> = rendered().iter().map(Case::path).collect();
    for (product, _) in PRODUCTS {
        for entry in fs::read_dir(golden_root().join(product)).unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            let path = format!("{product}/{file}");
            assert!(expected.contains(&path), "nothing renders {path}; delete it");
        }
    }
}

#[test]
fn every_template_fits_into_a_request() {
    let sizes: Vec<(usize, String)> =
        rendered().iter().map(|case| (case.template.to_json().len(), case.path())).collect();
    println!("{sizes:#?}");
    let longest = sizes.iter().max().unwrap();
    assert!(longest.0 < TEMPLATE_BYTES_MAX, "CreateStack takes {TEMPLATE_BYTES_MAX}: {sizes:#?}");
}

#[test]
fn a_tenant_with_long_words_fits_too() {
    // As long as people write them; AWS would take tags of 256 characters.
    let word = || "forty-characters-of-a-tag-a-person-wrote".to_owned();
    assert_eq!(word().len(), 40);
    for case in rendered().into_iter().filter(|case| case.tenant.tier == Tier::Enterprise) {
        let tenant = Tenant {
            id: "abcdefghijklmnop".parse().unwrap(),
            ownership: Ownership {
                cost_center: word(),
                owner: word(),
                data_classification: word(),
                compliance: word(),
            },
            ..case.tenant.clone()
        };
        let render = if case.stack == "data" { template::data } else { template::app };
        let bytes = render(&tenant, &case.settings).to_json().len();
        assert!(bytes < TEMPLATE_BYTES_MAX, "{}: {bytes} bytes", case.path());
    }
}
