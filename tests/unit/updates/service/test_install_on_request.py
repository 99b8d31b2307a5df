"""``updates.install = "on_request"``: what the channel offers waits for the command `update.install`."""

from pathlib import Path

from msgspec.structs import replace

from edged.interfaces import MessageReceived
from edged.updates.bundle.envelope import Envelope, encode_envelope
from edged.updates.installer.messages import InstallFinished
from edged.updates.rules.desired import DesiredState, encode_desired
from support.update_scenario import SETTINGS, Scenario

ON_REQUEST = replace(SETTINGS, updates=replace(SETTINGS.updates, install="on_request"))
DESIRED = DesiredState(
    channel="stable",
    sequence=3,
    title="people@2",
    digest="0" * 64,
    urls=("https://models.example/people-2.edgem",),
)
ENVELOPE = encode_envelope(
    Envelope(
        payload=encode_desired(DESIRED),
        payload_type="application/vnd.edged.desired+json",
        signatures=(),
    )
)


def offer(scenario: Scenario, envelope: bytes) -> None:
    scenario.updates.process_message(MessageReceived("down/desired", envelope, retained=True))
    scenario.run(1)


def offered(scenario: Scenario) -> str:
    report = scenario.updates.build_status_report()
    assert report is not None
    assert report.channel is not None
    return report.channel.offered


def test_it_waits_and_is_installed_when_asked_for(tmp_path: Path) -> None:
    scenario = Scenario(tmp_path).start()
    scenario.apply_settings(ON_REQUEST)
    assert scenario.updates.install_offered() == (
        "the update channel has offered no version since the daemon's start"
    )
    offer(scenario, ENVELOPE)
    assert scenario.installs == []
    assert offered(scenario) == "people@2"
    assert scenario.updates.install_offered() is None
    scenario.run(1)
    assert [desired for desired, _ in scenario.installs] == [ENVELOPE]


def test_a_request_counts_once(tmp_path: Path) -> None:
    scenario = Scenario(tmp_path).start()
    scenario.apply_settings(ON_REQUEST)
    offer(scenario, ENVELOPE)
    assert scenario.updates.install_offered() is None
    scenario.run(1)
    scenario.updates.process_message(InstallFinished())
    scenario.run(1)
    offer(scenario, b"the next one")
    assert len(scenario.installs) == 1
    assert offered(scenario) == ""


def test_what_was_followed_is_followed_again(tmp_path: Path) -> None:
    scenario = Scenario(tmp_path).start()
    offer(scenario, ENVELOPE)
    scenario.updates.process_message(InstallFinished())
    scenario.run(1)
    assert len(scenario.installs) == 1
    assert scenario.updates.install_offered() is None
    scenario.run(1)
    assert [desired for desired, _ in scenario.installs] == [ENVELOPE, ENVELOPE]


def test_without_a_channel_or_keys_it_is_refused(tmp_path: Path) -> None:
    scenario = Scenario(tmp_path).start()
    scenario.apply_settings(replace(SETTINGS, updates=replace(SETTINGS.updates, channel=False)))
    assert "updates.channel" in (scenario.updates.install_offered() or "")
    scenario.apply_settings(replace(SETTINGS, updates=replace(SETTINGS.updates, trust=None)))
    assert "updates.trust" in (scenario.updates.install_offered() or "")
