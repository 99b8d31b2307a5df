"""sbom.py REPORT SITE CONTROL RELEASE PYTHON: print the package's software bill of materials, CycloneDX 1.6 in JSON.

It lists what the package contains and what it depends on: the Python packages of pip's installation REPORT, each with the digest of the wheel that was
unpacked to SITE, the bundled models, and the Debian packages of the CONTROL file, for which apt chooses the versions. The same inputs give the same bytes:
the time is SOURCE_DATE_EPOCH, and the serial number follows from the contents. A wheel that has bills of its own, of the native libraries in it (PEP 770),
refers to them.
"""

import hashlib
import json
import os
import sys
import uuid
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.parser import Parser
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
_MODELS = ("marks", "marks-fast", "marks-accurate")
_RELATIONS = {"Depends": "required", "Suggests": "optional"}
_PRODUCT = "edged"
_EXTRAS = ("litert", "updates", "web")  # as in deploy/locks/update
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}

Component = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageBuild:
    """One build of the Debian package.

    Attributes:
        site: its folder of Python packages, with edged in it.
        control: the fields of its control file.
        release: code name of the Debian release.
        python: minor version of Python, as ``3.11``.
        time: time of the sources.
    """

    site: Path
    control: Message
    release: str
    python: str
    time: datetime


def make_bill(packages: Sequence[Mapping[str, Any]], build: PackageBuild) -> dict[str, Any]:
    """Return the bill of materials.

    Args:
        packages: the entries of pip's installation report.
        build: what was built.
    """
    environment = _marker_environment(build)
    entries = {str(canonicalize_name(one["metadata"]["name"])): one for one in packages}
    wheels = {name: _wheel(entries[name], build.site) for name in sorted(entries)}
    needs = {
        name: _required(entries[name]["metadata"].get("requires_dist", ()), environment, wheels)
        for name in wheels
    }
    others = [
        *(_model(name, build.control["Version"].partition("~")[0]) for name in _MODELS),
        *_debian_packages(build),
    ]
    direct = _direct_requirements(build.site, environment, wheels)
    direct |= wheels.keys() - set().union(*needs.values())
    references = [wheels[name]["bom-ref"] for name in direct]
    references += [component["bom-ref"] for component in others]
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": build.time.isoformat().replace("+00:00", "Z"),
            "lifecycles": [{"phase": "build"}],
            "component": _product(build),
            "supplier": {"name": "The edged authors"},
        },
        "components": [*wheels.values(), *others],
        "dependencies": [{"ref": _PRODUCT, "dependsOn": sorted(references)}]
        + [
            {
                "ref": wheel["bom-ref"],
                "dependsOn": sorted(wheels[one]["bom-ref"] for one in needs[name]),
            }
            for name, wheel in wheels.items()
        ],
    }
    contents = json.dumps(bill, sort_keys=True)
    return bill | {"serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, contents).urn}


def _product(build: PackageBuild) -> Component:
    """Return the component that the bill is about."""
    return {
        "type": "application",
        "bom-ref": _PRODUCT,
        "name": _PRODUCT,
        "version": build.control["Version"],
        "licenses": [{"license": {"id": "Apache-2.0"}}],
        "externalReferences": [{"type": "vcs", "url": "https://github.com/edged/edged"}],
        "properties": [
            {"name": "edged:debian-release", "value": build.release},
            {"name": "edged:debian-architecture", "value": build.control["Architecture"]},
        ],
    }


def _wheel(package: Mapping[str, Any], site: Path) -> Component:
    """Return the component of a Python package: name, version, licence, the digest of its wheel, and the wheel's own bills."""
    metadata = package["metadata"]
    name, version = canonicalize_name(metadata["name"]), metadata["version"]
    url = f"pkg:pypi/{name}@{version}"
    digest = package["download_info"]["archive_info"]["hashes"]["sha256"]
    inner = sorted(site.glob(f"{name.replace('-', '_')}-*.dist-info/sboms/*.json"))
    component: Component = {
        "type": "library",
        "bom-ref": url,
        "name": name,
        "version": version,
        "purl": url,
        "scope": "required",
        "licenses": _licence(metadata),
        "hashes": [{"alg": "SHA-256", "content": digest}],
        "externalReferences": [
            {"type": "bom", "url": path.relative_to(site).as_posix()} for path in inner
        ],
    }
    return {key: value for key, value in component.items() if value}


def _licence(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the licence by the package's own metadata: an SPDX expression, or the words that it has instead."""
    classifiers = [
        line.rsplit(" :: ")[-1]
        for line in metadata.get("classifier", ())
        if line.startswith("License ::")
    ]
    words = metadata.get("license_expression") or metadata.get("license") or ", ".join(classifiers)
    if not words:
        return []
    first_line = words.strip().splitlines()[0]
    try:
        return [{"expression": str(canonicalize_license_expression(first_line))}]
    except InvalidLicenseExpression:
        return [{"license": {"name": first_line}}]


def _model(name: str, version: str) -> Component:
    """Return the component of a bundled model."""
    path = ROOT / "models" / "bundled" / f"{name}.tflite"
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model:{name}",
        "name": name,
        "version": version,
        "description": "Bundled detector of printed marks, for the TensorFlow Lite interpreter.",
        "scope": "required",
        "licenses": [{"license": {"id": "Apache-2.0"}}],
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}],
    }


def _debian_packages(build: PackageBuild) -> Iterator[Component]:
    """Return the components of the Debian packages that the control file names."""
    for field, scope in _RELATIONS.items():
        bounds: dict[str, list[str]] = {}
        for relation in build.control[field].split(", "):
            name, _, bound = relation.partition(" | ")[0].partition(" ")
            bounds.setdefault(name, []).extend([bound.strip("()")] if bound else [])
        for name, its_bounds in bounds.items():
            url = f"pkg:deb/debian/{name}?distro={build.release}"
            properties = [{"name": "edged:debian-relation", "value": one} for one in its_bounds]
            component: Component = {
                "type": "library",
                "bom-ref": url,
                "name": name,
                "purl": url,
                "scope": scope,
                "properties": properties,
            }
            yield {key: value for key, value in component.items() if value}


def _marker_environment(build: PackageBuild) -> dict[str, str]:
    """Return the values by which requirements choose, on the device."""
    return {
        "extra": "",
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": _MACHINES[build.control["Architecture"]],
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{build.python}.0",
        "python_version": build.python,
        "sys_platform": "linux",
    }


def _required(
    requirements: Iterable[str], environment: dict[str, str], shipped: Container[str]
) -> set[str]:
    """Return the names of the shipped packages that are required on the device."""
    wanted = map(Requirement, requirements)
    names = {
        canonicalize_name(one.name)
        for one in wanted
        if one.marker is None or one.marker.evaluate(environment)
    }
    return {name for name in names if name in shipped}


def _direct_requirements(
    site: Path, environment: dict[str, str], shipped: Container[str]
) -> set[str]:
    """Return the names of the packages that edged itself requires, with the extras that the package has."""
    [edged] = [one for one in distributions(path=[str(site)]) if one.name == _PRODUCT]
    return set().union(
        *(
            _required(edged.requires or (), environment | {"extra": extra}, shipped)
            for extra in _EXTRAS
        )
    )


def main(report: str, site: str, control: str, release: str, python: str) -> None:
    """Print the bill."""
    build = PackageBuild(
        site=Path(site),
        control=Parser().parsestr(Path(control).read_text(encoding="utf-8")),
        release=release,
        python=python,
        time=datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), UTC),
    )
    packages = json.loads(Path(report).read_text(encoding="utf-8"))["install"]
    print(json.dumps(make_bill(packages, build), indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
