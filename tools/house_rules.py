"""The rules of the house that no compiler checks, so that they hold without anyone watching.

A rule is a function from the repository's root to the complaints it has; all rules run, so that a
person sees every complaint at once. `docs/architecture.md` says why each rule exists.
"""

import re
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

# A main that does more than wiring hides logic where no test reaches it.
MAIN_LINES_MAX = 40
# A file of this length can still be read in one sitting.
FILE_LINES_MAX = 500
# Folders that hold nothing a person of this project wrote.
NOT_OURS = {"target", ".venv", ".git", ".localcloud", ".terraform"}

# What would make a decision depend on anything but its arguments: paths as `use` or a call spells
# them, each with what it would bring in.
IMPURE_PATHS = {
    r"aws_\w+": "AWS",
    r"lambda_runtime\b": "the Lambda runtime",
    r"tokio\b": "a running executor",
    r"sqlx\b": "a database",
    r"reqwest\b|hyper\b": "the network",
    r"(?:std::)?net::\w+": "the network",
    r"(?:std::)?env::\w+": "the process's environment",
    r"(?:std::)?fs::\w+": "the file system",
    r"(?:std::)?process::\w+": "other processes",
    r"(?:std::)?thread::\w+": "threads",
    r"(?:\w+::)*SystemTime\b|(?:\w+::)*Instant\b": "the clock",
    r"(?:\w+::)*(?:Timestamp|Zoned|Utc|Local|OffsetDateTime)::now(?:_utc)?\b": "the clock",
    r"rand\b|fastrand\b|getrandom\b": "randomness",
    r"(?:\w+::)*Uuid::(?:new_v\d|now_v\d)\b": "randomness",
}
# Letters in brackets, so that this line is none of them.
LEFT_FOR_LATER = re.compile(
    r"\bTO[D]O\b|\bFIX[M]E\b|\bto[d]o!\(|\bunimp[l]emented!\(|#\[ig[n]ore\b"
    r"|\bpytest\.mark\.(?:sk[i]p|skipif|xf[a]il)\b|\bpytest\.sk[i]p\("
)
IMPURE_WORDS = {r"\basync\s+(?:fn|move|\{)": "waiting", r"\.await\b": "waiting"}


@dataclass(frozen=True)
class Complaint:
    """One broken rule: where, and what to do about it."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        """`file:line: text`, which editors and terminals make clickable."""
        return f"{self.path}:{self.line}: {self.text}"


Rule = Callable[[Path], Iterator[Complaint]]


def decisions_are_pure(root: Path) -> Iterator[Complaint]:
    """`decide` knows its arguments and nothing else, so a table of cases can test all of it."""
    for file in sorted(
        {
            *root.glob("functions/*/src/**/decide.rs"),
            *root.glob("functions/*/src/**/decide/**/*.rs"),
        }
    ):
        code = without_comments_and_strings(file.read_text())
        for pattern, brought_in in IMPURE_PATHS.items():
            for path, line in paths_in(code):
                if re.match(rf"(?:{pattern})", path):
                    yield Complaint(
                        file.relative_to(root),
                        line,
                        f"`{path}` brings {brought_in} into a decision: "
                        "read it in observe.rs and hand it in as an argument",
                    )
        for pattern, brought_in in IMPURE_WORDS.items():
            for found in re.finditer(pattern, code):
                yield Complaint(
                    file.relative_to(root),
                    line_of(code, found.start()),
                    f"`{found[0]}` brings {brought_in} into a decision: reads belong in "
                    "observe.rs, writes in act.rs",
                )


def functions_stand_alone(root: Path) -> Iterator[Complaint]:
    """No function depends on another, and what they share knows none of them."""
    functions = {name_of(manifest) for manifest in root.glob("functions/*/Cargo.toml")}
    for manifest in sorted(root.glob("*/*/Cargo.toml")):
        room = manifest.parent.parent.name
        if room not in ("functions", "shared"):
            continue  # tests may know everything
        for dependency in sorted(dependencies_of(manifest) & (functions - {name_of(manifest)})):
            why = (
                "no function knows another: move what both need to shared/"
                if room == "functions"
                else "a shared library knows no function"
            )
            yield Complaint(
                manifest.relative_to(root),
                line_with(manifest, dependency),
                f"depends on the function `{dependency}`; {why}",
            )


def versions_stand_in_one_place(root: Path) -> Iterator[Complaint]:
    """A member takes every dependency from the workspace, so that there is one version of each."""
    for manifest in sorted(root.glob("*/*/Cargo.toml")):
        for table in dependency_tables(tomllib.loads(manifest.read_text())):
            for name, value in table.items():
                if name == name_of(manifest):
                    continue  # itself, with the features that only its tests need
                if not (isinstance(value, dict) and value.get("workspace") is True):
                    yield Complaint(
                        manifest.relative_to(root),
                        line_with(manifest, name),
                        f"`{name}` states a version or path of its own: put it into the root "
                        f"Cargo.toml and write `{name}.workspace = true`",
                    )


def mains_only_wire(root: Path) -> Iterator[Complaint]:
    """A function's main fits on one screen."""
    for file in sorted(root.glob("functions/*/src/main.rs")):
        lines = len(file.read_text().splitlines())
        if lines > MAIN_LINES_MAX:
            yield Complaint(
                file.relative_to(root),
                MAIN_LINES_MAX + 1,
                f"{lines} lines, at most {MAIN_LINES_MAX}: a main only wires; "
                "move the rest to lib.rs, where tests reach it",
            )


