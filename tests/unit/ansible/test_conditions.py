"""The collection reads conditions by the names that the daemon publishes."""

from edged.health import ConditionKind
from edged.messaging.contract.device import DeviceHealth, HealthCondition
from support.simulated_fleet import import_plugin

conditions = import_plugin("module_utils.conditions")
message_fields = import_plugin("module_utils.message_fields")


def test_every_condition_that_the_collection_reads_is_one_of_the_daemons() -> None:
    assert set(conditions.CONDITIONS) <= {str(kind) for kind in ConditionKind}


def test_the_fields_in_which_it_finds_them_are_the_messages_own() -> None:
    assert message_fields.CONDITIONS in DeviceHealth.__struct_fields__
    assert message_fields.CONDITION_NAME in HealthCondition.__struct_fields__
