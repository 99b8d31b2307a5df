"""Every setting, changed in a daemon: what then happens is what docs/configuration.md says. Its workers are stand-ins."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from msgspec import Struct
from msgspec.structs import fields, replace

from edged import registry
from edged.clock import SystemClock
from edged.config.layers import ConfigLayers
from edged.config.load import LoadedConfig
from edged.config.reload_effects import ReloadEffect, effect_of
from edged.config.settings import (
    CameraSettings,
    DetectSettings,
    LabelFilter,
    MaskSettings,
    ModelSettings,
    Settings,
    ZoneSettings,
)
from edged.daemon.reload import ConfigReloader
from edged.disk_thread import InlineDiskQueue
from edged.health import ConditionKind, Conditions
from edged.vision.active_model import ActiveModel
from edged.vision.plan import make_vision_jobs
from support.vision_service import IdleVisionService, RecordingListener, idle_vision_service

DOCS = Path(__file__).parents[3] / "docs" / "configuration.md"
TRIANGLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
LABEL = DetectSettings(label={"red": LabelFilter(threshold=0.4)})
OTHER = "other"
"""A camera that is never changed; every camera has a worker of its own."""
REQUIRED: Mapping[str, dict[str, object]] = {
    "replay": {"path": Path("/clip.mp4")},
    "v4l2": {"device": "/dev/video0"},
    "rtsp": {"url": "rtsp://127.0.0.1/a"},
}


def make_driver_settings(source: str) -> Struct:
    driver = registry.load_driver(registry.CAMERAS, source)
    settings: Struct = driver.Settings(**REQUIRED.get(source, {}))
    return settings


def make_camera(source: str) -> CameraSettings:
    return CameraSettings(
        source=source,
        driver=make_driver_settings(source),
        detect=LABEL,
        zone={"door": ZoneSettings(points=TRIANGLE)},
        mask={"wall": MaskSettings(points=TRIANGLE)},
    )


def make_settings(publisher: str) -> Settings:
    cameras = {source: make_camera(source) for source in registry.CAMERAS}
    driver = registry.load_driver(registry.PUBLISHERS, publisher)
    return Settings(
        model=ModelSettings(workers=len(cameras) + 1),
        detect=LABEL,
        camera={**cameras, OTHER: make_camera("synthetic")},
        publisher=(publisher, make_publisher_settings(driver.Settings)),
        dialect={
            name: registry.load_driver(registry.DIALECTS, name).Settings()
            for name in registry.DIALECTS
        },
    )


def make_publisher_settings(kind: type[Struct]) -> Struct:
    required = {"path": Path("/messages.jsonl"), "host": "127.0.0.1"}
    return kind(**{f.name: required[f.name] for f in fields(kind) if f.required})


def list_changes(settings: Settings) -> Iterator[tuple[str, Settings]]:
    """Yield each setting's key, and the configuration in which it alone has another value."""
    for field in fields(Settings):
        if field.name == "publisher":
            continue
        table = getattr(settings, field.name)
        for key, changed in change_value(field.name, field.type, table):
            yield key, replace(settings, **{field.name: changed})
    assert settings.publisher is not None
    name, keys = settings.publisher
    for key, changed in change_struct(name, keys):
        yield key, replace(settings, publisher=(name, changed))


def change_struct(key: str, struct: Struct) -> Iterator[tuple[str, Any]]:
    for field in fields(struct):
        inner = key if field.name == "driver" else f"{key}.{field.name}"
        value = getattr(struct, field.name)
        for path, changed in change_value(inner, field.type, value):
            yield path, replace(struct, **{field.name: changed})


def change_value(key: str, annotation: Any, value: object) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Struct):
        yield from change_struct(key, value)
    elif isinstance(value, dict) and value and isinstance(next(iter(value.values())), Struct):
        for name, entry in value.items():
            if (key, name) != ("camera", OTHER):
                rest = {other: table for other, table in value.items() if other != name}
                yield f"{key}.{name}", rest
                yield f"{key}.{name}", {**rest, f"{name}2": entry}
                for path, changed in change_struct(f"{key}.{name}", entry):
                    yield path, {**value, name: changed}
    else:
        yield key, find_other_value(annotation, value)


def find_other_value(annotation: Any, value: Any) -> Any:
    """Return a value of that type that differs from `value`."""
    kind = annotation
    while get_origin(kind) in (Annotated, Union, UnionType):
        kind = next(one for one in get_args(kind) if one is not type(None))
    if isinstance(kind, type) and issubclass(kind, Struct):
        return kind()
    choices: Mapping[object, tuple[object, ...]] = {
        bool: (True, False),
        int: (value - 1 if isinstance(value, int) and value > 1 else 2,),
        float: (0.25, 0.5),
        str: ("one", "two"),
        Path: (Path("/one"), Path("/two")),
    }
    containers: Mapping[object, tuple[object, ...]] = {
        tuple: (TRIANGLE[::-1] if value == TRIANGLE else ("red",),),
        dict: ({"key": "library:function"},),
        Literal: get_args(kind),
    }
    candidates = containers.get(get_origin(kind)) or choices[kind]
    return next(candidate for candidate in candidates if candidate != value)


