"""What a package holds, and that the same sources give the same package."""

import stat
import zipfile

import pytest

from tools import package


@pytest.fixture
def built(tmp_path):
    binary = tmp_path / "onboarding"
    binary.write_bytes(b"\x7fELF" + bytes(1000))
    catalogue = tmp_path / "mate.toml"
    catalogue.write_text('product = "mate"\n')
    return binary, catalogue


def test_a_package_is_an_executable_bootstrap_with_the_catalogue_beside_it(tmp_path, built):
    path = tmp_path / "lambda/onboarding/bootstrap.zip"
    package.write_zip(path, *built)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["bootstrap", "caretaker.toml"]
        assert archive.read("caretaker.toml") == b'product = "mate"\n'
        mode = archive.getinfo("bootstrap").external_attr >> 16
    assert stat.S_ISREG(mode)
    assert stat.S_IMODE(mode) == 0o755


def test_the_same_sources_give_the_same_package(tmp_path, built):
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    package.write_zip(first, *built)
    built[0].touch()
    package.write_zip(second, *built)
    assert first.read_bytes() == second.read_bytes()


def test_functions_are_found_and_libraries_are_not(tmp_path):
    for name, source in (("onboarding", "main.rs"), ("rotation", "main.rs"), ("library", "lib.rs")):
        folder = tmp_path / "functions" / name / "src"
        folder.mkdir(parents=True)
        (folder.parent / "Cargo.toml").write_text(f'[package]\nname = "{name}"\n')
        (folder / source).touch()
    assert package.functions(tmp_path) == ["onboarding", "rotation"]


def test_a_catalogue_that_is_not_there_is_refused_with_those_that_are(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["package", "--catalogue", "infra/catalogues/none.toml"])
    assert package.main() == 2
    told = capsys.readouterr().err
    assert "none.toml" in told
    assert "infra/catalogues/mate.toml" in told
