"""Where a running daemon takes updates from: a file, a web server, a folder, and a channel that says what is to run; and whom it believes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from edged.updates.bundle import trust as trusts
from edged.updates.bundle.trust import ModelRole
from edged.updates.rules.desired import DesiredState, encode_desired
from edged.updates.service.control_messages import RollbackRequest, StatusRequest
from support import fetch_server
from support.bundles import SigningKey, SigningKeys, sign
from support.fetch_server import Site
from support.mqtt_recorder import Body
from support.subscriber import publish_message
from support.update_device import (
    MINIMAL_TRIAL,
    UpdateDevice,
    bundle_digest,
    desired_topic,
    run_edged,
    running_device,
)
from support.waiting import wait_for

SIMULATED = 'runtime = "simulated"'


@pytest.fixture(autouse=True, scope="module")
def no_proxy() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "*")
        yield


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpdateDevice]:
    """A device with a folder for bundles."""
    folder = tmp_path_factory.mktemp("device")
    (folder / "drop").mkdir()
    with running_device(folder, model=SIMULATED, updates=f'folder = "{folder}/drop"') as running:
        running.recorder.await_event("start")
        yield running


@pytest.fixture
def site() -> Iterator[Site]:
    with fetch_server.serve_site() as opened:
        yield opened


def test_a_download_that_breaks_off_goes_on_where_it_was(camera: UpdateDevice, site: Site) -> None:
    bundle = camera.make_simulated_bundle("broken-off", probation=MINIMAL_TRIAL)
    size = bundle.stat().st_size
    site.files["/m.edgem"] = bundle.read_bytes()
    site.behaviours["/m.edgem"] = [
        fetch_server.cuts_after(size // 3),
        fetch_server.cuts_range_after(size // 3),
        fetch_server.well_behaved,
    ]
    last = camera.await_outcome(
        camera.install(f"{site.url}/m.edgem", expected=bundle_digest(bundle))
    )
    assert (last["outcome"], last["digest"]) == ("committed", bundle_digest(bundle))
    ranges = [wanted for _, wanted, _ in site.requests]
    assert ranges == ["", f"bytes={size // 3}-", f"bytes={size // 3 * 2}-"]


def test_what_a_server_does_not_have_is_rejected(camera: UpdateDevice, site: Site) -> None:
    last = camera.await_outcome(camera.install(f"{site.url}/no.edgem"))
    assert last["outcome"] == "rejected"
    assert "404" in last["reason"]
    assert site.url.removeprefix("http://") in last["reason"]


def test_what_is_dropped_into_the_folder_is_installed_and_goes_when_it_is_over(
    camera: UpdateDevice,
) -> None:
    bundle = camera.make_simulated_bundle("dropped", probation=MINIMAL_TRIAL)
    dropped = copy_to_drop_folder(camera, bundle)
    last = camera.await_bundle_outcome(bundle)
    assert last["outcome"] == "committed"
    await_removed(dropped)
    by = {
        body["candidate"]["requested_by"]
        for body in camera.recorder.payloads("/up/model")
        if body["candidate"] and body["candidate"]["id"] == last["id"]
    }
    assert by == {"drop-folder"}


def test_a_bad_file_in_the_folder_is_rejected_once(camera: UpdateDevice) -> None:
    before = len(camera.send_request(StatusRequest()).status.past)
    dropped = []
    for name in ("first", "second"):  # that the second one is installed shows another scan
        junk = camera.folder / name
        junk.write_bytes(name.encode() * 1000)
        dropped.append(copy_to_drop_folder(camera, junk))
        await_removed(dropped[-1])
    past = camera.send_request(StatusRequest()).status.past
    assert [one.outcome for one in past[before:]] == ["rejected", "rejected"]
    assert [one.source for one in past[before:]] == [str(path) for path in dropped]


def test_bundles_that_are_dropped_together_have_their_turns(camera: UpdateDevice) -> None:
    bundles = [
        camera.make_simulated_bundle(f"one-of-two-{k}", probation=MINIMAL_TRIAL) for k in "ab"
    ]
    files = [copy_to_drop_folder(camera, bundle) for bundle in bundles]
    for file, bundle in zip(files, bundles, strict=True):
        assert camera.await_bundle_outcome(bundle)["outcome"] == "committed"
        await_removed(file)


def copy_to_drop_folder(camera: UpdateDevice, file: Path) -> Path:
    """Copy it there, and give it its name when it is whole."""
    folder = camera.folder / "drop"
    partial = folder / f".{file.name}.edgem"
    partial.write_bytes(file.read_bytes())
    return partial.rename(folder / f"{file.stem}.edgem")


def await_removed(file: Path) -> None:
    wait_for(lambda: not file.exists(), state=lambda: f"{file} exists")


# ---- The channel ------------------------------------------------------------------------------------------------------------


class DesiredChannel:
    """What it says to one device, retained."""

    def __init__(self, camera: UpdateDevice, site: Site) -> None:
        self._camera = camera
        self._site = site

    def desired_envelope(
        self, sequence: int, bundle: Path, signing: SigningKeys, *mirrors: str
    ) -> bytes:
        """A desired state: this bundle, from the mirrors first."""
        path = f"/{bundle.name}"
        self._site.files[path] = bundle.read_bytes()
        desired = DesiredState(
            channel="shops",
            sequence=sequence,
            title="any@1",
            digest=bundle_digest(bundle),
            urls=(*mirrors, f"{self._site.url}{path}"),
        )
        return signing.desired_envelope(encode_desired(desired))

    def publish(self, envelope: bytes) -> None:
        """Say it."""
        publish_message(self._camera.broker.port, desired_topic(), envelope, retain=True)


@pytest.fixture
def following_device(tmp_path: Path) -> Iterator[UpdateDevice]:
    """A device that follows a channel."""
    with running_device(tmp_path, model=SIMULATED, updates="channel = true") as running:
        running.recorder.await_event("start")
        yield running


def test_a_device_follows_its_channel_forward_and_never_back(
    following_device: UpdateDevice, site: Site
) -> None:
    channel = DesiredChannel(following_device, site)
    first, second = (
        following_device.make_simulated_bundle(f"step-{k}", probation=MINIMAL_TRIAL) for k in (1, 2)
    )
    words = [
        channel.desired_envelope(sequence, bundle, following_device.signing)
        for sequence, bundle in ((3, first), (5, second))
    ]
    for word, bundle, sequence in zip(words, (first, second), (3, 5), strict=True):
        channel.publish(word)
        assert following_device.await_bundle_outcome(bundle)["outcome"] == "committed"
        assert not await_channel(following_device, sequence)["stale"]

    now = following_device.recorder.position()
    channel.publish(words[0])
    following_device.await_condition(
        "channel", "replayed: the desired state 3 is older than 5", after=now
    )
    now = following_device.recorder.position()
    channel.publish(channel.desired_envelope(5, first, following_device.signing))
    following_device.await_condition(
        "channel", "replayed: there is another desired state 5", after=now
    )
    now = following_device.recorder.position()
    stranger = SigningKeys("stranger")
    channel.publish(channel.desired_envelope(9, first, stranger))
    following_device.await_condition("channel", "must sign", after=now)
    status = following_device.send_request(StatusRequest()).status
    assert status.sequence == 5
    assert len(status.past) == 2
    assert status.versions[0].digest == bundle_digest(second)

    now = following_device.recorder.position()
    channel.publish(words[1])
    following_device.recorder.await_health(lambda body: not body["degradations"], after=now)


def await_channel(following_device: UpdateDevice, sequence: int) -> Body:
    """What the device says of the channel, from this word on."""
    message = following_device.await_model_state(
        lambda body: body["channel"]["sequence"] == sequence
    )
    state: Body = message["channel"]
    return state


def test_a_word_from_before_the_start_is_followed_and_after_a_restart_not_again(
    following_device: UpdateDevice, site: Site
) -> None:
    code, _ = following_device.daemon.stop()
    assert code == 0
    channel = DesiredChannel(following_device, site)
    bundle = following_device.make_simulated_bundle("from-before", probation=MINIMAL_TRIAL)
    channel.publish(channel.desired_envelope(1, bundle, following_device.signing))
    with following_device.daemon:
        message = following_device.await_model_state(lambda body: body["last"])
        assert (message["last"]["outcome"], message["last"]["digest"]) == (
            "committed",
            bundle_digest(bundle),
        )
        assert not following_device.send_request(RollbackRequest()).error
    with following_device.daemon:
        now = following_device.recorder.position()
        following_device.recorder.await_message("/detections", after=now)
        # A later word that is refused shows that the retained one has been received.
        channel.publish(channel.desired_envelope(2, bundle, SigningKeys("stranger")))
        following_device.await_condition("channel", "must sign", after=now)
        status = following_device.send_request(StatusRequest()).status
        assert (status.sequence, status.deployment) == (1, None)
        assert [past.outcome for past in status.past] == ["committed", "rolled-back"]


def test_a_channel_has_mirrors(following_device: UpdateDevice, site: Site) -> None:
    channel = DesiredChannel(following_device, site)
    bundle = following_device.make_simulated_bundle("mirrored", probation=MINIMAL_TRIAL)
    site.files["/other.edgem"] = following_device.make_simulated_bundle("other").read_bytes()
    word = channel.desired_envelope(
        1, bundle, following_device.signing, f"{site.url}/gone.edgem", f"{site.url}/other.edgem"
    )
    channel.publish(word)
    message = following_device.await_model_state(lambda body: body["last"])
    assert (message["last"]["outcome"], message["last"]["digest"]) == (
        "committed",
        bundle_digest(bundle),
    )
    assert [path for path, _, _ in site.requests][:2] == ["/gone.edgem", "/other.edgem"]


def test_what_a_channel_cannot_give_yet_is_fetched_when_it_can(
    following_device: UpdateDevice, site: Site
) -> None:
    channel = DesiredChannel(following_device, site)
    bundle = following_device.make_simulated_bundle("late", probation=MINIMAL_TRIAL)
    word = channel.desired_envelope(1, bundle, following_device.signing)
    content = site.files.pop(f"/{bundle.name}")
    channel.publish(word)
    message = following_device.await_model_state(
        lambda body: body["candidate"] and body["candidate"]["blocked_reason"]
    )
    assert "404" in message["candidate"]["blocked_reason"]
    following_device.await_condition("update", "the next attempt is in")
    site.files[f"/{bundle.name}"] = content
    message = following_device.await_model_state(lambda body: body["last"])
    assert message["last"]["outcome"] == "committed"
    following_device.recorder.await_health(
        lambda body: not body["degradations"], after=following_device.recorder.position()
    )


def test_a_stale_channel_is_reported_and_inference_goes_on(tmp_path: Path, site: Site) -> None:
    with running_device(
        tmp_path, model=SIMULATED, updates="channel = true\nstale_h = 0.002"
    ) as camera:
        camera.await_condition("channel.stale", "no new message on the update channel")
        now = camera.recorder.position()
        camera.recorder.await_message("/detections", after=now)
        camera.await_model_state(lambda body: body["channel"]["stale"])
        channel = DesiredChannel(camera, site)
        now = camera.recorder.position()
        channel.publish(
            channel.desired_envelope(
                1, camera.make_simulated_bundle("news", probation=MINIMAL_TRIAL), camera.signing
            )
        )
        camera.recorder.await_health(
            lambda body: "channel.stale" not in [one["name"] for one in body["degradations"]],
            after=now,
        )


# ---- Whom it believes -------------------------------------------------------------------------------------------------------


def test_a_revoked_key_signs_nothing_any_more_from_the_moment_on(camera: UpdateDevice) -> None:
    old, new = camera.signing, SigningKeys("new")
    successor = replace(
        old.trust,
        version=2,
        keys={old.root.id: old.root.public, new.models.id: new.models.public},
        models=(ModelRole(keys=(new.models.id,), names=("*",)),),
        channel=None,
    )
    file = camera.folder / "trust-2.json"
    file.write_bytes(old.trust_envelope(successor))
    revoked = camera.make_simulated_bundle("revoked", probation=MINIMAL_TRIAL)
    updated = run_edged("trust", "update", "-c", camera.daemon.config, file)
    assert updated.returncode == 0, updated.stderr
    last = camera.await_outcome(camera.install(revoked))
    assert last["outcome"] == "rejected"
    assert "must sign" in last["reason"]
    believed = camera.make_simulated_bundle("believed", signing=new, probation=MINIMAL_TRIAL)
    assert camera.await_outcome(camera.install(believed))["outcome"] == "committed"
    again = run_edged("trust", "update", "-c", camera.daemon.config, file)
    assert again.returncode == 0, again.stderr


def test_a_successor_that_the_old_root_has_not_signed_is_refused(camera: UpdateDevice) -> None:
    thief = SigningKey("thief")
    stolen = replace(
        camera.signing.trust,
        version=3,
        keys={thief.id: thief.public},
        root=trusts.Role(keys=(thief.id,)),
        models=(ModelRole(keys=(thief.id,), names=("*",)),),
        channel=None,
    )
    file = camera.folder / "stolen.json"
    file.write_bytes(sign(trusts.PAYLOAD_TYPE, trusts.encode_trust_file(stolen), thief))
    refused = run_edged("trust", "update", "-c", camera.daemon.config, file)
    assert refused.returncode == 1
    assert "must sign" in refused.stderr
