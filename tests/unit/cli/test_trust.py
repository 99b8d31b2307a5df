"""``edged trust``."""

import json
from pathlib import Path
from typing import Any

import pytest

from edged.cli.main import main
from edged.host.files import LocalFileSystem
from edged.updates.bundle.trust import verify_trust_file
from edged.updates.bundle.trust_chain import load_trust
from support.bundles import SigningKey, SigningKeys, make_bundle

TRUST = SigningKeys().trust_envelope()


class TrustBench:
    """A folder with keys and trust files."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def __truediv__(self, name: str) -> str:
        return str(self.folder / name)

    def run_trust(self, *arguments: str, code: int = 0) -> str:
        """Run ``edged trust``; return what it prints: its result, or its error."""
        assert main(["trust", *arguments]) == code
        out, err = self._capsys.readouterr()
        assert not (out and err)
        return out or err

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run_trust(*arguments, "--json", code=code))

    def keys(self, *names: str) -> None:
        for name in names:
            self.run_trust("key", self / name)

    def pub(self, *names: str) -> str:
        return ",".join(self / f"{name}.pub" for name in names)

    def create(self, out: str, *, root: str, version: int = 1, signed: tuple[str, ...]) -> None:
        self.run_trust(
            "create", "--root", self.pub(root), "--models", f"*={self.pub(root)}",
            "--version", str(version), "--out", self / out,
        )  # fmt: skip
        for name in signed:
            self.run_trust("sign", self / out, "--key", self / f"{name}.pem")


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> TrustBench:
    return TrustBench(tmp_path, capsys)


@pytest.fixture
def device(bench: TrustBench) -> Path:
    """Return the configuration of a device; ann has signed its trust file 1."""
    bench.keys("ann", "bea")
    bench.create("t1.json", root="ann", signed=("ann",))
    config = bench.folder / "edged.toml"
    config.write_text(
        f'[device]\nstate_dir = "{bench / "state"}"\n[camera.a]\nsource = "synthetic"\n'
        f'[jsonl]\n[updates]\ntrust = "{bench / "t1.json"}"\n'
    )
    return config


def test_a_trust_file_is_made_signed_and_accepted(bench: TrustBench) -> None:
    bench.keys("ann", "bea", "cat")
    made = bench.json(
        "create", "--root", bench / "ann.pub", bench / "bea.pub", "--root-threshold", "2",
        "--models", f"marks*,dogs={bench.pub('cat')}", "--models", f"x=2:{bench.pub('ann', 'bea')}",
        "--channel", bench.pub("cat"), "--description", "the lab's", "--out", bench / "t.json",
    )  # fmt: skip
    assert not made["accepted"]
    assert "must sign with 2 keys; 0 did" in made["reason"]
    assert not bench.json("sign", bench / "t.json", "--key", bench / "ann.pem")["accepted"]
    done = bench.json("sign", bench / "t.json", "--key", bench / "bea.pem")
    assert done["accepted"]
    assert [(one["name"], one["valid"]) for one in done["signatures"]] == [
        ("ann", True),
        ("bea", True),
    ]
    trust = verify_trust_file((bench.folder / "t.json").read_bytes())
    names = {id_: key.name for id_, key in trust.keys.items()}
    roles = [
        (getattr(role, "names", ()), role.threshold, [names[id_] for id_ in role.keys])
        for role in (trust.root, *trust.models, trust.channel)
        if role
    ]
    assert roles == [
        ((), 2, ["ann", "bea"]),
        (("marks*", "dogs"), 1, ["cat"]),
        (("x",), 2, ["ann", "bea"]),
        ((), 1, ["cat"]),
    ]
    assert (trust.version, trust.description) == (1, "the lab's")


def test_show_reports_what_is_wrong(bench: TrustBench) -> None:
    (bench.folder / "t.json").write_bytes(
        SigningKeys().trust_envelope(None, SigningKey("stranger"))
    )
    shown = bench.run_trust("show", bench / "t.json", code=1).splitlines()
    assert shown[1:3] == [
        "trust file   version 1",
        f"root         1 of test root {SigningKeys().root.id[:12]}",
    ]
    assert f"signed by    {SigningKey('stranger').id[:12]}: unknown key" in shown
    assert shown[-1].startswith("accepted     no: its own root")


def test_show_reports_what_a_device_would(bench: TrustBench, device: Path) -> None:
    del device
    bench.create("t2.json", root="bea", version=2, signed=("bea",))
    assert bench.json("show", bench / "t2.json")["accepted"] is True
    rejected = bench.json("show", bench / "t2.json", "--trust", bench / "t1.json", code=1)
    assert rejected["accepted"] is False
    bench.run_trust("sign", bench / "t2.json", "--key", bench / "ann.pem")
    assert bench.json("show", bench / "t2.json", "--trust", bench / "t1.json")["accepted"] is True


def test_a_desired_state_is_made_signed_and_shown(bench: TrustBench) -> None:
    signing = SigningKeys()
    bundle = make_bundle(bench.folder, signing, version="3")
    (bench.folder / "trust.json").write_bytes(signing.trust_envelope())
    made = bench.json(
        "desired", str(bundle), "--channel", "stable", "--sequence", "7",
        "--url", "https://a.example/b.edgem", "--refresh-h", "24", "--out", bench / "d.json",
    )  # fmt: skip
    assert made["accepted"] is None
    assert made["desired"] | {"digest": ""} == {
        "schema": "edged.desired/1", "channel": "stable", "sequence": 7, "title": "marks@3",
        "digest": "", "urls": ["https://a.example/b.edgem"], "refresh_h": 24.0,
    }  # fmt: skip
    bench.keys("ann")
    bench.run_trust("sign", bench / "d.json", "--key", bench / "ann.pem")
    seen = bench.json("show", bench / "d.json", "--trust", bench / "trust.json", code=1)
    assert (seen["accepted"], seen["reason"]) == (
        False,
        "the channel role must sign with 1 keys; 0 did",
    )
    assert "desired      marks@3 " in bench.run_trust("show", bench / "d.json")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("show", "nowhere.json"), "cannot read"),
        (("show", "ann.pub"), "the envelope cannot be read"),
        (("sign", "ann.pub", "--key", "ann.pem"), "the envelope cannot be read"),
        (("sign", "manifest.json", "--key", "ann.pem"), "neither a trust file nor a desired state"),
        (("sign", "t.json", "--key", "t.json"), "has no private key"),
        (("sign", "t.json", "--key", "hsm:2"), "hsm:2 needs its public key"),
        (("key", "ann"), "exists already"),
        (
            ("create", "--root", "ann.pem", "--models", "*=ann.pub", "--out", "x"),
            "ann is not a public key",
        ),
        (
            ("create", "--root", "ann.pub", "--models", "*=no.pub", "--out", "x"),
            r"cannot read no\.pub",
        ),
        (("create", "--root", "ann.pub", "--models", "A=ann.pub", "--out", "x"), "regex"),
        (
            ("create", "--root", "ann.pub", "--models", "*=2:ann.pub", "--out", "x"),
            "wants 2 of 1 keys",
        ),
        (
            ("create", "--root", "ann.pub", "--models", "*=ann.pub", "--out", "t.json"),
            "File exists",
        ),
    ],
)
def test_what_cannot_be_done_is_reported_in_a_line(
    bench: TrustBench, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], why: str
) -> None:
    monkeypatch.chdir(bench.folder)
    bench.keys("ann")
    (bench.folder / "t.json").write_bytes(TRUST)
    (bench.folder / "manifest.json").write_bytes(TRUST.replace(b"trust+json", b"manifest+json"))
    error = bench.run_trust(*arguments, code=1)
    assert pytest.raises(AssertionError, match=why).matches(AssertionError(error)), error
    assert error.startswith("edged: ")
    assert error.count("\n") == 1
    assert (bench.folder / "t.json").read_bytes() == TRUST


@pytest.mark.parametrize("models", ["ann.pub", "=ann.pub", "*=", "a,,b=ann.pub", "*=2:", "*=a,"])
def test_a_role_that_is_none_is_a_usage_error(bench: TrustBench, models: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        bench.run_trust("create", "--root", "ann.pub", "--models", models, "--out", "x")


def test_a_device_takes_a_successor_once(bench: TrustBench, device: Path) -> None:
    bench.create("t2.json", root="bea", version=2, signed=("ann", "bea"))
    update = ("update", bench / "t2.json", "-c", str(device))
    answer = bench.json(*update)
    stored = Path(answer.pop("file"))
    assert stored == bench.folder / "state/models/trust.json"
    assert answer == {"changed": True, "version": 2, "was": 1}
    assert bench.run_trust(*update) == "trust file version 2 is in force already\n"
    assert load_trust(bench.folder / "t1.json", stored, LocalFileSystem()).version == 2


def test_a_device_that_was_away_takes_them_in_turn(bench: TrustBench, device: Path) -> None:
    bench.create("t2.json", root="bea", version=2, signed=("ann", "bea"))
    bench.create("t3.json", root="bea", version=3, signed=("bea",))
    files = [bench / f"t{number}.json" for number in (1, 2, 3)]
    assert "trust file 1 must sign" in bench.run_trust(
        "update", files[2], "-c", str(device), code=1
    )
    assert bench.json("update", *files, "-c", str(device))["version"] == 3
    assert bench.json("update", *files, "-c", str(device))["changed"] is False
    assert "version 2 cannot follow version 3" in bench.run_trust(
        "update", files[1], "-c", str(device), code=1
    )


def test_a_device_takes_no_strangers_trust_file(bench: TrustBench, device: Path) -> None:
    bench.create("t2.json", root="bea", version=2, signed=("bea",))
    bench.run_trust("update", bench / "t2.json", "-c", str(device), code=1)
    assert not (bench.folder / "state/models/trust.json").exists()
    bench.create("fork.json", root="bea", version=1, signed=("bea",))
    assert "version 1 cannot follow version 1" in bench.run_trust(
        "update", bench / "fork.json", "-c", str(device), code=1
    )


def test_a_device_without_trust_reports_it(bench: TrustBench, device: Path) -> None:
    device.write_text(device.read_text().split("[updates]")[0])
    error = bench.run_trust("update", bench / "t1.json", "-c", str(device), code=1)
    assert "updates.trust is not set" in error
