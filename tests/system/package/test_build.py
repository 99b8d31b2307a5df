"""The package as a file: it is reproducible, and lintian accepts it."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import edged
from system.commands import run
from system.debs import built_package

_PROJECT = Path(__file__).parents[3]
_BUILD_S = 600.0
_LINTIAN_S = 600.0


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    """Build twice, in folders with other names and with other user settings."""
    settings = [("UTC", "0022"), ("Asia/Kathmandu", "0077")]
    digests = {
        _build(tmp_path / ("long" * number) / "sources", zone, umask)
        for number, (zone, umask) in enumerate(settings, 1)
    }
    assert len(digests) == 1


@pytest.mark.parametrize("release", ["bookworm", "trixie"])
@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_the_bill_of_materials_lists_what_is_in_the_package(
    release: str, architecture: str
) -> None:
    deb = built_package(release, architecture)
    unpack = 'dpkg-deb --fsys-tarfile "$1" | tar -xO ./usr/share/edged/sbom.cdx.json'
    inside = run(["sh", "-c", unpack, "sh", str(deb)]).stdout
    assert inside == deb.with_suffix(".cdx.json").read_text("utf-8")
    listed = {
        (one["name"], one["version"])
        for one in json.loads(inside)["components"]
        if one.get("purl", "").startswith("pkg:pypi/")
    }
    names = run(["dpkg-deb", "--contents", str(deb)]).stdout
    shipped = {
        (re.sub(r"[-_.]+", "-", name).lower(), version)
        for name, version in re.findall(
            r"site-packages/([^/\s-]+)-([^/\s]+)\.dist-info/RECORD", names
        )
    }
    assert listed == shipped - {("edged", edged.__version__)}


@pytest.mark.parametrize("release", ["bookworm", "trixie"])
@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_lintian_finds_nothing_that_is_not_explained(release: str, architecture: str) -> None:
    if shutil.which("lintian") is None:
        pytest.skip("lintian is not installed: apt-get install lintian")
    deb = built_package(release, architecture)
    if "zst" in run(["ar", "t", str(deb)]).stdout:
        pytest.skip("lintian knows no packages that are compressed by zstd")
    options = ["--allow-root", "--pedantic", "--fail-on", "error,warning,info,pedantic"]
    lintian = run(["lintian", *options, str(deb)], check=False, timeout_s=_LINTIAN_S)
    assert (lintian.returncode, lintian.stdout) == (0, ""), lintian.stdout + lintian.stderr


def _build(sources: Path, zone: str, umask: str) -> str:
    """Build a copy of the sources, and return the digest of the package with its bill of materials."""
    sources.mkdir(parents=True)
    listed = run(["git", "-C", str(_PROJECT), "ls-files", "-co", "--exclude-standard", "-z"]).stdout
    names = [name for name in listed.split("\0") if name and (_PROJECT / name).exists()]
    pack = ["tar", "-C", str(_PROJECT), "--null", "--files-from=-", "-c"]
    packed = subprocess.run(pack, input="\0".join(names).encode(), capture_output=True, check=True)
    run(["tar", "-C", str(sources), "-x"], stdin=packed.stdout)
    environment = {
        **os.environ,
        "SOURCE_DATE_EPOCH": "1700000000",
        "DPKG_DEB_COMPRESSOR_TYPE": "none",
        "EDGED_PACKAGES": "out",
        "TZ": zone,
    }
    settings = [f"{name}={value}" for name, value in environment.items()]
    build = f"umask {umask}; exec deploy/debian/build bookworm arm64"
    run(["env", "-C", str(sources), *settings, "sh", "-c", build], timeout_s=_BUILD_S)
    [bill, deb] = sorted(sources.glob("out/edged_*"))
    return hashlib.sha256(deb.read_bytes() + bill.read_bytes()).hexdigest()
