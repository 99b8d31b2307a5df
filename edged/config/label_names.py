"""Checks that the labels which settings name are those of the model. No I/O: the labels are given."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from edged.config.people_hint import PEOPLE_ADVICE, finds_marks_only
from edged.config.problems import KeyPath, KeyProblem, suggest_name
from edged.config.settings import DetectSettings, Settings
from edged.types import UNNAMED_LABELS

_NUMBERED_CLASS = re.compile(r"class-\d+")
_MAX_NAMES_SHOWN = 6

NamedLabel = tuple[KeyPath, str]
"""A label, and the key that names it."""


def class_names(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the names that the classes of a label list can have: labels, and numbers where there may be none."""
    numbered = [f"class-{index}" for index in range(len(labels))]
    named = [label for label in labels if label not in UNNAMED_LABELS]
    return (*named, *numbered)


def check_label_names(settings: Settings, known: Collection[str]) -> Iterator[KeyProblem]:
    """Yield a problem for each label that the model does not have, in every key that names one.

    Args:
        settings: the configuration; cameras that are disabled are left out.
        known: the names of the model's classes, in their order; empty if it has no labels.
    """
    named = [*_named_labels(settings.detect, ("detect",)), *_stationary_labels(settings)]
    named += _hidden_labels(settings)
    for name, camera in settings.camera.items():
        if camera.enabled:
            named += _labels_of_camera(settings, name)
    yield from find_unknown_labels(named, known)


def check_label_names_of_camera(
    settings: Settings, camera: str, known: Collection[str]
) -> Iterator[KeyProblem]:
    """Yield a problem for each label that the model does not have, in the keys that count for one camera.

    Args:
        settings: the configuration.
        camera: the camera's name.
        known: as in `check_label_names`.
    """
    general = settings.detect
    if settings.camera[camera].detect.labels is not None:
        general = DetectSettings(label=general.label)
    named = [*_named_labels(general, ("detect",)), *_stationary_labels(settings)]
    named += [*_labels_of_camera(settings, camera), *_hidden_labels(settings)]
    yield from find_unknown_labels(named, known)


def find_unknown_labels(
    named: Iterable[NamedLabel], known: Collection[str]
) -> Iterator[KeyProblem]:
    """Yield a problem for each label that the model does not have.

    Args:
        named: labels, each with the key that names it.
        known: the names of the model's classes, in their order; empty if it has no labels.
    """
    for key_path, label in named:
        if label in known:
            continue
        if known:
            message, hint = f'the model has no label "{label}"', _suggest_label(label, known)
            yield KeyProblem(key_path=key_path, message=message, hint=hint)
        elif not _NUMBERED_CLASS.fullmatch(label):
            message = f'the model has no labels, so that "{label}" is none of its classes'
            hint = "set model.labels_file, or use the names class-0, class-1, ..."
            yield KeyProblem(key_path=key_path, message=message, hint=hint)


def _named_labels(detect: DetectSettings, key_path: KeyPath) -> Iterator[NamedLabel]:
    for index, label in enumerate(detect.labels or ()):
        yield (*key_path, "labels", index), label
    for label in detect.label:
        yield (*key_path, "label", label), label


def _stationary_labels(settings: Settings) -> Iterator[NamedLabel]:
    for index, label in enumerate(settings.track.stationary_labels or ()):
        yield ("track", "stationary_labels", index), label


def _hidden_labels(settings: Settings) -> Iterator[NamedLabel]:
    for index, label in enumerate(settings.images.hide):
        yield ("images", "hide", index), label


def _labels_of_camera(settings: Settings, name: str) -> Iterator[NamedLabel]:
    camera = settings.camera[name]
    yield from _named_labels(camera.detect, ("camera", name, "detect"))
    for zone_name, zone in camera.zone.items():
        for index, label in enumerate(zone.labels or ()):
            yield ("camera", name, "zone", zone_name, "labels", index), label


def _suggest_label(label: str, known: Collection[str]) -> str:
    """Return a hint with the most similar label, or one that contains the word, as "tench, Tinca tinca" does; otherwise with the first labels."""
    by_lower_case = {name.lower(): name for name in known}
    same = by_lower_case.get(label.lower().strip())
    word = re.compile(rf"\b{re.escape(label.strip())}\b", re.IGNORECASE)
    close = suggest_name(label, known)
    containing = next((name for name in known if word.search(name)), None)
    if same or (containing and not close):
        return f'did you mean "{same or containing}"?'
    if close:
        return close
    # What numbers stand for, the labels say better.
    labels = [name for name in known if not _NUMBERED_CLASS.fullmatch(name)] or list(known)
    shown = ", ".join(f'"{name}"' for name in labels[:_MAX_NAMES_SHOWN])
    more = f", ... ({len(labels)} in all)" if len(labels) > _MAX_NAMES_SHOWN else ""
    people = f"; {PEOPLE_ADVICE}" if finds_marks_only(labels) else ""
    return f"its labels are {shown}{more}{people}"
