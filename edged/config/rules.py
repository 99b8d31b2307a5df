"""Rules for combinations of settings, beyond the type and bounds of each. No I/O."""

from collections.abc import Collection, Iterable, Iterator
from typing import TypeVar

from msgspec.structs import asdict, replace

from edged import registry
from edged.config.page_rules import check_page
from edged.config.polygons import polygon_problem
from edged.config.problems import KeyPath, KeyProblem, format_choices, suggest_name
from edged.config.settings import (
    CameraSettings,
    DetectSettings,
    InferenceSettings,
    LabelFilter,
    ModelSettings,
    Settings,
)

F = TypeVar("F", DetectSettings, InferenceSettings, LabelFilter)
_EMPTY_LABEL = "a label must not be empty"


def check_rules(settings: Settings) -> Iterator[KeyProblem]:
    """Yield a problem for every invalid combination of settings that are valid by themselves."""
    yield from _check_model(settings.model)
    yield from _check_detect(settings.detect, DetectSettings(), ("detect",))
    if settings.camera and not any(camera.enabled for camera in settings.camera.values()):
        yield KeyProblem(
            key_path=("camera",),
            message="every camera has enabled = false",
            hint="enable at least one",
        )
    yield from _check_names(settings)
    yield from check_page(settings)
    yield from _check_verbs(settings)
    if f"{settings.home_assistant.prefix}/".startswith("edged/"):
        yield KeyProblem(
            key_path=("home_assistant", "prefix"),
            message="lies in edged's own topics",
            hint='write the discovery prefix of Home Assistant, which is "homeassistant" there if nobody has changed it',
        )
    for name, camera in settings.camera.items():
        key_path = ("camera", name)
        yield from _check_detect(camera.detect, settings.detect, (*key_path, "detect"))
        yield from _check_polygons(camera, key_path)


def find_warnings(settings: Settings) -> Iterator[KeyProblem]:
    """Yield a warning for every combination that is allowed, but probably not intended."""
    if settings.events.stationary_update_s < settings.events.update_s:
        message = (
            "less than update_s: a stationary object would be reported more often than a moving one"
        )
        yield KeyProblem(key_path=("events", "stationary_update_s"), message=message)
    earlier: list[tuple[str, CameraSettings]] = []
    for name, camera in settings.camera.items():
        for other_name, other in earlier:
            if (camera.source, camera.driver) == (other.source, other.driver):
                message = f'has the same source and settings as the camera "{other_name}"'
                yield KeyProblem(key_path=("camera", name), message=message)
                break
        earlier.append((name, camera))
        yield from _find_unlisted_labels(camera, settings.detect, ("camera", name, "zone"))
    yield from _find_gate_settings_without_gate(settings)


def _find_gate_settings_without_gate(settings: Settings) -> Iterator[KeyProblem]:
    """Yield a warning for each setting of the motion gate where it is off: in a camera's table, or in the general one for all cameras."""
    general = settings.inference
    gates = set()
    for name, camera in settings.camera.items():
        gate = camera.inference.gate or general.gate
        gates.add(gate)
        if gate == "off":
            yield from _find_gate_settings(camera.inference, ("camera", name, "inference"))
    if gates == {"off"}:
        yield from _find_gate_settings(general, ("inference",))


def _find_gate_settings(inference: InferenceSettings, key_path: KeyPath) -> Iterator[KeyProblem]:
    for key in ("recheck_s", "idle_fps"):
        if getattr(inference, key) is not None:
            message = 'has no effect, because gate = "off"'
            yield KeyProblem(key_path=(*key_path, key), message=message)


def _find_unlisted_labels(
    camera: CameraSettings, general: DetectSettings, key_path: KeyPath
) -> Iterator[KeyProblem]:
    """Yield a warning for each label of a zone that the camera does not detect."""
    listed = overlay_settings(general, camera.detect).labels
    for zone_name, zone in camera.zone.items() if listed is not None else ():
        for index, label in enumerate(zone.labels or ()):
            if label not in (listed or ()):
                message = f'the camera does not detect "{label}": detect.labels does not list it'
                hint = suggest_name(label, listed or ())
                label_path = (*key_path, zone_name, "labels", index)
                yield KeyProblem(key_path=label_path, message=message, hint=hint)


def overlay_settings(base: F, override: F) -> F:
    """Return `override` with values from `base` where it sets none; the tables of labels are merged in the same way."""
    unset = {key: getattr(base, key) for key, value in asdict(override).items() if value is None}
    merged = replace(override, **unset)
    if isinstance(base, DetectSettings) and isinstance(merged, DetectSettings):
        labels = base.label | {
            name: overlay_settings(base.label.get(name, LabelFilter()), label)
            for name, label in merged.label.items()
        }
        return replace(merged, label=labels)
    return merged


