"""The software bill of materials of the Debian package: complete, valid by CycloneDX's own schema, and the same for the same inputs."""

import hashlib
import json
import os
import subprocess
import sys
import sysconfig
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "deploy" / "debian" / "sbom.py"
SHIPPED = ("httpx", "httpcore", "anyio", "idna", "msgspec", "typing_extensions")
DIGEST = "0" * 64
CONTROL = """\
Package: edged
Version: 1.2.3~bookworm
Architecture: arm64
Depends: python3 (>= 3.11~), python3 (<< 3.12~), a-bus | other-bus, libc6 (>= 2.36)
Suggests: mosquitto
"""


def _report_entry(package: Distribution) -> dict[str, Any]:
    """Return what pip reports of a package that it installs."""
    return {
        "metadata": package.metadata.json,
        "download_info": {"archive_info": {"hashes": {"sha256": DIGEST}}},
    }


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    return _run(tmp_path_factory.mktemp("sbom"), SHIPPED)


@pytest.fixture(scope="module")
def bill(printed: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(printed)
    return parsed


def _run(folder: Path, shipped: tuple[str, ...]) -> str:
    entries = [_report_entry(distribution(name)) for name in shipped]
    (folder / "report.json").write_text(json.dumps({"install": entries}))
    (folder / "control").write_text(CONTROL)
    site = sysconfig.get_path("purelib")
    command = [sys.executable, str(SCRIPT), "report.json", site, "control", "bookworm", "3.11"]
    environment = os.environ | {"SOURCE_DATE_EPOCH": "1700000000"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    ).stdout


def _component(bill: dict[str, Any], name: str) -> dict[str, Any]:
    [found] = [component for component in bill["components"] if component["name"] == name]
    component: dict[str, Any] = found
    return component


def _needs(bill: dict[str, Any], reference: str) -> list[str]:
    [found] = [one["dependsOn"] for one in bill["dependencies"] if one["ref"] == reference]
    needs: list[str] = found
    return needs


def test_is_valid_by_the_official_schema(printed: str) -> None:
    schema = pytest.importorskip("cyclonedx.schema", reason="needs the extra dev")
    from cyclonedx.validation.json import JsonStrictValidator

    validator = JsonStrictValidator(schema.SchemaVersion.V1_6)
    assert validator.validate_str(printed) is None
    assert validator.validate_str(printed.replace('"library"', '"shelf"')) is not None


def test_names_the_package_that_it_is_about(bill: dict[str, Any]) -> None:
    product = bill["metadata"]["component"]
    assert (product["name"], product["version"]) == ("edged", "1.2.3~bookworm")
    assert bill["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"


def test_lists_every_python_package_with_version_licence_and_digest(bill: dict[str, Any]) -> None:
    component = _component(bill, "httpx")
    version = distribution("httpx").version
    assert component["purl"] == f"pkg:pypi/httpx@{version}"
    assert component["licenses"] == [{"expression": "BSD-3-Clause"}]
    assert component["hashes"] == [{"alg": "SHA-256", "content": DIGEST}]
    libraries = {
        one["name"] for one in bill["components"] if one.get("purl", "").startswith("pkg:pypi")
    }
    assert libraries == {name.replace("_", "-") for name in SHIPPED}


def test_lists_each_bundled_model_with_the_digest_of_its_file(bill: dict[str, Any]) -> None:
    for name in ("marks", "marks-fast", "marks-accurate"):
        content = (ROOT / "models" / "bundled" / f"{name}.tflite").read_bytes()
        component = _component(bill, name)
        assert component["type"] == "machine-learning-model"
        assert component["hashes"][0]["content"] == hashlib.sha256(content).hexdigest()
        assert component["version"] == "1.2.3"


def test_lists_the_debian_packages_with_their_bounds(bill: dict[str, Any]) -> None:
    python = _component(bill, "python3")
    assert [one["value"] for one in python["properties"]] == [">= 3.11~", "<< 3.12~"]
    assert python["purl"] == "pkg:deb/debian/python3?distro=bookworm"
    assert _component(bill, "a-bus")["scope"] == "required"
    assert _component(bill, "mosquitto")["scope"] == "optional"


def test_says_which_package_needs_which(bill: dict[str, Any]) -> None:
    needed = {reference.partition("@")[0] for reference in _needs(bill, "edged")}
    assert {"pkg:pypi/httpx", "pkg:pypi/msgspec", "model:marks"} <= needed
    assert "pkg:pypi/httpcore" not in needed
    httpx = _component(bill, "httpx")["bom-ref"]
    names = {reference.partition("@")[0] for reference in _needs(bill, httpx)}
    assert names == {"pkg:pypi/anyio", "pkg:pypi/httpcore", "pkg:pypi/idna"}


def test_what_nothing_requires_is_needed_by_edged_itself(tmp_path: Path) -> None:
    bill = json.loads(_run(tmp_path, ("msgspec", "pytest")))
    assert _component(bill, "pytest")["bom-ref"] in _needs(bill, "edged")


def test_the_same_inputs_give_the_same_bytes(printed: str, tmp_path: Path) -> None:
    assert _run(tmp_path, tuple(reversed(SHIPPED))) == printed


def test_other_contents_have_another_serial_number(bill: dict[str, Any], tmp_path: Path) -> None:
    other = json.loads(_run(tmp_path, SHIPPED[:-1]))
    assert other["serialNumber"] != bill["serialNumber"]