def collect_changes() -> list[Any]:
    cases: list[Any] = []
    for publisher in registry.PUBLISHERS:
        before = make_settings(publisher)
        for key, after in list_changes(before):
            if cases and publisher != "mqtt" and not key.startswith(f"{publisher}."):
                continue
            cases.append(pytest.param(key, before, after, id=key))
    return cases


def documented_effect(key: str) -> str:
    """Return what the documentation's table says of a setting: the most specific entry counts."""
    entries: dict[str, str] = {
        name: row[1]
        for row in re.findall(r"(?m)^\| (.+?) \| (.+) \|$", section())
        for name in re.findall(r"`([\w.]+)`", row[0])
    }
    parts = key.split(".")
    if parts[0] in registry.PUBLISHERS:
        return next(row for row in section().splitlines() if "the publisher's table" in row)
    if parts[0] == "camera":
        parts[1] = "NAME"
    prefixes = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next(entries[prefix] for prefix in prefixes if prefix in entries)


def section() -> str:
    _, _, text = DOCS.read_text("utf-8").partition("## While the daemon runs")
    return text.partition("\n## ")[0]


def observe_effect(
    service: IdleVisionService, before: Settings, after: Settings
) -> tuple[ReloadEffect, set[str]]:
    """Reload, and return what happened, and to which cameras."""
    started = dict(service.processes)
    scenes = {name: monitor._scene for name, monitor in service.cameras.items()}
    conditions = Conditions()
    ConfigReloader(
        before,
        load=lambda: LoadedConfig(
            settings=after, warnings=(), layers=ConfigLayers(table={}, files=(), locations={})
        ),
        disk=InlineDiskQueue(),
        on_settings=lambda _: None,
        conditions=conditions,
        clock=SystemClock(),
    ).request()
    service.apply_settings(after, ActiveModel(settings=after.model))
    service.get_ready()
    removed = [n for n, p in started.items() if p.was_stopped]
    replaced = {camera.name for n in removed for camera in started[n].job.cameras}
    rebuilt = {name for name, one in service.cameras.items() if one._scene is not scenes.get(name)}
    if ConditionKind.CONFIG_RESTART in {condition.kind for condition in conditions.active}:
        assert not replaced | rebuilt
        return ReloadEffect.RESTART, set()
    if len(removed) == len(started):
        return ReloadEffect.ALL_WORKERS, replaced
    if removed:
        return ReloadEffect.CAMERA_WORKERS, replaced
    return (ReloadEffect.SCENES if rebuilt else ReloadEffect.LIVE), rebuilt


@pytest.mark.parametrize(("key", "before", "after"), collect_changes())
def test_a_changed_setting_has_the_documented_effect(
    key: str, before: Settings, after: Settings, tmp_path: Path
) -> None:
    assert before != after
    with idle_vision_service(
        before, ActiveModel(settings=before.model), folder=tmp_path, listener=RecordingListener()
    ) as service:
        service.get_ready()
        effect, cameras = observe_effect(service, before, after)
        assert effect.value in documented_effect(key)
        assert effect is effect_of(key)
        if key.startswith("camera.") and cameras:
            assert cameras == {key.split(".")[1]}, "no other camera is concerned"
        if effect is not ReloadEffect.RESTART:
            assert_nothing_is_left_behind(service, after)


def assert_nothing_is_left_behind(service: IdleVisionService, after: Settings) -> None:
    """Every worker has what a worker that is started now would get."""
    current = [[camera.name for camera in job.cameras] for job in service._pool.jobs.values()]
    jobs = make_vision_jobs(
        after,
        ActiveModel(settings=after.model),
        plan_number=service._plan.number,
        current=current,
    )
    processes = [service.processes[number] for number in service._pool.jobs]
    assert [process.job.cameras for process in processes] == [job.cameras for job in jobs]
    assert [process.plans[-1] for process in processes] == [job.plan for job in jobs]


def test_every_setting_is_changed() -> None:
    """The walk goes through all tables and all drivers."""
    keys = {case.id for case in collect_changes()}
    assert {"log.level", "model.hang_s", "track.lost_s", "detect.label.red.min_area"} <= keys
    assert {f"camera.{source}.isolation" for source in registry.CAMERAS} <= keys
    assert {"camera.rtsp.url", "camera.replay.path", "camera.v4l2.device"} <= keys
    assert {"mqtt.port", "mqtt.tls", "jsonl.path", "camera.rtsp.mask.wall.points"} <= keys
