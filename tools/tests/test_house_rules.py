"""The rules can fail: each is shown a small repository that breaks it, and one that keeps it."""

from pathlib import Path

import pytest

from tools.house_rules import FILE_LINES_MAX, MAIN_LINES_MAX, complaints_about

WHY = "//! Why it exists.\n"


def repository(root: Path, files: dict[str, str]) -> Path:
    """A repository with one blameless function, and whatever a test adds to it."""
    blameless = {
        "functions/onboarding/Cargo.toml": '[package]\nname = "onboarding"\n',
        "functions/onboarding/src/main.rs": "//! Wires.\nfn main() {}\n",
        "functions/onboarding/src/decide.rs": "//! Pure.\npub fn decide(now: Timestamp) {}\n",
        "shared/domain/Cargo.toml": '[package]\nname = "domain"\n',
    }
    for name, text in (blameless | files).items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def complaints(root: Path, files: dict[str, str]) -> list[str]:
    return [str(complaint) for complaint in complaints_about(repository(root, files))]


def test_a_blameless_repository_has_no_complaints(tmp_path):
    assert complaints(tmp_path, {}) == []


@pytest.mark.parametrize(
    "code",
    [
        "use aws_sdk_ecs::Client;",
        "use tokio::time::sleep;",
        "use std::time::SystemTime;",
        "use std::{collections::BTreeMap, time::{Duration, Instant}};",
        "use std::{env, fmt};\nfn f() { env::var(NAME); }",
        "fn f() { std::env::var(NAME); }",
        "fn f() { ::std::fs::read(NAME); }",
        "use std::net::IpAddr;",
        "fn f() { let now = Timestamp::now(); }",
        "fn f() { let now = jiff::Zoned::now(); }",
        "fn f() { fastrand::u8(..); }",
        "fn f() { rand::random(); }",
        "fn f() { uuid::Uuid::new_v4(); }",
        "async fn decide() {}",
        "fn f() { wait().await; }",
        "use lambda_runtime as clean;",
    ],
)
def test_an_impure_decision_is_named_with_its_line(tmp_path, code):
    found = complaints(tmp_path, {"functions/onboarding/src/decide.rs": f"{WHY}{code}\n"})
    assert len(found) >= 1
    assert all(text.startswith("functions/onboarding/src/decide.rs:") for text in found)
    assert not any(text.startswith("functions/onboarding/src/decide.rs:1:") for text in found)


@pytest.mark.parametrize("file", ["decide/deep/plan.rs", "rollout/decide.rs", "cache/decide/a.rs"])
def test_every_decision_in_whatever_folder_is_held_to_purity(tmp_path, file):
    found = complaints(tmp_path, {f"functions/onboarding/src/{file}": f"{WHY}use tokio::spawn;\n"})
    assert len(found) == 1
    assert f"src/{file}:2:" in found[0]


@pytest.mark.parametrize(
    "code",
    [
        "// tokio::time would be impure here",
        "/* std::env::var is read\n elsewhere */",
        'const TEXT: &str = "std::fs::read says \\"no\\"";',
        'const TEXT: &str = r#"tokio::"spawn""#;',
        "use std::time::Duration;",
        "use crate::observe::{Observed, InstanceState};",
        "fn f() { Operand::new(); }",
        "fn lifetime<'a>(text: &'a str) -> &'a str { text }",
    ],
)
def test_words_that_only_look_impure_are_left_alone(tmp_path, code):
    assert complaints(tmp_path, {"functions/onboarding/src/decide.rs": WHY + code}) == []


@pytest.mark.parametrize(
    "dependency",
    [
        "onboarding.workspace = true",
        'onboarding = { workspace = true, features = ["x"] }',
        'renamed = { workspace = true, package = "onboarding" }',
    ],
)
@pytest.mark.parametrize(
    "table", ["dependencies", "dev-dependencies", "target.'cfg(unix)'.dependencies"]
)
def test_no_function_may_depend_on_another(tmp_path, dependency, table):
    manifest = f'[package]\nname = "rotation"\n[{table}]\n{dependency}\n'
    found = complaints(tmp_path, {"functions/rotation/Cargo.toml": manifest})
    assert found == [
        "functions/rotation/Cargo.toml:4: depends on the function `onboarding`; "
        "no function knows another: move what both need to shared/"
    ]


def test_a_shared_library_may_not_know_a_function(tmp_path):
    manifest = '[package]\nname = "domain"\n[dependencies]\nonboarding.workspace = true\n'
    found = complaints(tmp_path, {"shared/domain/Cargo.toml": manifest})
    assert len(found) == 1
    assert "a shared library knows no function" in found[0]


def test_a_test_crate_may_know_every_function(tmp_path):
    manifest = '[package]\nname = "e2e"\n[dependencies]\nonboarding.workspace = true\n'
    assert complaints(tmp_path, {"tests/e2e/Cargo.toml": manifest}) == []


