"""Named conditions and their verdict."""

from edged.health import Conditions, Severity


def test_overall_health_is_the_gravest_condition() -> None:
    conditions = Conditions()
    verdicts = [conditions.overall_severity]
    conditions.set("a", "x", now_ns=1)
    verdicts.append(conditions.overall_severity)
    conditions.set("b", "y", now_ns=2, severity=Severity.FAILED)
    verdicts.append(conditions.overall_severity)
    conditions.clear("b")
    verdicts.append(conditions.overall_severity)
    assert verdicts == [Severity.OK, Severity.DEGRADED, Severity.FAILED, Severity.DEGRADED]


def test_a_changed_reason_is_news_but_keeps_its_beginning() -> None:
    conditions = Conditions()
    assert conditions.set("a", "x", now_ns=1)
    assert not conditions.set("a", "x", now_ns=2)
    assert conditions.set("a", "z", now_ns=3)
    assert [c.since_ns for c in conditions.active] == [1]


def test_held_conditions_come_oldest_first() -> None:
    conditions = Conditions()
    conditions.set("b", "x", now_ns=5)
    conditions.set("a", "x", now_ns=9)
    assert [c.name for c in conditions.active] == ["b", "a"]


def test_clearing_returns_whether_that_is_news() -> None:
    conditions = Conditions()
    conditions.set("camera.a", "x", now_ns=1)
    conditions.set("camera.b", "x", now_ns=1)
    assert conditions.clear_all("camera.")
    assert not conditions.clear_all("camera.")
    assert not conditions.clear("camera.a")
