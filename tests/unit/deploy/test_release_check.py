"""`make release-check`: each of its checks finds what is wrong, and accepts what is right."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]
CHANGES = "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-12-01\n\n### Added\n\n- A page.\n"
BILL = json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1})


@pytest.fixture(scope="module")
def check() -> ModuleType:
    pytest.importorskip("cyclonedx", reason="needs the extra dev")
    spec = importlib.util.spec_from_file_location("release_check", ROOT / "deploy/release/check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _build(folder: Path, name: str, bill: str) -> None:
    """Make a package that contains only a bill, and the same bill beside it."""
    root = folder / "root"
    for path, text in {
        "DEBIAN/control": "Package: edged\nVersion: 1.2.0\nArchitecture: all\nMaintainer: A <a@b.example>\nDescription: d\n",
        "usr/share/edged/sbom.cdx.json": bill,
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    build = ("dpkg-deb", "-Znone", "--build", str(root), str(folder / f"{name}.deb"))
    subprocess.run(build, capture_output=True, check=True)
    (folder / f"{name}.cdx.json").write_text(bill)


def test_a_version_with_a_dated_section_is_right(check: ModuleType) -> None:
    assert list(check.find_version_problems("1.2.0", CHANGES)) == []


@pytest.mark.parametrize(
    ("version", "changes", "words"),
    [
        ("1.3.0", CHANGES, "no section for version 1.3.0"),
        ("1.2.0", CHANGES.replace(" - 2026-12-01", ""), "has no date"),
        ("1.2.0", CHANGES.replace("- A page.", ""), "lists no changes"),
        ("1.2.0", CHANGES.replace("sed]\n", "sed]\n\n- More.\n"), "listed as unreleased"),
    ],
)
def test_a_changelog_that_does_not_fit_is_found(
    check: ModuleType, version: str, changes: str, words: str
) -> None:
    [problem] = check.find_version_problems(version, changes)
    assert words in problem


def test_reads_the_version_of_this_checkout(check: ModuleType) -> None:
    from edged import __version__

    assert check.read_version(ROOT) == __version__


def test_packages_with_their_bills_are_right(check: ModuleType, tmp_path: Path) -> None:
    for release, architecture in check.BUILDS:
        _build(tmp_path, f"edged_1.2.0~{release}_{architecture}", BILL)
    assert list(check.find_package_problems(tmp_path, "1.2.0")) == []


def test_missing_packages_are_found(check: ModuleType, tmp_path: Path) -> None:
    problems = list(check.find_package_problems(tmp_path, "1.2.0"))
    assert len(problems) == len(check.BUILDS)
    assert "edged_1.2.0~bookworm_amd64.deb" in problems[0]
    assert "make debs" in problems[0]


def test_another_bill_beside_the_package_is_found(check: ModuleType, tmp_path: Path) -> None:
    for release, architecture in check.BUILDS:
        _build(tmp_path, f"edged_1.2.0~{release}_{architecture}", BILL)
    (tmp_path / "edged_1.2.0~trixie_arm64.cdx.json").write_text(BILL + "\n")
    [problem] = check.find_package_problems(tmp_path, "1.2.0")
    assert "is not the bill inside of edged_1.2.0~trixie_arm64.deb" in problem


def test_a_bill_that_is_not_valid_is_found(check: ModuleType) -> None:
    assert list(check.find_bill_problems(BILL)) == []
    [problem] = check.find_bill_problems(BILL.replace("CycloneDX", "Cyclone"))
    assert "not valid CycloneDX 1.6" in problem


def test_an_advisory_is_found_with_the_version_that_mends_it(check: ModuleType) -> None:
    advisory = {"id": "PYSEC-1", "fix_versions": ["2.0"], "aliases": [], "description": ""}
    report = {
        "dependencies": [
            {"name": "sound", "version": "1.0", "vulns": []},
            {"name": "unsound", "version": "1.0", "vulns": [advisory]},
        ]
    }
    assert list(check.read_advisories(report)) == ["unsound 1.0: PYSEC-1, fixed in 2.0"]


def test_a_package_that_was_not_asked_about_is_not_sound(check: ModuleType) -> None:
    report = {"dependencies": [{"name": "unknown", "skip_reason": "not found"}]}
    [problem] = check.read_advisories(report)
    assert problem == "the advisory service did not answer for 1 of 1 packages: unknown"


def test_a_service_that_cannot_be_reached_fails_the_check(
    check: ModuleType, tmp_path: Path
) -> None:
    program = "import sys; sys.exit('Connection refused')"
    [problem] = check.find_advisories(tmp_path / "device.txt", (sys.executable, "-c", program))
    assert problem == (
        "device.txt: the advisory service cannot be reached, so that nothing is known: Connection refused"
    )


def test_one_failed_check_fails_the_release(
    check: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check.run_checks({"a": list, "b": list}) == 0
    assert check.run_checks({"a": list, "b": lambda: ["broken"]}) == 1
    assert capsys.readouterr().out.endswith("a: ok\nb: FAILED\n  broken\n")
