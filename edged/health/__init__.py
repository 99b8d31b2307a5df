"""Health of the device: named conditions and the severity that they add up to."""

from edged.health.conditions import Condition, ConditionReporter, Conditions, Severity
from edged.health.kinds import (
    CONDITIONS,
    ConditionDescription,
    ConditionKind,
    condition_name_pattern,
)

__all__ = [
    "CONDITIONS",
    "Condition",
    "ConditionDescription",
    "ConditionKind",
    "ConditionReporter",
    "Conditions",
    "Severity",
    "condition_name_pattern",
]
