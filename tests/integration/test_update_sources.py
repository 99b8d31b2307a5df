"""Where a running daemon takes updates from: a file, a web server, a folder, and a channel that says what is to run; and whom it believes."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from edged.updates.bundle import trust as trusts
from edged.updates.bundle.trust import ModelRole
from edged.updates.rules.desired import Desired, write_desired
from edged.updates.service.control_messages import RollBack, Status
from support import fetch_server
from support.bundles import Key, Signing, sign
from support.fetch_server import Site
from support.subscriber import say
from support.updating import BRIEF, Device, desired_topic, device, digest_of, edged
from support.witness import Body

SIMULATED = 'runtime = "simulated"'


@pytest.fixture(autouse=True, scope="module")
def no_proxy() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "*")
        yield


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    """A device with a folder for bundles."""
    folder = tmp_path_factory.mktemp("device")
    (folder / "drops").mkdir()
    with device(folder, model=SIMULATED, updates=f'folder = "{folder}/drops"') as running:
        running.witness.await_event("start")
        yield running


@pytest.fixture
def site() -> Iterator[Site]:
    with fetch_server.serving() as opened:
        yield opened


def test_a_download_that_breaks_off_goes_on_where_it_was(camera: Device, site: Site) -> None:
    bundle = camera.make_believe("broken-off", probation=BRIEF)
    size = bundle.stat().st_size
    site.files["/m.edgem"] = bundle.read_bytes()
    site.habits["/m.edgem"] = [
        fetch_server.cuts_after(size // 3),
        fetch_server.good_for(size // 3),
        fetch_server.good,
    ]
    last = camera.outcome(camera.install(f"{site.url}/m.edgem", expected=digest_of(bundle)))
    assert (last["outcome"], last["digest"]) == ("committed", digest_of(bundle))
    ranges = [wanted for _, wanted, _ in site.asked]
    assert ranges == ["", f"bytes={size // 3}-", f"bytes={size // 3 * 2}-"]


def test_what_a_server_does_not_have_is_rejected(camera: Device, site: Site) -> None:
    last = camera.outcome(camera.install(f"{site.url}/no.edgem"))
    assert last["outcome"] == "rejected"
    assert "404" in last["reason"]
    assert site.url.removeprefix("http://") in last["reason"]


def test_what_is_dropped_into_the_folder_is_installed_and_goes_when_it_is_over(
    camera: Device,
) -> None:
    bundle = camera.make_believe("dropped", probation=BRIEF)
    dropped = drop(camera, bundle)
    last = camera.outcome_of(bundle)
    assert last["outcome"] == "committed"
    await_gone(dropped)
    by = {
        body["candidate"]["requested_by"]
        for body in camera.witness.payloads("/up/model")
        if body["candidate"] and body["candidate"]["id"] == last["id"]
    }
    assert by == {"spool"}


def test_a_bad_file_in_the_folder_is_rejected_once(camera: Device) -> None:
    before = len(camera.ask(Status()).status.past)
    junk = camera.folder / "junk"
    junk.write_bytes(b"junk" * 1000)
    dropped = drop(camera, junk)
    await_gone(dropped)
    time.sleep(5.0)  # it looks there every two seconds
    past = camera.ask(Status()).status.past
    assert [one.outcome for one in past[before:]] == ["rejected"]
    assert past[-1].source == str(dropped)


def test_bundles_that_are_dropped_together_have_their_turns(camera: Device) -> None:
    bundles = [camera.make_believe(f"one-of-two-{k}", probation=BRIEF) for k in "ab"]
    files = [drop(camera, bundle) for bundle in bundles]
    for file, bundle in zip(files, bundles, strict=True):
        assert camera.outcome_of(bundle)["outcome"] == "committed"
        await_gone(file)


def drop(camera: Device, file: Path) -> Path:
    """Copy it there, and give it its name when it is whole."""
    folder = camera.folder / "drops"
    partial = folder / f".{file.name}.edgem"
    partial.write_bytes(file.read_bytes())
    return partial.rename(folder / f"{file.stem}.edgem")


def await_gone(file: Path) -> None:
    end_s = time.monotonic() + 20
    while file.exists():
        assert time.monotonic() < end_s, f"{file} is still there"
        time.sleep(0.05)


# ---- The channel ------------------------------------------------------------------------------------------------------------


class Channel:
    """What it says to one device, retained."""

    def __init__(self, camera: Device, site: Site) -> None:
        self._camera = camera
        self._site = site

    def word(self, sequence: int, bundle: Path, signing: Signing, *mirrors: str) -> bytes:
        """A desired state: this bundle, from the mirrors first."""
        path = f"/{bundle.name}"
        self._site.files[path] = bundle.read_bytes()
        desired = Desired(
            channel="shops",
            sequence=sequence,
            title="any@1",
            digest=digest_of(bundle),
            urls=(*mirrors, f"{self._site.url}{path}"),
        )
        return signing.desired_envelope(write_desired(desired))

    def say(self, word: bytes) -> None:
        """Say it."""
        say(self._camera.broker.port, desired_topic(), word, retain=True)


@pytest.fixture
def follower(tmp_path: Path) -> Iterator[Device]:
    """A device that follows a channel."""
    with device(tmp_path, model=SIMULATED, updates="channel = true") as running:
        running.witness.await_event("start")
        yield running


def test_a_device_follows_its_channel_forward_and_never_back(follower: Device, site: Site) -> None:
    channel = Channel(follower, site)
    first, second = (follower.make_believe(f"step-{k}", probation=BRIEF) for k in (1, 2))
    words = [
        channel.word(sequence, bundle, follower.signing)
        for sequence, bundle in ((3, first), (5, second))
    ]
    for word, bundle, sequence in zip(words, (first, second), (3, 5), strict=True):
        channel.say(word)
        assert follower.outcome_of(bundle)["outcome"] == "committed"
        assert not channel_at(follower, sequence)["stale"]

    now = follower.witness.now()
    channel.say(words[0])
    follower.await_held("channel", "replayed: the desired state 3 is older than 5", after=now)
    now = follower.witness.now()
    channel.say(channel.word(5, first, follower.signing))
    follower.await_held("channel", "replayed: there is another desired state 5", after=now)
    now = follower.witness.now()
    stranger = Signing("stranger")
    channel.say(channel.word(9, first, stranger))
    follower.await_held("channel", "must sign", after=now)
    status = follower.ask(Status()).status
    assert status.sequence == 5
    assert len(status.past) == 2
    assert status.versions[0].digest == digest_of(second)

    now = follower.witness.now()
    channel.say(words[1])
    follower.witness.await_health(lambda body: not body["degradations"], after=now)


def channel_at(follower: Device, sequence: int) -> Body:
    """What the device says of the channel, from this word on."""
    told = follower.model(lambda body: body["channel"]["sequence"] == sequence)
    state: Body = told["channel"]
    return state


def test_a_word_from_before_the_start_is_followed_and_after_a_restart_not_again(
    follower: Device, site: Site
) -> None:
    code, _ = follower.daemon.end()
    assert code == 0
    channel = Channel(follower, site)
    bundle = follower.make_believe("from-before", probation=BRIEF)
    channel.say(channel.word(1, bundle, follower.signing))
    with follower.daemon:
        told = follower.model(lambda body: body["last"])
        assert (told["last"]["outcome"], told["last"]["digest"]) == ("committed", digest_of(bundle))
        assert not follower.ask(RollBack()).error
    with follower.daemon:
        now = follower.witness.now()
        follower.witness.await_one("/detections", after=now)
        time.sleep(2.0)
        status = follower.ask(Status()).status
        assert (status.sequence, status.deployment) == (1, None)
        assert [past.outcome for past in status.past] == ["committed", "rolled-back"]


def test_a_channel_has_mirrors(follower: Device, site: Site) -> None:
    channel = Channel(follower, site)
    bundle = follower.make_believe("mirrored", probation=BRIEF)
    site.files["/other.edgem"] = follower.make_believe("other").read_bytes()
    word = channel.word(
        1, bundle, follower.signing, f"{site.url}/gone.edgem", f"{site.url}/other.edgem"
    )
    channel.say(word)
    told = follower.model(lambda body: body["last"])
    assert (told["last"]["outcome"], told["last"]["digest"]) == ("committed", digest_of(bundle))
    assert [path for path, _, _ in site.asked][:2] == ["/gone.edgem", "/other.edgem"]


def test_what_a_channel_cannot_give_yet_is_fetched_when_it_can(
    follower: Device, site: Site
) -> None:
    channel = Channel(follower, site)
    bundle = follower.make_believe("late", probation=BRIEF)
    word = channel.word(1, bundle, follower.signing)
    content = site.files.pop(f"/{bundle.name}")
    channel.say(word)
    told = follower.model(lambda body: body["candidate"] and body["candidate"]["hindrance"])
    assert "404" in told["candidate"]["hindrance"]
    follower.await_held("update", "it is tried again")
    site.files[f"/{bundle.name}"] = content
    told = follower.model(lambda body: body["last"])
    assert told["last"]["outcome"] == "committed"
    follower.witness.await_health(
        lambda body: not body["degradations"], after=follower.witness.now()
    )


def test_a_stale_channel_is_told_of_and_inference_goes_on(tmp_path: Path, site: Site) -> None:
    with device(tmp_path, model=SIMULATED, updates="channel = true\nstale_h = 0.002") as camera:
        camera.await_held("channel.stale", "no news from the update channel")
        now = camera.witness.now()
        camera.witness.await_one("/detections", after=now)
        camera.model(lambda body: body["channel"]["stale"])
        channel = Channel(camera, site)
        now = camera.witness.now()
        channel.say(channel.word(1, camera.make_believe("news", probation=BRIEF), camera.signing))
        camera.witness.await_health(
            lambda body: "channel.stale" not in [one["name"] for one in body["degradations"]],
            after=now,
        )


# ---- Whom it believes -------------------------------------------------------------------------------------------------------


def test_a_revoked_key_signs_nothing_any_more_from_the_moment_on(camera: Device) -> None:
    old, new = camera.signing, Signing("new")
    successor = replace(
        old.trust,
        version=2,
        keys={old.root.id: old.root.public, new.models.id: new.models.public},
        models=(ModelRole(keys=(new.models.id,), names=("*",)),),
        channel=None,
    )
    file = camera.folder / "trust-2.json"
    file.write_bytes(old.trust_envelope(successor))
    revoked = camera.make_believe("revoked", probation=BRIEF)
    updated = edged("trust", "update", "-c", camera.daemon.config, file)
    assert updated.returncode == 0, updated.stderr
    last = camera.outcome(camera.install(revoked))
    assert last["outcome"] == "rejected"
    assert "must sign" in last["reason"]
    believed = camera.make_believe("believed", signing=new, probation=BRIEF)
    assert camera.outcome(camera.install(believed))["outcome"] == "committed"
    again = edged("trust", "update", "-c", camera.daemon.config, file)
    assert again.returncode == 0, again.stderr


def test_a_successor_that_the_old_root_has_not_signed_is_refused(camera: Device) -> None:
    thief = Key("thief")
    stolen = replace(
        camera.signing.trust,
        version=3,
        keys={thief.id: thief.public},
        root=trusts.Role(keys=(thief.id,)),
        models=(ModelRole(keys=(thief.id,), names=("*",)),),
        channel=None,
    )
    file = camera.folder / "stolen.json"
    file.write_bytes(sign(trusts.PAYLOAD_TYPE, trusts.write_trust(stolen), thief))
    refused = edged("trust", "update", "-c", camera.daemon.config, file)
    assert refused.returncode == 1
    assert "must sign" in refused.stderr