def files_are_readable(root: Path) -> Iterator[Complaint]:
    """No file of ours is longer than one sitting."""
    for kind in ("*.rs", "*.py", "*.tf"):
        for file in sorted(root.rglob(kind)):
            if NOT_OURS & set(file.relative_to(root).parts):
                continue
            lines = len(file.read_text().splitlines())
            if lines > FILE_LINES_MAX:
                yield Complaint(
                    file.relative_to(root),
                    FILE_LINES_MAX + 1,
                    f"{lines} lines, at most {FILE_LINES_MAX}: split it where the subject changes",
                )


def links_lead_somewhere(root: Path) -> Iterator[Complaint]:
    """A document's relative links name files, and headings in them, that exist."""
    for document in sorted(root.rglob("*.md")):
        if NOT_OURS & set(document.relative_to(root).parts):
            continue
        text = without_code_blocks(document.read_text())
        for found in re.finditer(r"\]\(([^)\s]+)\)", text):
            path, _, heading = found[1].partition("#")
            if re.match(r"[a-z]+:", path):
                continue  # somebody else's page
            target = document.parent / path if path else document
            if not target.exists():
                missing = "there is no such file"
            elif heading and target.suffix == ".md" and heading not in headings_of(target):
                missing = f"there is no heading `{heading}` in it"
            else:
                continue
            yield Complaint(
                document.relative_to(root),
                line_of(text, found.start()),
                f"links to `{found[1]}`, but {missing}",
            )


def modules_say_why(root: Path) -> Iterator[Complaint]:
    """The first line of a Rust file says why it exists; its tests are introduced by it."""
    for file in sorted(root.glob("*/*/**/*.rs")):
        if NOT_OURS & set(file.relative_to(root).parts) or file.name == "tests.rs":
            continue
        if not file.read_text().startswith("//!"):
            yield Complaint(
                file.relative_to(root), 1, "begin with `//!` and say why this module exists"
            )


def nothing_is_left_for_later(root: Path) -> Iterator[Complaint]:
    """What is not done is not there, and a test that does not run proves nothing."""
    for kind in ("*.rs", "*.py", "*.sh", "*.tf", "*.yaml", "*.toml", "*.md"):
        for file in sorted(root.rglob(kind)):
            if NOT_OURS & set(file.relative_to(root).parts):
                continue
            text = file.read_text()
            for found in LEFT_FOR_LATER.finditer(text):
                yield Complaint(
                    file.relative_to(root),
                    line_of(text, found.start()),
                    f"`{found[0]}`: do it now, or write down in words what is missing and why",
                )


RULES: tuple[Rule, ...] = (
    decisions_are_pure,
    functions_stand_alone,
    versions_stand_in_one_place,
    mains_only_wire,
    files_are_readable,
    links_lead_somewhere,
    modules_say_why,
    nothing_is_left_for_later,
)


# ── Reading Rust, as far as the rules need it ────────────────────────────────────────────────────

LINE_COMMENT = r"//[^\n]*"
BLOCK_COMMENT = r"/\*.*?\*/"
RAW_STRING = r'b?r(?P<hashes>#*)".*?"(?P=hashes)'
STRING = r'b?"(?:\\.|[^"\\])*"'
CHARACTER = r"'(?:\\[^\n]{1,8}?|[^'\\\n])'"
NOT_CODE = re.compile(
    "|".join((LINE_COMMENT, BLOCK_COMMENT, RAW_STRING, STRING, CHARACTER)), re.DOTALL
)