@pytest.mark.parametrize("dependency", ['serde = "1"', 'serde = { path = "../serde" }'])
def test_a_version_outside_the_workspace_is_refused(tmp_path, dependency):
    manifest = f'[package]\nname = "domain"\n[dependencies]\n{dependency}\n'
    found = complaints(tmp_path, {"shared/domain/Cargo.toml": manifest})
    assert len(found) == 1
    assert found[0].startswith("shared/domain/Cargo.toml:4: `serde` states a version")


def test_a_crate_may_turn_its_own_features_on_for_its_tests(tmp_path):
    itself = '{ path = ".", features = ["testing"] }'
    manifest = f'[package]\nname = "domain"\n[dev-dependencies]\ndomain = {itself}\n'
    assert complaints(tmp_path, {"shared/domain/Cargo.toml": manifest}) == []


def test_a_main_of_forty_lines_passes_and_one_more_does_not(tmp_path):
    main = "functions/onboarding/src/main.rs"
    assert complaints(tmp_path, {main: "//!\n" * MAIN_LINES_MAX}) == []
    assert len(complaints(tmp_path, {main: "//!\n" * (MAIN_LINES_MAX + 1)})) == 1


def test_a_file_that_no_one_can_read_in_one_sitting_is_named(tmp_path):
    long = "#\n" * (FILE_LINES_MAX + 1)
    found = complaints(tmp_path, {"tools/long.py": long, "target/generated.py": long})
    assert len(found) == 1
    assert found[0].startswith(f"tools/long.py:{FILE_LINES_MAX + 1}: ")


def test_all_rules_speak_at_once(tmp_path):
    found = complaints(
        tmp_path,
        {
            "functions/onboarding/src/decide.rs": f"{WHY}use tokio::spawn;\n",
            "functions/onboarding/src/main.rs": "//!\n" * (MAIN_LINES_MAX + 1),
            "shared/domain/Cargo.toml": '[package]\nname = "domain"\n[dependencies]\nserde = "1"\n',
        },
    )
    assert len(found) == 3


@pytest.mark.parametrize(
    ("link", "missing"),
    [
        ("gone.md", "there is no such file"),
        ("docs/gone/", "there is no such file"),
        ("#nowhere", "there is no heading `nowhere` in it"),
        ("docs/other.md#nowhere", "there is no heading `nowhere` in it"),
        ("docs/other.md#in-code", "there is no heading `in-code` in it"),
        ("docs/other.md#twice-2", "there is no heading `twice-2` in it"),
    ],
)
def test_a_link_that_leads_nowhere_is_named_with_its_line(tmp_path, link, missing):
    other = "# Other\n```\n# In code\n```\n## Twice\n## Twice\n"
    found = complaints(tmp_path, {"README.md": f"# Why\n\n[x]({link})\n", "docs/other.md": other})
    assert found == [f"README.md:3: links to `{link}`, but {missing}"]


@pytest.mark.parametrize(
    "text",
    [
        "[x](docs/other.md), [y](docs), [z](docs/other.md#what-a-failure-leaves-and-what-it-costs)",
        "[x](#why-so) and [y](docs/other.md#twice-1)",
        "[x](https://example.com/#gone) and [y](mailto:ada@example.com)",
        "```sh\necho [x](gone.md)\n```",
    ],
)
def test_a_link_that_leads_somewhere_is_left_alone(tmp_path, text):
    other = "# What a `failure` leaves, and what it costs\n## Twice\n## Twice\n"
    files = {"README.md": f"# Why so?\n\n{text}\n", "docs/other.md": other}
    assert complaints(tmp_path, files) == []


@pytest.mark.parametrize("file", ["functions/onboarding/src/act.rs", "shared/domain/src/a/b.rs"])
def test_a_module_that_does_not_say_why_it_exists_is_named(tmp_path, file):
    assert complaints(tmp_path, {file: "use std::fmt;\n"}) == [
        f"{file}:1: begin with `//!` and say why this module exists"
    ]


def test_the_tests_of_a_module_are_introduced_by_it(tmp_path):
    assert complaints(tmp_path, {"shared/domain/src/names/tests.rs": "use super::*;\n"}) == []


@pytest.mark.parametrize(
    ("file", "left"),
    [
        ("functions/onboarding/src/act.rs", "// TO" + "DO: handle this"),
        ("functions/onboarding/src/act.rs", "fn f() { to" + "do!() }"),
        ("functions/onboarding/src/act.rs", "#[ig" + "nore]\nfn test() {}"),
        ("tools/a.py", "# FIX" + "ME"),
        ("tools/tests/a.py", "@pytest.mark.sk" + "ip"),
        ("tools/tests/a.py", "pytest.sk" + "ip('not today')"),
        ("docs/a.md", "TO" + "DO"),
    ],
)
def test_what_is_left_for_later_is_named_with_its_line(tmp_path, file, left):
    found = complaints(tmp_path, {file: f"{WHY}{left}\n"})
    assert len(found) == 1
    assert found[0].startswith(f"{file}:2: `")
