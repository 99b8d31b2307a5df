"""Named conditions, their severity, and where they are documented."""

import re
from pathlib import Path

import pytest

from edged.health import (
    CONDITIONS,
    ConditionKind,
    Conditions,
    Severity,
    condition_name_pattern,
)
from edged.messaging.contract.schema import conditions_markdown

DOCS = Path(__file__).parents[2] / "docs"
CAMERA, UPDATE, MODEL = ConditionKind.CAMERA, ConditionKind.UPDATE, ConditionKind.MODEL


def test_overall_health_is_the_gravest_condition() -> None:
    conditions = Conditions()
    verdicts = [conditions.overall_severity]
    conditions.set(UPDATE, "x", now_ns=1)
    verdicts.append(conditions.overall_severity)
    conditions.set(MODEL, "y", now_ns=2, severity=Severity.FAILED)
    verdicts.append(conditions.overall_severity)
    conditions.clear(MODEL)
    verdicts.append(conditions.overall_severity)
    assert verdicts == [Severity.OK, Severity.DEGRADED, Severity.FAILED, Severity.DEGRADED]


def test_a_changed_reason_is_news_but_keeps_its_beginning() -> None:
    conditions = Conditions()
    assert conditions.set(UPDATE, "x", now_ns=1)
    assert not conditions.set(UPDATE, "x", now_ns=2)
    assert conditions.set(UPDATE, "z", now_ns=3)
    assert [c.since_ns for c in conditions.active] == [1]


def test_active_conditions_come_oldest_first() -> None:
    conditions = Conditions()
    conditions.set(UPDATE, "x", now_ns=5)
    conditions.set(MODEL, "x", now_ns=9)
    assert [c.name for c in conditions.active] == ["update", "model"]


def test_each_subject_has_a_condition_of_its_own() -> None:
    conditions = Conditions()
    conditions.set(CAMERA, "x", now_ns=1, subject="a")
    conditions.set(CAMERA, "x", now_ns=1, subject="b")
    assert [c.name for c in conditions.active] == ["camera.a", "camera.b"]
    assert conditions.clear(CAMERA, "b")
    assert [c.name for c in conditions.active] == ["camera.a"]
    assert conditions.clear(CAMERA, "a")
    assert not conditions.clear(CAMERA, "a")


def test_clearing_a_kind_leaves_kinds_whose_names_begin_alike() -> None:
    conditions = Conditions()
    conditions.set(ConditionKind.CHANNEL, "x", now_ns=1)
    conditions.set(ConditionKind.CHANNEL_STALE, "x", now_ns=1)
    assert conditions.clear(ConditionKind.CHANNEL)
    assert [c.kind for c in conditions.active] == [ConditionKind.CHANNEL_STALE]


def test_every_kind_is_described() -> None:
    assert set(CONDITIONS) == set(ConditionKind)


def test_the_documentation_lists_every_condition() -> None:
    assert conditions_markdown() in (DOCS / "mqtt.md").read_text("utf-8")


@pytest.mark.parametrize("kind", ConditionKind)
def test_the_schema_admits_every_published_name(kind: ConditionKind) -> None:
    subject = "front" if CONDITIONS[kind].subject else None
    assert re.search(condition_name_pattern(), kind.name_of(subject))


@pytest.mark.parametrize("name", ["broker", "camera", "camera.", "models", "channel.front"])
def test_the_schema_admits_no_other_name(name: str) -> None:
    assert not re.search(condition_name_pattern(), name)
