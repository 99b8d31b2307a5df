"""What settings must fulfil together, beyond each one's own type and bounds. No I/O."""

from collections.abc import Iterator
from typing import TypeVar

from msgspec.structs import asdict, replace

from edged import registry
from edged.config.polygons import polygon_fault
from edged.config.problems import Fault, KeyPath, did_you_mean, one_of
from edged.config.settings import CameraSettings, DetectSettings, LabelFilter, Settings

F = TypeVar("F", DetectSettings, LabelFilter)


def broken_rules(settings: Settings) -> Iterator[Fault]:
    """Everything that is wrong though each setting by itself is right."""
    yield from _model(settings)
    yield from _detect(settings.detect, DetectSettings(), ("detect",))
    if settings.camera and not any(camera.enabled for camera in settings.camera.values()):
        yield Fault(at=("camera",), message="every camera has enabled = false")
    yield from _names(settings)
    for name, camera in settings.camera.items():
        at = ("camera", name)
        yield from _detect(camera.detect, settings.detect, (*at, "detect"))
        yield from _outlines(camera, at)


def doubts(settings: Settings) -> Iterator[Fault]:
    """What is allowed, but hardly meant."""
    if settings.events.stationary_update_s < settings.events.update_s:
        message = "a stationary object would be told of more often than a moving one"
        yield Fault(at=("events", "stationary_update_s"), message=message)
    before: list[tuple[str, CameraSettings]] = []
    for name, camera in settings.camera.items():
        for other, twin in before:
            if (camera.source, camera.driver) == (twin.source, twin.driver):
                message = f'looks at the same as the camera "{other}"'
                yield Fault(at=("camera", name), message=message)
                break
        before.append((name, camera))


def laid_over(under: F, over: F) -> F:
    """`over`, with what it does not set taken from `under`; labels are laid over one another likewise."""
    unset = {key: getattr(under, key) for key, value in asdict(over).items() if value is None}
    merged = replace(over, **unset)
    if isinstance(under, DetectSettings) and isinstance(merged, DetectSettings):
        labels = under.label | {
            name: laid_over(under.label.get(name, LabelFilter()), label)
            for name, label in merged.label.items()
        }
        return replace(merged, label=labels)
    return merged


def _model(settings: Settings) -> Iterator[Fault]:
    model = settings.model
    choices = (
        ("family", model.family, ("auto", *registry.FAMILIES)),
        ("runtime", model.runtime, ("auto", *registry.INTERPRETERS)),
    )
    for key, name, names in choices:
        if name not in names:
            message = f'expected {one_of(names)}, got "{name}"'
            yield Fault(at=("model", key), message=message, hint=did_you_mean(name, names))
    if model.labels is not None and model.labels_file is not None:
        yield Fault(at=("model", "labels_file"), message="labels are given too", hint="keep one")
    if model.labels == ():
        hint = "leave the key out to take the labels from the model file"
        yield Fault(at=("model", "labels"), message="there is no label in it", hint=hint)
    if model.delegate_options and model.delegate is None and model.runtime != "simulated":
        hint = 'set delegate = "libedgetpu.so.1", or the library meant'
        yield Fault(at=("model", "delegate_options"), message="there is no delegate", hint=hint)


def _names(settings: Settings) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for name in settings.camera:
        other = first.setdefault(name.lower(), name)
        if other != name:
            message = f'differs from the camera "{other}" in case only'
            yield Fault(at=("camera", name), message=message, hint="rename one of the two")


def _detect(own: DetectSettings, under: DetectSettings, at: KeyPath) -> Iterator[Fault]:
    """The rules for one [detect] table, as it stands over the one below it."""
    yield from _labels(own.labels, (*at, "labels"))
    whole = laid_over(under, own)
    yield from _ordered(own, whole, at)
    for name, label in own.label.items():
        here = (*at, "label", name)
        if not name:
            yield Fault(at=here, message="a label has no name")
        elif whole.labels is not None and name not in whole.labels:
            hint = (
                did_you_mean(name, whole.labels) or f'add "{name}" to labels, or remove this table'
            )
            yield Fault(at=here, message="this label is not among labels", hint=hint)
        general = {k: v for k, v in asdict(whole).items() if k in LabelFilter.__struct_fields__}
        yield from _ordered(label, laid_over(LabelFilter(**general), whole.label[name]), here)


def _ordered(own: F, whole: F, at: KeyPath) -> Iterator[Fault]:
    """Least before greatest, said where one of the two is set."""
    for least, greatest in (("min_area", "max_area"), ("min_ratio", "max_ratio")):
        low, high = getattr(whole, least), getattr(whole, greatest)
        key = greatest if getattr(own, greatest) is not None else least
        if getattr(own, key) is not None and None not in (low, high) and low > high:
            message = f"{least} = {low:g} is above {greatest} = {high:g}"
            yield Fault(at=(*at, key), message=message, hint="nothing could pass")


def _outlines(camera: CameraSettings, at: KeyPath) -> Iterator[Fault]:
    for zone_name, zone in camera.zone.items():
        here = (*at, "zone", zone_name)
        yield from _labels(zone.labels, (*here, "labels"))
        if fault := polygon_fault(zone.points):
            yield Fault(at=(*here, "points"), message=fault, hint="a zone must enclose an area")
    for mask_name, mask in camera.mask.items():
        if fault := polygon_fault(mask.points):
            here = (*at, "mask", mask_name, "points")
            yield Fault(at=here, message=fault, hint="a mask must enclose an area")


def _labels(labels: tuple[str, ...] | None, at: KeyPath) -> Iterator[Fault]:
    if labels == ():
        hint = "leave the key out to take all labels"
        yield Fault(at=at, message="no label is in it: nothing could pass", hint=hint)
    for index, label in enumerate(labels or ()):
        if not label.strip():
            yield Fault(at=(*at, index), message="a label has no name")
