"""Labelled pictures: a folder with a subfolder for each class."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from edged.errors import ConfigError

MIN_CLASSES, MIN_PICTURES = 2, 4
_HELD_OUT_EVERY = 4
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
_BACKGROUND = "background"


@dataclass(frozen=True, slots=True)
class LearningPicture:
    """One picture.

    Attributes:
        path: its file.
        class_id: index of its class in the labels.
        is_held_out: it is not trained on, and measures the result.
    """

    path: Path
    class_id: int
    is_held_out: bool


@dataclass(frozen=True, slots=True)
class LearningPictures:
    """The pictures to learn from.

    Attributes:
        labels: names of the classes.
        pictures: all of them, class after class.
    """

    labels: tuple[str, ...]
    pictures: tuple[LearningPicture, ...]

    @property
    def held_out(self) -> tuple[LearningPicture, ...]:
        """The pictures that are not trained on."""
        return tuple(one for one in self.pictures if one.is_held_out)


def read_learning_pictures(folder: Path) -> LearningPictures:
    """List the pictures of a folder; every fourth of each class is held out.

    A class named "background" comes first: the daemon reports it as nothing.

    Raises:
        ConfigError: the folder cannot be read, or has too few classes or pictures.
    """
    try:
        by_label = {name: _list_pictures(folder / name) for name in _list_classes(folder)}
    except OSError as error:
        raise ConfigError(f"cannot read {folder}: {error.strerror or error}") from error
    _check_counts(folder, by_label)
    pictures = tuple(
        LearningPicture(path, class_id, number % _HELD_OUT_EVERY == _HELD_OUT_EVERY - 1)
        for class_id, paths in enumerate(by_label.values())
        for number, path in enumerate(paths)
    )
    return LearningPictures(tuple(by_label), pictures)


def _list_classes(folder: Path) -> list[str]:
    names = [one.name for one in folder.iterdir() if one.is_dir() and one.name[0] != "."]
    return sorted(names, key=lambda name: (name.lower() != _BACKGROUND, name))


def _list_pictures(folder: Path) -> list[Path]:
    return sorted(_iter_pictures(folder))


def _iter_pictures(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.suffix.lower() in _SUFFIXES and not path.name.startswith("."):
            yield path


def _check_counts(folder: Path, by_label: Mapping[str, list[Path]]) -> None:
    if len(by_label) < MIN_CLASSES:
        raise ConfigError(
            f"{folder} has {len(by_label)} subfolders: put the pictures of each class into one, for at least {MIN_CLASSES} classes"
        )
    for label, paths in by_label.items():
        if len(paths) < MIN_PICTURES:
            raise ConfigError(
                f"{folder / label} has {len(paths)} pictures: add some, at least {MIN_PICTURES} of each class are needed"
            )
