"""``edged bundle``: signing, display and verification; its ``create`` is in the integration tests, where models run."""

import json
from pathlib import Path
from typing import Any

import pytest

from edged.cli.bundle_create import read_details
from edged.cli.main import main
from edged.config.problems import InvalidConfigError
from edged.updates.bundle.bundle import write_bundle
from edged.updates.bundle.envelope import Envelope, encode_envelope
from edged.updates.bundle.manifest import (
    PAYLOAD_TYPE,
    Budgets,
    Requirements,
    Thresholds,
    encode_manifest,
)
from edged.updates.bundle.signing import generate_key_pair
from edged.updates.bundle.trust import ModelRole, Role, TrustFile
from support.bundles import (
    DUMMY_MODEL,
    GOLDENS,
    SigningKey,
    SigningKeys,
    bundle_files,
    make_bundle,
    make_manifest,
    write_files,
)

SIGNING = SigningKeys()


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    path = tmp_path / "trust.json"
    path.write_bytes(SIGNING.trust_envelope())
    return path


class BundleCommand:
    """Runs ``edged bundle``, and returns its output."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str | Path, code: int = 0) -> str:
        assert main(["bundle", *map(str, arguments)]) == code
        out, err = self._capsys.readouterr()
        return out if code == 0 else err

    def json(self, *arguments: str | Path, code: int = 0) -> Any:
        assert main(["bundle", *map(str, arguments), "--json"]) == code
        return json.loads(self._capsys.readouterr().out)


@pytest.fixture
def run_bundle(capsys: pytest.CaptureFixture[str]) -> BundleCommand:
    return BundleCommand(capsys)


def damage(bundle: Path, content: bytes) -> None:
    damaged = bytearray(bundle.read_bytes())
    damaged[damaged.index(content)] ^= 1
    bundle.write_bytes(damaged)


def test_inspect_states_that_nothing_is_verified(tmp_path: Path, run_bundle: BundleCommand) -> None:
    bundle = make_bundle(
        tmp_path,
        SigningKeys("stranger"),
        version="1.2",
        provenance="somewhere",
        requirements=Requirements(edged=">=0.1", boards=("Raspberry Pi 5*",), memory_mb=512),
    )
    damage(bundle, DUMMY_MODEL)
    lines = run_bundle("inspect", bundle).splitlines()
    assert "verified     no: the contents are untrusted; run `edged bundle verify`" in lines
    assert "bundle       marks@1.2, counter 1, epoch 0" in lines
    assert f"signed by    {SigningKeys('stranger').models.id} (unverified)" in lines
    assert "needs        memory 512 MiB" in lines
    assert "provenance   somewhere" in lines
    assert [line for line in lines if line.startswith("contains     model.tflite")]


def test_inspect_in_json(tmp_path: Path, run_bundle: BundleCommand) -> None:
    bundle = make_bundle(tmp_path, SIGNING)
    report = run_bundle.json("inspect", bundle)
    assert report["verified"] is False
    assert report["size_bytes"] == bundle.stat().st_size
    assert [one["valid"] for one in report["signatures"]] == [None]
    assert report["manifest"]["name"] == "marks"
    assert [file["name"] for file in report["manifest"]["files"]] == list(bundle_files(DUMMY_MODEL))


def test_what_is_no_bundle_is_reported_as_such(tmp_path: Path, run_bundle: BundleCommand) -> None:
    assert "cannot read" in run_bundle("inspect", tmp_path / "nowhere.edgem", code=1)
    (tmp_path / "a.edgem").write_bytes(b"x" * 1024)
    assert "the bundle is not a tar" in run_bundle("inspect", tmp_path / "a.edgem", code=1)


def test_verify_names_who_signed(tmp_path: Path, trust: Path, run_bundle: BundleCommand) -> None:
    bundle = make_bundle(tmp_path, SIGNING)
    lines = run_bundle("verify", bundle, "--trust", trust).splitlines()
    assert "verified     signatures, all files, goldens" in lines
    assert f"signed by    test models {SIGNING.models.id[:12]}" in lines
    report = run_bundle.json("verify", bundle, "--trust", trust)
    assert report["verified"] is True
    assert [one["valid"] for one in report["signatures"]] == [True]


def test_verify_refuses_what_a_device_would(
    tmp_path: Path, trust: Path, run_bundle: BundleCommand
) -> None:
    stranger = make_bundle(tmp_path, SigningKeys("stranger"), version="2")
    assert "must sign" in run_bundle("verify", stranger, "--trust", trust, code=1)
    bundle = make_bundle(tmp_path, SIGNING)
    damage(bundle, DUMMY_MODEL)
    assert "model.tflite is damaged" in run_bundle("verify", bundle, "--trust", trust, code=1)
    report = run_bundle.json("verify", bundle, "--trust", trust, code=1)
    assert report["verified"] is False
    assert "model.tflite is damaged" in report["reason"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"files": {GOLDENS: b"[]"}}, "goldens.json: the goldens cannot be read"),
        ({"files": {"model.tflite": b"another"}}, "was not made with the model"),
        ({"requirements": Requirements(edged="two")}, "requires the versions 'two'"),
    ],
)
def test_verify_refuses_what_is_signed_and_of_no_use(
    tmp_path: Path, trust: Path, run_bundle: BundleCommand, changes: dict[str, Any], reason: str
) -> None:
    bundle = make_bundle(tmp_path, SIGNING, **changes)
    assert reason in run_bundle("verify", bundle, "--trust", trust, code=1)


def test_verify_needs_a_trust_file(tmp_path: Path, run_bundle: BundleCommand) -> None:
    bundle = make_bundle(tmp_path, SIGNING)
    assert "cannot read" in run_bundle("verify", bundle, "--trust", tmp_path / "nowhere", code=1)
    assert "cannot be read" in run_bundle("verify", bundle, "--trust", bundle, code=1)
    with pytest.raises(SystemExit) as caught:
        main(["bundle", "verify", str(bundle)])
    assert caught.value.code == 2


@pytest.fixture
def unsigned(tmp_path: Path) -> Path:
    contents = bundle_files(DUMMY_MODEL)
    payload = encode_manifest(make_manifest(contents))
    bundle = tmp_path / "marks.edgem"
    sources = write_files(tmp_path / "files", contents)
    write_bundle(bundle, encode_envelope(Envelope(payload, PAYLOAD_TYPE, ())), sources)
    return bundle


def test_two_sign_one_after_the_other(
    tmp_path: Path, unsigned: Path, run_bundle: BundleCommand
) -> None:
    keys = [generate_key_pair(tmp_path / name) for name in ("alice", "bob")]
    root = SigningKey("root")
    trust = TrustFile(
        version=1,
        keys={key.id: key for key in (*keys, root.public)},
        root=Role(keys=(root.id,)),
        models=(ModelRole(keys=tuple(key.id for key in keys), threshold=2, names=("*",)),),
    )
    trusted = tmp_path / "both.json"
    trusted.write_bytes(SIGNING.trust_envelope(trust, root))
    assert "no key yet" in run_bundle("inspect", unsigned)
    run_bundle("sign", unsigned, "--key", tmp_path / "alice.pem")
    assert "must sign" in run_bundle("verify", unsigned, "--trust", trusted, code=1)
    run_bundle("sign", unsigned, "--key", tmp_path / "alice.pem")
    assert "must sign" in run_bundle("verify", unsigned, "--trust", trusted, code=1)
    run_bundle("sign", unsigned, "--key", tmp_path / "bob.pem")
    report = run_bundle.json("verify", unsigned, "--trust", trusted)
    assert [(one["name"], one["valid"]) for one in report["signatures"]] == [
        ("alice", True),
        ("bob", True),
    ]


def test_several_sign_at_once(tmp_path: Path, unsigned: Path, run_bundle: BundleCommand) -> None:
    options: list[str | Path] = []
    for name in ("alice", "bob"):
        generate_key_pair(tmp_path / name)
        options += ["--key", tmp_path / f"{name}.pem"]
    assert len(run_bundle.json("sign", unsigned, *options)["signatures"]) == 2


def test_what_cannot_be_signed_stays_as_it_is(
    tmp_path: Path, unsigned: Path, run_bundle: BundleCommand
) -> None:
    generate_key_pair(tmp_path / "alice")
    before = unsigned.read_bytes()
    assert "nobody.pem" in run_bundle("sign", unsigned, "--key", tmp_path / "nobody.pem", code=1)
    assert "needs its public key" in run_bundle("sign", unsigned, "--key", "hsm:", code=1)
    assert unsigned.read_bytes() == before
    damage(unsigned, DUMMY_MODEL)
    damaged = unsigned.read_bytes()
    error = run_bundle("sign", unsigned, "--key", tmp_path / "alice.pem", code=1)
    assert "model.tflite is damaged" in error
    assert unsigned.read_bytes() == damaged


DETAILS = """\
labels = ["cat", "dog"]
provenance = "trained at home"

