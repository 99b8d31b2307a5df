"""Of the observations of one live camera that waited together only the newest is processed."""

from edged.vision.camera_messages import CameraReport
from edged.vision.messages import FromWorker, WorkerReport
from edged.vision.newest import LiveCameras, find_superseded
from support.sampling import seeded_random
from support.worker_messages import model_ready, observation


def report(**is_live: bool) -> WorkerReport:
    return WorkerReport(
        cameras=tuple(
            CameraReport(name=name, state="running", is_live=live) for name, live in is_live.items()
        )
    )


def live_cameras(**is_live: bool) -> LiveCameras:
    cameras = LiveCameras(tuple(is_live))
    cameras.add(report(**is_live))
    return cameras


def test_older_observations_of_each_live_camera_are_superseded() -> None:
    messages: list[FromWorker] = [
        observation(1, camera=0),
        observation(1, camera=1),
        report(a=True, b=True),
        observation(2, camera=0),
        model_ready(),
        observation(3, camera=0),
    ]
    assert set(find_superseded(messages, live_cameras(a=True, b=True))) == {0, 3}


def test_every_observation_of_a_lossless_camera_counts() -> None:
    messages = [observation(n, camera=n % 2) for n in range(6)]
    assert set(find_superseded(messages, live_cameras(a=True, b=False))) == {0, 2}


def test_a_camera_counts_as_lossless_until_its_worker_has_said_that_it_is_live() -> None:
    cameras = LiveCameras(("a",))
    messages = [observation(1), observation(2)]
    assert not find_superseded(messages, cameras)
    assert cameras.add(messages[0])
    cameras.add(report(a=True))
    assert not cameras.add(messages[0])
    assert set(find_superseded(messages, cameras)) == {0}


def test_what_a_worker_says_of_cameras_that_it_does_not_have_harms_nothing() -> None:
    cameras = LiveCameras(("a",))
    cameras.add(report(other=True))
    assert not find_superseded([observation(1), observation(2), observation(3, camera=9)], cameras)


def test_what_is_left_is_in_order_and_has_the_newest_of_each_camera() -> None:
    random = seeded_random()
    for _ in range(200):
        live = {name: random.random() < 0.5 for name in "abc"}
        messages: list[FromWorker] = [
            observation(n, camera=random.randrange(3)) if random.random() < 0.8 else report(**live)
            for n in range(random.randrange(30))
        ]
        superseded = find_superseded(messages, live_cameras(**live))
        left = [m for n, m in enumerate(messages) if n not in superseded]
        for camera, is_live in enumerate(live.values()):
            of_camera = [m for m in messages if getattr(m, "camera", None) == camera]
            expected = of_camera[-1:] if is_live else of_camera
            assert [m for m in left if getattr(m, "camera", None) == camera] == expected
        assert [m for m in left if isinstance(m, WorkerReport)] == [
            m for m in messages if isinstance(m, WorkerReport)
        ]
