"""What settings must fulfil together, beyond each one's own type and bounds. No I/O."""

from collections.abc import Iterator
from typing import TypeVar

from msgspec.structs import asdict, replace

from edged import registry
from edged.config.polygons import polygon_problem
from edged.config.problems import KeyPath, KeyProblem, format_choices, suggest_name
from edged.config.settings import CameraSettings, DetectSettings, LabelFilter, Settings

F = TypeVar("F", DetectSettings, LabelFilter)


def check_rules(settings: Settings) -> Iterator[KeyProblem]:
    """Everything that is wrong though each setting by itself is right."""
    yield from _check_model(settings)
    yield from _check_detect(settings.detect, DetectSettings(), ("detect",))
    if settings.camera and not any(camera.enabled for camera in settings.camera.values()):
        yield KeyProblem(key_path=("camera",), message="every camera has enabled = false")
    yield from _check_names(settings)
    for name, camera in settings.camera.items():
        at = ("camera", name)
        yield from _check_detect(camera.detect, settings.detect, (*at, "detect"))
        yield from _check_polygons(camera, at)


def find_warnings(settings: Settings) -> Iterator[KeyProblem]:
    """What is allowed, but hardly meant."""
    if settings.events.stationary_update_s < settings.events.update_s:
        message = "a stationary object would be told of more often than a moving one"
        yield KeyProblem(key_path=("events", "stationary_update_s"), message=message)
    before: list[tuple[str, CameraSettings]] = []
    for name, camera in settings.camera.items():
        for other, twin in before:
            if (camera.source, camera.driver) == (twin.source, twin.driver):
                message = f'looks at the same as the camera "{other}"'
                yield KeyProblem(key_path=("camera", name), message=message)
                break
        before.append((name, camera))


def overlay_settings(base: F, override: F) -> F:
    """`override`, with what it does not set taken from `base`; labels are laid over one another likewise."""
    unset = {key: getattr(base, key) for key, value in asdict(override).items() if value is None}
    merged = replace(override, **unset)
    if isinstance(base, DetectSettings) and isinstance(merged, DetectSettings):
        labels = base.label | {
            name: overlay_settings(base.label.get(name, LabelFilter()), label)
            for name, label in merged.label.items()
        }
        return replace(merged, label=labels)
    return merged


def _check_model(settings: Settings) -> Iterator[KeyProblem]:
    model = settings.model
    choices = (
        ("family", model.family, ("auto", *registry.FAMILIES)),
        ("runtime", model.runtime, ("auto", *registry.INTERPRETERS)),
    )
    for key, name, names in choices:
        if name not in names:
            message = f'expected {format_choices(names)}, got "{name}"'
            yield KeyProblem(
                key_path=("model", key), message=message, hint=suggest_name(name, names)
            )
    if model.labels is not None and model.labels_file is not None:
        yield KeyProblem(
            key_path=("model", "labels_file"), message="labels are given too", hint="keep one"
        )
    if model.labels == ():
        hint = "leave the key out to take the labels from the model file"
        yield KeyProblem(key_path=("model", "labels"), message="there is no label in it", hint=hint)
    if model.delegate_options and model.delegate is None and model.runtime != "simulated":
        hint = 'set delegate = "libedgetpu.so.1", or the library meant'
        yield KeyProblem(
            key_path=("model", "delegate_options"), message="there is no delegate", hint=hint
        )


def _check_names(settings: Settings) -> Iterator[KeyProblem]:
    first: dict[str, str] = {}
    for name in settings.camera:
        other = first.setdefault(name.lower(), name)
        if other != name:
            message = f'differs from the camera "{other}" in case only'
            yield KeyProblem(
                key_path=("camera", name), message=message, hint="rename one of the two"
            )


def _check_detect(
    own: DetectSettings, base: DetectSettings, key_path: KeyPath
) -> Iterator[KeyProblem]:
    """The rules for one [detect] table, as it stands over the one below it."""
    yield from _check_labels(own.labels, (*key_path, "labels"))
    whole = overlay_settings(base, own)
    yield from _check_min_max(own, whole, key_path)
    for name, label in own.label.items():
        here = (*key_path, "label", name)
        if not name:
            yield KeyProblem(key_path=here, message="a label has no name")
        elif whole.labels is not None and name not in whole.labels:
            hint = (
                suggest_name(name, whole.labels) or f'add "{name}" to labels, or remove this table'
            )
            yield KeyProblem(key_path=here, message="this label is not among labels", hint=hint)
        general = {k: v for k, v in asdict(whole).items() if k in LabelFilter.__struct_fields__}
        yield from _check_min_max(
            label, overlay_settings(LabelFilter(**general), whole.label[name]), here
        )


def _check_min_max(own: F, merged: F, key_path: KeyPath) -> Iterator[KeyProblem]:
    """Least before greatest, said where one of the two is set."""
    for least, greatest in (("min_area", "max_area"), ("min_ratio", "max_ratio")):
        low, high = getattr(merged, least), getattr(merged, greatest)
        key = greatest if getattr(own, greatest) is not None else least
        if getattr(own, key) is not None and None not in (low, high) and low > high:
            message = f"{least} = {low:g} is above {greatest} = {high:g}"
            yield KeyProblem(key_path=(*key_path, key), message=message, hint="nothing could pass")


def _check_polygons(camera: CameraSettings, key_path: KeyPath) -> Iterator[KeyProblem]:
    for zone_name, zone in camera.zone.items():
        here = (*key_path, "zone", zone_name)
        yield from _check_labels(zone.labels, (*here, "labels"))
        if fault := polygon_problem(zone.points):
            yield KeyProblem(
                key_path=(*here, "points"), message=fault, hint="a zone must enclose an area"
            )
    for mask_name, mask in camera.mask.items():
        if fault := polygon_problem(mask.points):
            here = (*key_path, "mask", mask_name, "points")
            yield KeyProblem(key_path=here, message=fault, hint="a mask must enclose an area")


def _check_labels(labels: tuple[str, ...] | None, key_path: KeyPath) -> Iterator[KeyProblem]:
    if labels == ():
        hint = "leave the key out to take all labels"
        yield KeyProblem(
            key_path=key_path, message="no label is in it: nothing could pass", hint=hint
        )
    for index, label in enumerate(labels or ()):
        if not label.strip():
            yield KeyProblem(key_path=(*key_path, index), message="a label has no name")
