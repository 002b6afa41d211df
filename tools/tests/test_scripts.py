"""The scripts behind make: a check that fails is not lost, and a machine's gaps are named."""

import re
import subprocess
from pathlib import Path

TOOLS = Path(__file__).resolve().parent.parent
# What setup.sh itself needs to look around.
BASICS = ("bash", "cut", "dirname", "env", "head", "sed", "sort", "tr", "uname")


def run(script: str, **more) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=60, cwd=TOOLS.parent, **more
    )


def test_every_section_is_run_and_a_failed_one_is_named_at_the_end():
    ended = run(
        "source tools/sections.sh; section good true; section bad false; section last echo here;"
        " finish checks"
    )
    assert ended.returncode == 1
    assert "here" in ended.stdout
    assert ended.stdout.endswith("checks: 1 failed:\n  - bad\n")


def test_sections_that_all_pass_end_well():
    ended = run("source tools/sections.sh; section good true; finish checks")
    assert ended.returncode == 0
    assert "checks: all passed" in ended.stdout


def test_a_step_that_cannot_run_here_says_why():
    ended = run("source tools/sections.sh; not_run deny 'it is not installed'; finish checks")
    assert ended.returncode == 0
    assert "deny\n── not run here: it is not installed" in ended.stdout


def test_setup_names_all_that_is_missing_where_it_may_not_install(tmp_path):
    for name in BASICS:
        found = run(f"command -v {name}").stdout.strip()
        (tmp_path / name).symlink_to(found)
    ended = run("tools/setup.sh", env={"PATH": str(tmp_path)})
    assert ended.returncode == 1
    for missing in ("build-essential", "redis-server", "python3 python3-venv"):
        assert missing in ended.stdout
    assert "there is no apt on this machine" in ended.stderr


def test_make_alone_lists_every_target_with_one_line():
    listed = run("make --no-print-directory").stdout.splitlines()
    targets = {line.split()[1] for line in listed if line.startswith("  make ")}
    wanted = {"setup", "demo", "test", "check", "bench", "package", "localcloud", "clean"}
    assert wanted <= targets
    assert all(len(line) <= 100 for line in listed)


def test_scripts_ask_cargo_for_the_whole_workspace_so_that_dependencies_are_compiled_once():
    scripts = [path for path in TOOLS.iterdir() if path.suffix == ".sh" or path.suffix == ""]
    lines = "\n".join(path.read_text() for path in scripts if path.is_file()).replace("\\\n", "")
    asked = [
        line.strip()
        for line in lines.splitlines()
        if re.search(r"cargo (build|run|test|nextest run|clippy|check|doc) ", line)
        and not line.lstrip().startswith("#")
    ]
    assert len(asked) >= 7
    assert [line for line in asked if "--workspace" not in line] == []