[requirements]
edged = ">=0.1"
runtimes = ["litert>=2.1", "tflite"]

[thresholds]
threshold = 0.4
labels = { cat = 0.6 }

[budgets]
invoke_ms_p95 = 40

[probation]
min_s = 60
detection_ratio = [0.3, 3]
"""


def test_further_manifest_fields_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "manifest.toml"
    path.write_text(DETAILS)
    details = read_details(path)
    assert details.labels == ("cat", "dog")
    assert details.requirements == Requirements(edged=">=0.1", runtimes=("litert>=2.1", "tflite"))
    assert details.thresholds == Thresholds(threshold=0.4, labels={"cat": 0.6})
    assert details.budgets == Budgets(invoke_ms_p95=40.0)
    assert details.probation.detection_ratio == (0.3, 3.0)
    assert details.probation.min_frames == 500


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("provenence = 'x'\n", ':1: provenence: unknown key; did you mean "provenance"?'),
        ("[probation]\n\nmin_fps = 3\n", ":3: probation.min_fps: unknown key"),
        ("[budgets]\ninvoke_ms = 3\n", 'invoke_ms: unknown key; did you mean "invoke_ms_p95"?'),
        ("[probation]\nmin_s = '5'\n", ":2: probation.min_s: expected a number from 0 to 604800"),
        ("[thresholds]\nlabels = { cat = 2 }\n", "thresholds.labels.cat: expected a number from 0"),
        ("name = 'x'\n", ":1: name: unknown key"),
        ("[requirements\n", ":1: not TOML"),
    ],
)
def test_a_mistake_in_it_is_named_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "manifest.toml"
    path.write_text(text)
    with pytest.raises(InvalidConfigError) as caught:
        read_details(path)
    assert problem in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match=r"there is no such file$"):
        read_details(tmp_path / "nowhere.toml")


MINIMAL_ARGUMENTS = (
    "create", "--name", "marks", "--version", "1", "--counter", "1", "--epoch", "0",
    "--licence", "MIT", "--model", "m.tflite", "--goldens", "g", "--out", "a.edgem",
)  # fmt: skip


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--name", "Marks"),
        ("--name", "../a"),
        ("--version", "1/2"),
        ("--counter", "-1"),
        ("--epoch", "x"),
        ("--pictures", "p"),
    ],
)
def test_usage(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["bundle", *MINIMAL_ARGUMENTS, option, value])
    assert caught.value.code == 2
    assert option in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--licence", "my own"), "'my own' is no SPDX expression"),
        (("--edgetpu-goldens", "g"), "--edgetpu-goldens needs --edgetpu"),
        (("--manifest", "nowhere.toml"), "nowhere.toml: there is no such file\n"),
        (("--goldens", "nowhere"), "cannot read nowhere/goldens.json"),
        (("--key", "nobody.pem"), "nobody.pem"),
    ],
)
def test_what_cannot_be_made(
    options: tuple[str, ...], words: str, run_bundle: BundleCommand
) -> None:
    assert words in run_bundle(*MINIMAL_ARGUMENTS, *options, code=1)
