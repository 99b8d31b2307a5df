"""``edged trust``."""

import json
from pathlib import Path
from typing import Any

import pytest

from edged.cli.main import main
from edged.host.files import LocalFiles
from edged.updates.bundle.trust import read_trust
from edged.updates.bundle.trusted import load_trust
from support.bundles import Key, Signing, make_bundle

TRUST = Signing().trust_envelope()


class Desk:
    """Somebody's folder with keys and trust files."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def __truediv__(self, name: str) -> str:
        return str(self.folder / name)

    def trust(self, *arguments: str, code: int = 0) -> str:
        """What it answered, or complained of."""
        assert main(["trust", *arguments]) == code
        out, err = self._capsys.readouterr()
        assert not (err if code == 0 else out)
        return out if code == 0 else err

    def json(self, *arguments: str) -> Any:
        return json.loads(self.trust(*arguments, "--json"))

    def keys(self, *names: str) -> None:
        for name in names:
            self.trust("key", self / name)

    def pub(self, *names: str) -> str:
        return ",".join(self / f"{name}.pub" for name in names)

    def create(self, out: str, *, root: str, version: int = 1, signed: tuple[str, ...]) -> None:
        self.trust(
            "create", "--root", self.pub(root), "--models", f"*={self.pub(root)}",
            "--version", str(version), "--out", self / out,
        )  # fmt: skip
        for name in signed:
            self.trust("sign", self / out, "--key", self / f"{name}.pem")


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


@pytest.fixture
def device(desk: Desk) -> Path:
    """Its configuration; trust file 1 is ann's."""
    desk.keys("ann", "bea")
    desk.create("t1.json", root="ann", signed=("ann",))
    config = desk.folder / "edged.toml"
    config.write_text(
        f'[device]\nstate_dir = "{desk / "state"}"\n[camera.a]\nsource = "synthetic"\n'
        f'[jsonl]\n[updates]\ntrust = "{desk / "t1.json"}"\n'
    )
    return config


def test_a_trust_file_is_made_signed_and_believed(desk: Desk) -> None:
    desk.keys("ann", "bea", "cat")
    made = desk.json(
        "create", "--root", desk / "ann.pub", desk / "bea.pub", "--root-threshold", "2",
        "--models", f"marks*,dogs={desk.pub('cat')}", "--models", f"x=2:{desk.pub('ann', 'bea')}",
        "--channel", desk.pub("cat"), "--description", "the lab's", "--out", desk / "t.json",
    )  # fmt: skip
    assert not made["accepted"]
    assert "must sign with 2 keys; 0 did" in made["reason"]
    assert not desk.json("sign", desk / "t.json", "--key", desk / "ann.pem")["accepted"]
    done = desk.json("sign", desk / "t.json", "--key", desk / "bea.pem")
    assert done["accepted"]
    assert [(one["name"], one["right"]) for one in done["signatures"]] == [
        ("ann", True),
        ("bea", True),
    ]
    trust = read_trust((desk.folder / "t.json").read_bytes())
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


def test_show_says_what_is_wrong(desk: Desk) -> None:
    (desk.folder / "t.json").write_bytes(Signing().trust_envelope(None, Key("stranger")))
    shown = desk.trust("show", desk / "t.json").splitlines()
    assert shown[1:3] == [
        "trust file   version 1",
        f"root         1 of test root {Signing().root.id[:12]}",
    ]
    assert f"signed by    {Key('stranger').id[:12]}: unknown key" in shown
    assert shown[-1].startswith("accepted     no: its own root")


def test_show_says_what_a_device_would_say(desk: Desk, device: Path) -> None:
    del device
    desk.create("t2.json", root="bea", version=2, signed=("bea",))
    assert desk.json("show", desk / "t2.json")["accepted"] is True
    assert desk.json("show", desk / "t2.json", "--trust", desk / "t1.json")["accepted"] is False
    desk.trust("sign", desk / "t2.json", "--key", desk / "ann.pem")
    assert desk.json("show", desk / "t2.json", "--trust", desk / "t1.json")["accepted"] is True


