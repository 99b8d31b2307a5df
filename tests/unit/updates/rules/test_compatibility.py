"""Whether a bundle is for a host, and what a host is."""

from dataclasses import replace
from pathlib import Path

import pytest

import edged
from edged.errors import BundleError
from edged.updates.bundle.manifest import Requirements, Variant
from edged.updates.rules.compatibility import (
    HostInfo,
    check_requirements,
    find_incompatibilities,
    find_space_shortage,
)
from edged.updates.store.host_info import detect_host
from support.bundles import DUMMY_MODEL, bundle_files, make_manifest

HOST = HostInfo(
    edged_version="0.2.0",
    runtimes={"litert": "2.1.0"},
    architecture="aarch64",
    board="Raspberry Pi 5 Model B Rev 1.0",
    edgetpu_runtime="16.0TF2.19.1-1",
    free_bytes=10_000_000,
    memory_mb=4096,
)
BOTH = (
    Variant(kind="cpu", model="model.tflite", goldens="goldens.json"),
    Variant(kind="edgetpu", model="model.tflite", goldens="goldens.json"),
)


def reasons(wanted: dict[str, object], host: HostInfo = HOST) -> tuple[str, ...]:
    requirements = Requirements(**wanted)  # type: ignore[arg-type]  # the manifest is read again
    manifest = make_manifest(bundle_files(DUMMY_MODEL), requirements=requirements, variants=BOTH)
    return find_incompatibilities(manifest, host)


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"edged": ">=0.1,<0.3"},
        {"edged": ">=0.2.dev1"},
        {"runtimes": ("litert",)},
        {"runtimes": ("tflite", "litert>=2.1")},
        {"runtimes": (" litert >= 2 ",)},
        {"architectures": ("x86_64", "aarch64")},
        {"boards": ("Raspberry Pi 4*", "Raspberry Pi 5*")},
        {"edgetpu_runtime": ">=16"},
        {"memory_mb": 4096},
    ],
)
def test_what_a_host_has_is_enough(wanted: dict[str, object]) -> None:
    assert reasons(wanted) == ()


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"edged": ">=0.3"}, "needs edged >=0.3, and this is 0.2.0"),
        ({"runtimes": ("tflite",)}, "needs the runtime tflite, and litert 2.1.0 is installed"),
        (
            {"runtimes": ("litert>=2.2", "tflite")},
            "needs the runtime litert>=2.2 or tflite, and litert 2.1.0 is installed",
        ),
        ({"architectures": ("x86_64",)}, "is for x86_64, and this host is aarch64"),
        (
            {"boards": ("*Pi 4*",)},
            "is for *Pi 4*, and this board is Raspberry Pi 5 Model B Rev 1.0",
        ),
        ({"edgetpu_runtime": "<16"}, "needs libedgetpu <16, and 16.0TF2.19.1-1 is installed"),
        (
            {"memory_mb": 4097},
            "needs a host with 4097 MiB of memory, and this one has 4096",
        ),
        (
            {"edged": "at least 2"},
            "requires the versions 'at least 2': write them like \">=2.1,<3\"",
        ),
        (
            {"runtimes": (">=2.1",)},
            "requires the runtime '>=2.1': write a name and versions, for example \"litert>=2.1\"",
        ),
    ],
)
def test_what_it_has_not_is_named(wanted: dict[str, object], reason: str) -> None:
    assert reasons(wanted) == (reason,)


def test_all_reasons_are_reported() -> None:
    wanted = {"edged": ">9", "architectures": ("riscv64",), "boards": ("no",), "memory_mb": 9999}
    assert len(reasons(wanted)) == 4


def test_what_nobody_knows_refuses_nothing() -> None:
    unknown = replace(HOST, edgetpu_runtime=None, memory_mb=0)
    assert reasons({"edgetpu_runtime": ">99", "memory_mb": 1 << 20}, unknown) == ()


def test_libedgetpu_does_not_matter_to_a_bundle_for_the_cpu() -> None:
    wanted = Requirements(edgetpu_runtime=">99")
    assert (
        find_incompatibilities(make_manifest(bundle_files(DUMMY_MODEL), requirements=wanted), HOST)
        == ()
    )


def test_room_is_needed_for_the_files_and_beside_them() -> None:
    contents = bundle_files(DUMMY_MODEL)
    size = sum(map(len, contents.values()))
    manifest = make_manifest(contents, requirements=Requirements(free_bytes=10_000_000 - size))
    assert find_space_shortage(manifest, HOST) is None
    reason = find_space_shortage(manifest, replace(HOST, free_bytes=9_999_999))
    assert reason == "marks@1 needs 10.0 MB of disk space, and 10.0 MB are free: free some"


@pytest.mark.parametrize("wanted", [{"edged": "2.1+"}, {"runtimes": ("litert => 2",)}])
def test_who_makes_a_bundle_is_warned_of_versions_that_cannot_be_parsed(
    wanted: dict[str, object],
) -> None:
    with pytest.raises(BundleError, match="requires the versions"):
        check_requirements(Requirements(**wanted))  # type: ignore[arg-type]  # as above


def test_this_host_is_described(tmp_path: Path) -> None:
    host = detect_host(tmp_path)
    assert host.edged_version == edged.__version__
    assert set(host.runtimes) <= {"litert", "tflite"}
    assert host.runtimes
    assert host.free_bytes > 0
    assert host.memory_mb > 0


def test_libedgetpu_is_found_among_the_packages(tmp_path: Path) -> None:
    status = tmp_path / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    status.write_text(
        "Package: libedgetpu1-max\nStatus: deinstall ok config-files\nVersion: 15.0\n\n"
        "Package: libc6\nStatus: install ok installed\nVersion: 2.41\n\n"
        "Package: libedgetpu1-std\nStatus: install ok installed\nDescription: Edge TPU\n more\n"
        "Version: 16.0TF2.19.1-1\n"
    )
    assert detect_host(tmp_path, tmp_path).edgetpu_runtime == "16.0TF2.19.1-1"
    status.unlink()
    assert detect_host(tmp_path, tmp_path).edgetpu_runtime is None