def _check_model(model: ModelSettings) -> Iterator[KeyProblem]:
    yield from _check_choice("family", model.family, registry.FAMILIES)
    yield from _check_choice("runtime", model.runtime, registry.INTERPRETERS)
    if model.labels is not None and model.labels_file is not None:
        message, hint = "labels is set, too", "remove one of the two"
        yield KeyProblem(key_path=("model", "labels_file"), message=message, hint=hint)
    if model.labels == ():
        hint = "remove the key to use the labels of the model file"
        yield KeyProblem(key_path=("model", "labels"), message="the list is empty", hint=hint)
    if model.delegate_options and model.delegate is None and model.runtime != "simulated":
        hint = 'set delegate = "libedgetpu.so.1", or another library'
        yield KeyProblem(
            key_path=("model", "delegate_options"), message="delegate is not set", hint=hint
        )


def _check_choice(key: str, name: str, drivers: Iterable[str]) -> Iterator[KeyProblem]:
    names = ("auto", *drivers)
    if name not in names:
        message = f'expected {format_choices(names)}, got "{name}"'
        yield KeyProblem(key_path=("model", key), message=message, hint=suggest_name(name, names))


def _check_verbs(settings: Settings) -> Iterator[KeyProblem]:
    for index, verb in enumerate(settings.commands.verbs or ()):
        if verb not in registry.COMMANDS:
            message = f'expected {format_choices(registry.COMMANDS)}, got "{verb}"'
            hint = suggest_name(verb, registry.COMMANDS)
            yield KeyProblem(key_path=("commands", "verbs", index), message=message, hint=hint)


def _check_names(settings: Settings) -> Iterator[KeyProblem]:
    first: dict[str, str] = {}
    for name in settings.camera:
        other = first.setdefault(name.lower(), name)
        if other != name:
            message = f'differs from the camera "{other}" only in case'
            yield KeyProblem(
                key_path=("camera", name), message=message, hint="rename one of the two"
            )


def _check_detect(
    own: DetectSettings, base: DetectSettings, key_path: KeyPath
) -> Iterator[KeyProblem]:
    """Apply the rules to one [detect] table, merged over the more general one."""
    yield from _check_labels(own.labels, (*key_path, "labels"))
    merged = overlay_settings(base, own)
    yield from _check_min_max(own, merged, key_path)
    for name, label in own.label.items():
        label_path = (*key_path, "label", name)
        yield from _check_label_name(name, merged.labels, label_path)
        general = {k: v for k, v in asdict(merged).items() if k in LabelFilter.__struct_fields__}
        yield from _check_min_max(
            label, overlay_settings(LabelFilter(**general), merged.label[name]), label_path
        )


def _check_label_name(
    name: str, labels: Collection[str] | None, key_path: KeyPath
) -> Iterator[KeyProblem]:
    """Check the name of a label's table; `labels` are the labels that may pass, None for all."""
    if not name:
        yield KeyProblem(key_path=key_path, message=_EMPTY_LABEL)
    elif labels is not None and name not in labels:
        message = "this label is not listed in labels"
        hint = suggest_name(name, labels) or f'add "{name}" to labels, or remove this table'
        yield KeyProblem(key_path=key_path, message=message, hint=hint)


def _check_min_max(own: F, merged: F, key_path: KeyPath) -> Iterator[KeyProblem]:
    """Yield a problem for each minimum above its maximum, at the one of the two that `own` sets."""
    for min_key, max_key in (("min_area", "max_area"), ("min_ratio", "max_ratio")):
        low, high = getattr(merged, min_key), getattr(merged, max_key)
        key = max_key if getattr(own, max_key) is not None else min_key
        if getattr(own, key) is not None and None not in (low, high) and low > high:
            message = f"{min_key} = {low:g} is above {max_key} = {high:g}"
            hint = "no detection would pass"
            yield KeyProblem(key_path=(*key_path, key), message=message, hint=hint)


def _check_polygons(camera: CameraSettings, key_path: KeyPath) -> Iterator[KeyProblem]:
    for zone_name, zone in camera.zone.items():
        zone_path = (*key_path, "zone", zone_name)
        yield from _check_labels(zone.labels, (*zone_path, "labels"))
        if fault := polygon_problem(zone.points):
            yield KeyProblem(
                key_path=(*zone_path, "points"), message=fault, hint="a zone must enclose an area"
            )
    for mask_name, mask in camera.mask.items():
        if fault := polygon_problem(mask.points):
            mask_path = (*key_path, "mask", mask_name, "points")
            yield KeyProblem(key_path=mask_path, message=fault, hint="a mask must enclose an area")


def _check_labels(labels: tuple[str, ...] | None, key_path: KeyPath) -> Iterator[KeyProblem]:
    if labels == ():
        message = "the list is empty: no detection would pass"
        hint = "remove the key to accept all labels"
        yield KeyProblem(key_path=key_path, message=message, hint=hint)
    for index, label in enumerate(labels or ()):
        if not label.strip():
            yield KeyProblem(key_path=(*key_path, index), message=_EMPTY_LABEL)
