"""The manifest: within AWS's limits, in agreement with Terraform, and its mistakes told at once."""

from __future__ import annotations

import re

import pytest
from localcloud.deploy import ManifestError
from localcloud.deploy.manifest import load, set_values
from localcloud.deploy.suite import ROOT
from suite_manifest import MANIFEST, values


def test_the_manifest_is_within_awss_limits_for_the_longest_names():
    longest = {
        "prefix": "caretaker-twelve-chars-staging",
        "product": "twelve-chars",
        "environment": "staging",
        "region": "ap-southeast-2",
        "account_id": "111122223333",
        "kms_key_arn": "arn:aws:kms:ap-southeast-2:111122223333:key/" + 36 * "x",
        "listener_arn": "arn:aws:elasticloadbalancing:ap-southeast-2:111122223333:" + 80 * "x",
    }
    assert load(MANIFEST, values(**longest))["functions"]


def test_every_queue_waits_six_times_as_long_as_its_function_runs():
    for name, function in load(MANIFEST, values())["functions"].items():
        waits = function["queue"]["visibility_timeout_seconds"]
        assert waits >= 6 * function["timeout_seconds"], name


def test_every_function_there_is_stands_in_the_manifest():
    functions = {main.parent.parent.name for main in ROOT.glob("functions/*/src/main.rs")}
    assert set(load(MANIFEST, values())["functions"]) == functions


def test_terraform_fills_in_every_placeholder_and_no_other():
    main_tf = (ROOT / "infra/main.tf").read_text()
    call = re.search(r'templatefile\("[^"]*manifest.yaml", \{\n(.*?)\n  \}\)\)', main_tf, re.DOTALL)
    terraform = set(re.findall(r"^    (\w+) +=", call[1], re.MULTILINE))
    assert terraform == set(values())


def test_a_placeholder_without_a_value_is_named(tmp_path):
    file = tmp_path / "manifest.yaml"
    file.write_text("tables: { a: ${mystery}, b: ${prefix} }\n")
    with pytest.raises(ManifestError, match=r"\$\{mystery\}; known are prefix"):
        load(file, {"prefix": "p"})


def test_all_mistakes_of_a_manifest_are_told_at_once(tmp_path):
    text = MANIFEST.read_text()
    text = text.replace("timeout_seconds: 30", "timeout_seconds: 300")
    text = text.replace("    vpc: true", "    vcp: true")
    text = text.replace("      sweep:", f"      sweep{60 * 's'}:")
    file = tmp_path / "manifest.yaml"
    file.write_text(text)
    with pytest.raises(ManifestError) as refused:
        load(file, values())
    told = str(refused.value)
    assert "vcp is unknown" in told
    assert "vpc is missing" in told
    assert "hands a message out again after 180 s" in told
    assert "AWS takes 64" in told


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("queue.visibility=3", "no queue.visibility; there it has"),
        ("que.x=3", "no que; there it has"),
        ("functions.nobody.queue.x=3", "no functions.nobody; there it has alert-fanout"),
        ("queue.max_receive_count", "expected PATH=VALUE"),
    ],
)
def test_a_setting_that_the_manifest_does_not_know_is_refused(setting, told):
    with pytest.raises(ManifestError, match=re.escape(told)):
        set_values(load(MANIFEST, values()), [setting])


def test_settings_reach_all_functions_or_one_and_may_add_variables():
    manifest = load(MANIFEST, values())
    set_values(
        manifest,
        [
            "queue.max_receive_count=7",
            "functions.tenant-onboarding.rules.sweep.schedule_expression=rate(1 minute)",
            "environment.AWS_LAMBDA_LOG_LEVEL=debug",
        ],
    )
    function = manifest["functions"]["tenant-onboarding"]
    assert function["queue"]["max_receive_count"] == 7
    assert function["rules"]["sweep"]["schedule_expression"] == "rate(1 minute)"
    assert manifest["environment"]["AWS_LAMBDA_LOG_LEVEL"] == "debug"


def test_topics_that_there_are_not_and_callers_on_nobodys_behalf_are_mistakes(tmp_path):
    text = MANIFEST.read_text()
    text = text.replace("    alarm_topics: [alarms]", "    alarm_topics: [alarm]", 1)
    text = text.replace('        source_account: "${account_id}"', "        source: x", 1)
    file = tmp_path / "manifest.yaml"
    file.write_text(text)
    with pytest.raises(ManifestError) as refused:
        load(file, values())
    told = str(refused.value)
    assert "tenant-onboarding.alarm_topics: there is no topic alarm; there are alarms" in told
    assert "secret-rotation.invoked_by.secrets-manager: needs a principal, and a source" in told
    assert "secret-rotation.invoked_by.secrets-manager.source is unknown" in told
