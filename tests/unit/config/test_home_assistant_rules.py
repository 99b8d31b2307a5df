"""The discovery prefix of Home Assistant must not lie in edged's own topics, where a device would receive what it writes."""

import pytest

from edged.config.rules import check_rules
from edged.config.settings import HomeAssistantSettings, Settings


@pytest.mark.parametrize(
    ("prefix", "is_valid"),
    [
        ("homeassistant", True),
        ("home/assistant", True),
        ("edged2", True),
        ("edged", False),
        ("edged/v1/a/up", False),
    ],
)
def test_the_prefix(prefix: str, is_valid: bool) -> None:
    settings = Settings(home_assistant=HomeAssistantSettings(enabled=True, prefix=prefix))
    found = [problem.key_path for problem in check_rules(settings)]
    assert found == ([] if is_valid else [("home_assistant", "prefix")])
