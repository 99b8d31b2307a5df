"""Named conditions and their verdict."""

from edged.health import Conditions, Verdict


def test_the_verdict_is_the_gravest_condition() -> None:
    conditions = Conditions()
    verdicts = [conditions.verdict]
    conditions.hold("a", "x", now_ns=1)
    verdicts.append(conditions.verdict)
    conditions.hold("b", "y", now_ns=2, severity=Verdict.FAILED)
    verdicts.append(conditions.verdict)
    conditions.clear("b")
    verdicts.append(conditions.verdict)
    assert verdicts == [Verdict.OK, Verdict.DEGRADED, Verdict.FAILED, Verdict.DEGRADED]


def test_a_changed_reason_is_news_but_keeps_its_beginning() -> None:
    conditions = Conditions()
    assert conditions.hold("a", "x", now_ns=1)
    assert not conditions.hold("a", "x", now_ns=2)
    assert conditions.hold("a", "z", now_ns=3)
    assert [c.since_ns for c in conditions.held] == [1]


def test_held_conditions_come_oldest_first() -> None:
    conditions = Conditions()
    conditions.hold("b", "x", now_ns=5)
    conditions.hold("a", "x", now_ns=9)
    assert [c.name for c in conditions.held] == ["b", "a"]


def test_clearing_says_whether_that_is_news() -> None:
    conditions = Conditions()
    conditions.hold("camera.a", "x", now_ns=1)
    conditions.hold("camera.b", "x", now_ns=1)
    assert conditions.clear_all("camera.")
    assert not conditions.clear_all("camera.")
    assert not conditions.clear("camera.a")
