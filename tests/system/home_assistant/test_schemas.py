"""Home Assistant's own validation accepts the discovery message of every configuration, and drops no key of it."""

import json
from pathlib import Path

import pytest

from edged.home_assistant.discovery import build_components, encode_discovery
from support.discovery import CONFIGURATIONS
from system.commands import run
from system.home_assistant.installation import PYTHON, HomeAssistant


def find_problems(
    installation: HomeAssistant, folder: Path, messages: list[bytes]
) -> list[list[str]]:
    """Return what Home Assistant says against each message."""
    command = [*installation.enter_argv(folder), PYTHON, "/mnt/validate_discovery.py"]
    answer = run(command, stdin=b"\n".join(messages) + b"\n")
    return [json.loads(line) for line in answer.stdout.splitlines()]


def test_every_configuration_is_accepted(installation: HomeAssistant, tmp_path: Path) -> None:
    messages = [
        encode_discovery(device, build_components(settings, device), {"gone": "sensor"})
        for settings, device in CONFIGURATIONS.values()
    ]
    problems = find_problems(installation, tmp_path, messages)
    assert dict(zip(CONFIGURATIONS, problems, strict=True)) == {name: [] for name in CONFIGURATIONS}


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (('"dev_cla":"motion"', '"dev_cla":"movement"'), "camera/front/motion (binary_sensor)"),
        (('"stat_cla":', '"stat_clas":'), "the key stat_clas is dropped"),
        (('"p":"image"', '"p":"picture"'), "device:"),
        (('"uniq_id":', '"uniq":'), "device:"),
    ],
)
def test_a_wrong_message_is_not(
    installation: HomeAssistant, tmp_path: Path, wrong: tuple[str, str], problem: str
) -> None:
    settings, device = CONFIGURATIONS["all features"]
    text = encode_discovery(device, build_components(settings, device), {}).decode()
    assert wrong[0] in text
    (problems,) = find_problems(installation, tmp_path, [text.replace(*wrong).encode()])
    assert any(problem in line for line in problems), problems