def test_a_desired_state_is_made_signed_and_shown(desk: Desk) -> None:
    signing = Signing()
    bundle = make_bundle(desk.folder, signing, version="3")
    (desk.folder / "trust.json").write_bytes(signing.trust_envelope())
    made = desk.json(
        "desired", str(bundle), "--channel", "stable", "--sequence", "7",
        "--url", "https://a.example/b.edgem", "--refresh-h", "24", "--out", desk / "d.json",
    )  # fmt: skip
    assert made["accepted"] is None
    assert made["desired"] | {"digest": ""} == {
        "schema": "edged.desired/1", "channel": "stable", "sequence": 7, "title": "marks@3",
        "digest": "", "urls": ["https://a.example/b.edgem"], "refresh_h": 24.0,
    }  # fmt: skip
    desk.keys("ann")
    desk.trust("sign", desk / "d.json", "--key", desk / "ann.pem")
    seen = desk.json("show", desk / "d.json", "--trust", desk / "trust.json")
    assert (seen["accepted"], seen["reason"]) == (
        False,
        "the channel role must sign with 1 keys; 0 did",
    )
    assert "desired      marks@3 " in desk.trust("show", desk / "d.json")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("show", "nowhere.json"), "cannot read"),
        (("show", "ann.pub"), "the envelope cannot be read"),
        (("sign", "ann.pub", "--key", "ann.pem"), "the envelope cannot be read"),
        (("sign", "manifest.json", "--key", "ann.pem"), "neither a trust file nor a desired state"),
        (("sign", "t.json", "--key", "t.json"), "cannot sign with"),
        (("sign", "t.json", "--key", "hsm:2"), "hsm:2 needs its public key"),
        (("key", "ann"), "is there already"),
        (
            ("create", "--root", "ann.pem", "--models", "*=ann.pub", "--out", "x"),
            "ann is no public key",
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
def test_what_cannot_be_done_is_said_in_a_line(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], why: str
) -> None:
    monkeypatch.chdir(desk.folder)
    desk.keys("ann")
    (desk.folder / "t.json").write_bytes(TRUST)
    (desk.folder / "manifest.json").write_bytes(TRUST.replace(b"trust+json", b"manifest+json"))
    complaint = desk.trust(*arguments, code=1)
    assert pytest.raises(AssertionError, match=why).matches(AssertionError(complaint)), complaint
    assert complaint.startswith("edged: ")
    assert complaint.count("\n") == 1
    assert (desk.folder / "t.json").read_bytes() == TRUST


@pytest.mark.parametrize("models", ["ann.pub", "=ann.pub", "*=", "a,,b=ann.pub", "*=2:", "*=a,"])
def test_a_role_that_is_none_is_a_usage_error(desk: Desk, models: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        desk.trust("create", "--root", "ann.pub", "--models", models, "--out", "x")


def test_a_device_takes_a_successor_once(desk: Desk, device: Path) -> None:
    desk.create("t2.json", root="bea", version=2, signed=("ann", "bea"))
    update = ("update", desk / "t2.json", "-c", str(device))
    answer = desk.json(*update)
    stored = Path(answer.pop("file"))
    assert stored == desk.folder / "state/models/trust.json"
    assert answer == {"changed": True, "version": 2, "was": 1}
    assert desk.trust(*update) == "trust file 2 is in force already\n"
    assert load_trust(desk.folder / "t1.json", stored, LocalFiles()).version == 2


def test_a_device_that_was_away_takes_them_in_turn(desk: Desk, device: Path) -> None:
    desk.create("t2.json", root="bea", version=2, signed=("ann", "bea"))
    desk.create("t3.json", root="bea", version=3, signed=("bea",))
    files = [desk / f"t{number}.json" for number in (1, 2, 3)]
    assert "trust file 1 must sign" in desk.trust("update", files[2], "-c", str(device), code=1)
    assert desk.json("update", *files, "-c", str(device))["version"] == 3
    assert desk.json("update", *files, "-c", str(device))["changed"] is False
    assert "version 2 cannot follow 3" in desk.trust("update", files[1], "-c", str(device), code=1)


def test_a_device_takes_no_strangers_trust_file(desk: Desk, device: Path) -> None:
    desk.create("t2.json", root="bea", version=2, signed=("bea",))
    desk.trust("update", desk / "t2.json", "-c", str(device), code=1)
    assert not (desk.folder / "state/models/trust.json").exists()
    desk.create("fork.json", root="bea", version=1, signed=("bea",))
    assert "version 1 cannot follow 1" in desk.trust(
        "update", desk / "fork.json", "-c", str(device), code=1
    )


def test_a_device_without_trust_says_so(desk: Desk, device: Path) -> None:
    device.write_text(device.read_text().split("[updates]")[0])
    complaint = desk.trust("update", desk / "t1.json", "-c", str(device), code=1)
    assert "updates.trust is not set" in complaint
