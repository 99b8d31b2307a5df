"""The discovery prefix of Home Assistant must not lie in edged's own topics, where a device would receive what it writes."""

import pytest

from edged.config.rules import check_rules
from edged.config.settings import HomeAssistantSettings, Settings


def problem_keys(prefix: str) -> list[tuple[object, ...]]:
    settings = Settings(home_assistant=HomeAssistantSettings(enabled=True, prefix=prefix))
    return [problem.key_path for problem in check_rules(settings)]


@pytest.mark.parametrize("prefix", ["homeassistant", "home/assistant", "edged2"])
def test_any_other_prefix_is_valid(prefix: str) -> None:
    assert problem_keys(prefix) == []


@pytest.mark.parametrize("prefix", ["edged", "edged/v1/a/up"])
def test_a_prefix_among_its_own_topics_is_not(prefix: str) -> None:
    assert problem_keys(prefix) == [("home_assistant", "prefix")]