def without_comments_and_strings(source: str) -> str:
    """The code alone, every character in its place, so that line numbers stay true."""
    return NOT_CODE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), source)


def paths_in(code: str) -> Iterator[tuple[str, int]]:
    """Every path the code names, with its line; braces in `use` are spelled out."""
    for found in re.finditer(r"\buse\s+([^;]+);", code):
        for path in spelled_out(re.sub(r"\s+", " ", found[1]).strip()):
            yield path, line_of(code, found.start())
    rest = re.sub(r"\buse\s+[^;]+;", lambda f: re.sub(r"[^\n]", " ", f[0]), code)
    for found in re.finditer(r"(?<![\w:])(?:::)?([A-Za-z_]\w*(?:::[A-Za-z_]\w*)+)", rest):
        yield found[1], line_of(rest, found.start())


def spelled_out(use_tree: str) -> Iterator[str]:
    """`a::{b, c::{d as e, self}}` → `a::b`, `a::c::d`, `a::c`."""
    head, brace, tail = use_tree.partition("{")
    if not brace:
        yield re.sub(r"\s+as\s+\w+$", "", head).strip().removeprefix("::").removesuffix("::self")
        return
    for branch in split_at_top_level(tail.rsplit("}", 1)[0]):
        yield from spelled_out(head.strip() + branch.strip())


def split_at_top_level(branches: str) -> Iterator[str]:
    """Splits at commas outside inner braces."""
    depth, start = 0, 0
    for at, character in enumerate(branches):
        depth += (character == "{") - (character == "}")
        if character == "," and depth == 0:
            yield branches[start:at]
            start = at + 1
    if branches[start:].strip():
        yield branches[start:]


def line_of(text: str, offset: int) -> int:
    """The line, counted from one, that an offset falls in."""
    return text.count("\n", 0, offset) + 1


# ── Reading documents ────────────────────────────────────────────────────────────────────────────


def without_code_blocks(text: str) -> str:
    """The prose alone, every line in its place: what looks like a link in code is none."""
    return re.sub(
        r"^[ ]*```.*?^[ ]*```", lambda found: "\n" * found[0].count("\n"), text, flags=re.M | re.S
    )


def headings_of(document: Path) -> set[str]:
    """The headings as GitHub names them in links; one that comes again gets a number."""
    seen: Counter[str] = Counter()
    names = set()
    for heading in re.findall(r"^#{1,6} +(.*)$", without_code_blocks(document.read_text()), re.M):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip()).lower()
        name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        names.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return names


# ── Reading Cargo manifests ──────────────────────────────────────────────────────────────────────


def name_of(manifest: Path) -> str:
    """The package's name."""
    return tomllib.loads(manifest.read_text())["package"]["name"]


def dependency_tables(manifest: dict) -> Iterator[dict]:
    """All tables that name dependencies, those for one platform only included."""
    for scope in (manifest, *manifest.get("target", {}).values()):
        for kind in ("dependencies", "dev-dependencies", "build-dependencies"):
            yield scope.get(kind, {})


def dependencies_of(manifest: Path) -> set[str]:
    """The packages a manifest names, by their real names where it renames them."""
    return {
        value.get("package", name) if isinstance(value, dict) else name
        for table in dependency_tables(tomllib.loads(manifest.read_text()))
        for name, value in table.items()
    }


def line_with(manifest: Path, key: str) -> int:
    """Where a manifest first speaks of a key: as a key, else as a value."""
    lines = manifest.read_text().splitlines()
    for pattern in (rf'\s*"?{re.escape(key)}"?\s*[.=]', rf'.*"{re.escape(key)}"'):
        for number, line in enumerate(lines, start=1):
            if re.match(pattern, line):
                return number
    return 1


def complaints_about(root: Path) -> list[Complaint]:
    """What every rule has to say about the repository at `root`."""
    return [complaint for rule in RULES for complaint in rule(root)]


def main() -> int:
    """Prints every complaint; fails when there is one."""
    complaints = complaints_about(Path(__file__).resolve().parent.parent)
    for complaint in complaints:
        print(complaint)
    print(f"{len(RULES)} rules of the house: {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
