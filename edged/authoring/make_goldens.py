"""Makes goldens of pictures by what the model itself finds in them: they show whether it does on a device what it did here.

They do not show whether that is right. `edged-models goldens`, which knows the pictures' truth and compares the runtimes, makes
better ones.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import cv2

import edged
from edged.config.settings import ModelSettings
from edged.errors import ConfigError
from edged.model.goldens import Expected, Golden, Goldens, Tolerances, write_goldens
from edged.selftest.messages import Finding, Request
from edged.selftest.process import Tryout
from edged.updates.bundle.manifest import LEAST_EMPTY_GOLDENS, LEAST_GOLDENS

MIN_SCORE = 0.5
TOLERANCES = Tolerances(least_iou=0.75, score=0.12)
"""Wide: how far the runtimes are apart on this model is not known here."""

_MOST_FULL, _MOST_EMPTY = 12, 4
_MOST_DETECTIONS = 100
_LONGEST_PX = 640
_TIMEOUT_S = 60.0

Tell = Callable[[str, float], None]
_Looked = tuple[bytes, tuple[Finding, ...]]


def make_goldens(
    settings: ModelSettings, pictures: Path, scratch: Path, *, model_sha256: str, tell: Tell
) -> dict[str, bytes]:
    """Show the model pictures, in a child of its own, until there are goldens enough.

    Args:
        settings: name the model.
        pictures: a folder; what is no picture in it is passed over.
        scratch: a folder in which a file may be written.
        model_sha256: of the model's file.
        tell: hears what is done now, and which share of all was.

    Returns:
        ``goldens.json`` and its pictures, by name.

    Raises:
        ConfigError: the folder cannot be read; its pictures are too few; or the model finds something in too many of them, or in none.
        ModelError: the model was refused.
    """
    with Tryout() as tryout:
        chosen = _choose(_look(tryout, settings, _in_order(pictures), scratch, tell))
    _check(pictures, chosen)
    files = {f"{number:02}.png": png for number, (png, _) in enumerate(chosen, 1)}
    goldens = Goldens(
        schema=1,
        model_sha256=model_sha256,
        made_by=f"edged {edged.__version__}",
        min_score=MIN_SCORE,
        tolerances=TOLERANCES,
        goldens=tuple(
            _golden(name, png, found) for name, (png, found) in zip(files, chosen, strict=True)
        ),
    )
    return {"goldens.json": write_goldens(goldens), **files}


def _in_order(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise ConfigError(f"cannot read the pictures in {folder}: {error.strerror}") from error


def _look(
    tryout: Tryout, settings: ModelSettings, sources: Sequence[Path], scratch: Path, tell: Tell
) -> Iterator[_Looked]:
    # Always the same file: the child is let see no other.
    shown = scratch / "shown.png"
    for place, source in enumerate(sources):
        tell(f"showing it {source.name}", place / len(sources))
        png = _png(source)
        if png:
            shown.write_bytes(png)
            request = Request(settings=settings, image=shown, min_score=MIN_SCORE, repeats=1)
            yield png, tryout.try_model(request, timeout_s=_TIMEOUT_S).detections


def _png(source: Path) -> bytes | None:
    """A picture, at most so large; None if it is none."""
    pixels = cv2.imread(str(source), cv2.IMREAD_COLOR)
    if pixels is None:
        return None
    height, width = pixels.shape[:2]
    scale = _LONGEST_PX / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()


def _choose(looked: Iterable[_Looked]) -> list[_Looked]:
    """The first pictures with something in them and the first without, so many of each; the rest is not looked at."""
    room = {True: _MOST_FULL, False: _MOST_EMPTY}
    chosen = []
    for png, found in looked:
        if room[bool(found)] and len(found) <= _MOST_DETECTIONS:
            room[bool(found)] -= 1
            chosen.append((png, found))
        if not any(room.values()):
            break
    return chosen


def _check(pictures: Path, chosen: Sequence[_Looked]) -> None:
    empty = sum(not found for _, found in chosen)
    if len(chosen) < LEAST_GOLDENS or empty < LEAST_EMPTY_GOLDENS or empty == len(chosen):
        raise ConfigError(
            f"{pictures}: goldens take {LEAST_GOLDENS} pictures, {LEAST_EMPTY_GOLDENS} in which the model finds nothing and some in which "
            f"it finds something; here it finds nothing in {empty} and something in {len(chosen) - empty}: add pictures"
        )


def _golden(name: str, png: bytes, found: Sequence[Finding]) -> Golden:
    return Golden(
        picture=name,
        sha256=hashlib.sha256(png).hexdigest(),
        kind="easy" if found else "empty",
        detections=tuple(
            Expected(label=one.label, class_id=one.class_id, score=one.score, box=one.box)
            for one in found
        ),
    )
