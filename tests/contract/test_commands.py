"""Every registered command implements the protocol, and refuses what does not fit it."""

from pathlib import Path

import msgspec
import pytest
from msgspec import Struct
from msgspec.structs import replace

from edged.commands.reference import update_docs
from edged.config.overrides import CameraOverrides, apply_overrides
from edged.config.settings import CameraSettings, MaskSettings, Settings, ZoneSettings
from edged.daemon.command_rules import parse_args
from edged.daemon.switches import Change
from edged.interfaces.command import Command, Done, Finish, Outcome, Refused, SnapshotOptions
from edged.registry import COMMANDS, load_driver

SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
EXAMPLES: dict[str, dict[str, object]] = {
    "snapshot": {"camera": "a", "max_width": 640},
    "collect": {"camera": "a"},
    "detect": {"camera": "a", "on": False},
    "threshold": {"camera": "a", "score": 0.7, "label": "person"},
    "zone": {"camera": "a", "zone": "door", "on": False},
    "mask": {"camera": "a", "mask": "corner", "on": False},
    "model.rollback": {"reason": "too many false alarms"},
}
"""Arguments by verb; the others have none."""


class RecordingDevice:
    """A device that notes what is asked of it, and does only what commands switch."""

    def __init__(self) -> None:
        camera = CameraSettings(
            source="synthetic",
            zone={"door": ZoneSettings(points=SQUARE)},
            mask={"corner": MaskSettings(points=SQUARE)},
        )
        self.settings = Settings(camera={"a": camera, "off": replace(camera, enabled=False)})
        self.calls: list[str] = []

    def find_labels(self, camera: str) -> tuple[str, ...]:
        return ("person", "dog") if camera == "a" else ()

    def switch(self, camera: str, change: Change) -> None:
        self.calls.append("switch")
        self.settings = apply_overrides(self.settings, {camera: change(CameraOverrides())})

    def take_snapshot(self, camera: str, options: SnapshotOptions, finish: Finish) -> None:
        self._finish(f"snapshot of {camera} {options.max_width}", finish)

    def keep_example(self, camera: str, finish: Finish) -> None:
        self._finish(f"example of {camera}", finish)

    def reload(self, finish: Finish) -> None:
        self._finish("reload", finish)

    def run_self_test(self, finish: Finish) -> None:
        self._finish("self-test", finish)

    def roll_back_model(self, reason: str, finish: Finish) -> None:
        self._finish(f"rollback: {reason}", finish)

    def install_update(self, finish: Finish) -> None:
        self._finish("install", finish)

    def restart(self, finish: Finish) -> None:
        self._finish("restart", finish)

    def _finish(self, call: str, finish: Finish) -> None:
        self.calls.append(call)
        finish(Done())


@pytest.fixture(params=COMMANDS)
def verb(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def command(verb: str) -> Command:
    command: Command = load_driver(COMMANDS, verb)()
    return command


def execute(command: Command, args: object, device: RecordingDevice) -> Outcome:
    outcomes: list[Outcome] = []
    command.execute(args, device, outcomes.append)
    (outcome,) = outcomes
    return outcome


def test_it_describes_itself(command: Command) -> None:
    assert command.summary.endswith(".") or "up/" in command.summary
    schema = msgspec.json.schema(command.Args)
    for definition in schema["$defs"].values():
        assert all(field.get("description") for field in definition["properties"].values())
        assert definition["additionalProperties"] is False


def test_it_does_something_once(verb: str, command: Command) -> None:
    device = RecordingDevice()
    args = parse_args(verb, EXAMPLES.get(verb, {}), command.Args)
    assert isinstance(args, Struct), args
    assert execute(command, args, device) == Done()
    assert len(device.calls) == 1


def test_it_refuses_other_arguments(verb: str, command: Command) -> None:
    example = EXAMPLES.get(verb, {})
    wrong: list[dict[str, object]] = [{**example, "command": "rm"}]
    wrong += [{**example, name: {"": []}} for name in command.Args.__struct_fields__]
    required = command.Args.__struct_fields__
    required = required[: len(required) - len(command.Args.__struct_defaults__)]
    wrong += [{key: value for key, value in example.items() if key != name} for name in required]
    for args in wrong:
        refused = parse_args(verb, args, command.Args)
        assert isinstance(refused, Refused), args
        assert refused.code == "invalid_args"


def test_it_refuses_what_there_is_not(verb: str, command: Command) -> None:
    example = EXAMPLES.get(verb, {})
    for name in example.keys() & {"camera", "zone", "mask", "label"}:
        for unknown in ("x", "off", ""):
            device = RecordingDevice()
            args = parse_args(verb, {**example, name: unknown}, command.Args)
            refused = execute(command, args, device)
            assert isinstance(refused, Refused)
            assert refused.code == "not_found"
            assert unknown in refused.message
            assert device.calls == []


def test_the_documentation_is_that_of_the_drivers() -> None:
    text = (Path(__file__).parents[2] / "docs" / "commands.md").read_text("utf-8")
    assert update_docs(text) == text, "run: python -m edged.commands.reference"
