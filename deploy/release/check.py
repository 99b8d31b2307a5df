"""check.py [FOLDER]: checks what a release consists of, and exits with 1 if anything is missing or wrong. `make release-check` runs it.

FOLDER (default: dist) holds the Debian packages. Checked are: version and changelog, the packages of all releases and architectures with their software
bills of materials, lintian's opinion, and published advisories about the Python packages that devices carry.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).parents[2]
BUILDS = [
    (release, architecture)
    for release in ("bookworm", "trixie")
    for architecture in ("amd64", "arm64")
]
_BILL = "./usr/share/edged/sbom.cdx.json"
_HEADING = re.compile(r"^## \[(?P<version>[^\]]+)\](?: - (?P<day>\d{4}-\d\d-\d\d))?$", re.MULTILINE)
_AUDIT = ("--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json")


def read_version(sources: Path) -> str:
    """Return the version of the sources."""
    text = (sources / "edged" / "__init__.py").read_text(encoding="utf-8")
    [version] = re.findall(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    return str(version)


def find_version_problems(version: str, changelog: str) -> Iterator[str]:
    """Compare the version with the changelog: it must have a dated section, and nothing may wait for a later release."""
    _, *parts = _HEADING.split(changelog)
    sections = {name: (day, body) for name, day, body in zip(*[iter(parts)] * 3, strict=True)}
    day, body = sections.get(version, (None, ""))
    if version not in sections:
        yield f"CHANGELOG.md has no section for version {version}: write ## [{version}] - YYYY-MM-DD above the changes"
    elif day is None:
        yield f"CHANGELOG.md: the section {version} has no date"
    elif "\n- " not in body:
        yield f"CHANGELOG.md: the section {version} lists no changes"
    if "\n- " in sections.get("Unreleased", (None, ""))[1]:
        yield "CHANGELOG.md: changes are listed as unreleased: move them below the version"


def find_package_problems(folder: Path, version: str) -> Iterator[str]:
    """Check that each package is there, and that it holds a valid bill of materials, the same as beside it."""
    for release, architecture in BUILDS:
        deb = folder / f"edged_{version}~{release}_{architecture}.deb"
        bill = deb.with_suffix(".cdx.json")
        missing = [path.name for path in (deb, bill) if not path.exists()]
        if missing:
            yield f"{folder} lacks {', '.join(missing)}: run make debs"
            continue
        text = bill.read_text(encoding="utf-8")
        if _read_packaged_bill(deb) != text:
            yield f"{bill.name} is not the bill inside of {deb.name}: build the package again"
        yield from (f"{bill.name}: {problem}" for problem in find_bill_problems(text))


def find_bill_problems(text: str) -> Iterator[str]:
    """Check a bill of materials against CycloneDX's own schema."""
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error is not None:
        yield f"not valid CycloneDX 1.6: {str(error).splitlines()[0]}"


def _read_packaged_bill(deb: Path) -> str:
    unpacked = _run("dpkg-deb", "--fsys-tarfile", str(deb))
    return _run("tar", "-xO", _BILL, stdin=unpacked.stdout).stdout.decode()


def find_lintian_problems(folder: Path, version: str) -> Iterator[str]:
    """Return what lintian finds in the packages."""
    for deb in sorted(folder.glob(f"edged_{version}~*.deb")):
        done = _run("lintian", "--allow-root", "--fail-on", "error,warning", str(deb))
        if done.returncode:
            yield from (done.stdout + done.stderr).decode().splitlines()


def _run(*command: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, input=stdin, capture_output=True, check=False)


def find_advisories(lock: Path, audit: Iterable[str]) -> Iterator[str]:
    """Ask the advisory service about every package of a lock file.

    Args:
        lock: the lock file.
        audit: the command of pip-audit.
    """
    done = _run(*audit, *_AUDIT, "--requirement", str(lock))
    try:
        report = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.decode().strip().splitlines() or ["no answer"])[-1]
        yield f"{lock.name}: the advisory service cannot be reached, so that nothing is known: {last}"
        return
    yield from (f"{lock.name}: {problem}" for problem in read_advisories(report))


def read_advisories(report: Mapping[str, Any]) -> Iterator[str]:
    """Return the advisories in pip-audit's report, and the packages that it could not ask about: it counts those as sound."""
    packages = report["dependencies"]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if skipped:
        yield f"the advisory service did not answer for {len(skipped)} of {len(packages)} packages: {', '.join(skipped)}"
    for package in packages:
        for advisory in package.get("vulns", ()):
            fixed = ", ".join(advisory["fix_versions"]) or "no version yet"
            yield f"{package['name']} {package['version']}: {advisory['id']}, fixed in {fixed}"


def run_checks(checks: Mapping[str, Callable[[], Iterable[str]]]) -> int:
    """Run each check, print its result, and return the exit code."""
    failed = False
    for name, check in checks.items():
        problems = list(check())
        print(f"{name}: {'FAILED' if problems else 'ok'}")
        for problem in problems:
            print(f"  {problem}")
        failed = failed or bool(problems)
    return int(failed)


def main(folder: Path) -> int:
    """Check the release in this checkout, with its packages in `folder`."""
    version = read_version(ROOT)
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    locks = sorted((ROOT / "deploy" / "locks").glob("device-*.txt"))
    audit = (sys.executable, "-m", "pip_audit")
    checks = {
        "version": lambda: find_version_problems(version, changelog),
        "packages": lambda: find_package_problems(folder, version),
        "lintian": lambda: find_lintian_problems(folder, version),
        "advisories": lambda: [
            problem for lock in locks for problem in find_advisories(lock, audit)
        ],
    }
    if shutil.which("lintian") is None:
        print("lintian: left out, because it is not installed: apt install lintian")
        del checks["lintian"]
    return run_checks(checks)


if __name__ == "__main__":
    sys.exit(main(Path(*sys.argv[1:] or ["dist"])))
