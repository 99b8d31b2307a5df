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
from edged.model.goldens import ExpectedDetection, Golden, Goldens, Tolerances, write_goldens
from edged.selftest.messages import ReportedDetection, SelfTestRequest
from edged.selftest.process import SelfTestProcess
from edged.updates.bundle.manifest import MIN_EMPTY_GOLDENS, MIN_GOLDENS

MIN_SCORE = 0.5
TOLERANCES = Tolerances(min_iou=0.75, max_score_difference=0.12)
"""Wide: how far the runtimes are apart on this model is not known here."""

_MAX_NONEMPTY, _MAX_EMPTY = 12, 4
_MAX_DETECTIONS = 100
_MAX_SIDE_PX = 640
_TIMEOUT_S = 60.0

ProgressCallback = Callable[[str, float], None]
_PictureResult = tuple[bytes, tuple[ReportedDetection, ...]]


def make_goldens(
    settings: ModelSettings,
    pictures: Path,
    scratch: Path,
    *,
    model_sha256: str,
    on_progress: ProgressCallback,
) -> dict[str, bytes]:
    """Show the model pictures, in a child of its own, until there are goldens enough.

    Args:
        settings: name the model.
        pictures: a folder; what is no picture in it is passed over.
        scratch: a folder in which a file may be written.
        model_sha256: of the model's file.
        on_progress: hears what is done now, and which share of all was.

    Returns:
        ``goldens.json`` and its pictures, by name.

    Raises:
        ConfigError: the folder cannot be read; its pictures are too few; or the model finds something in too many of them, or in none.
        ModelError: the model was refused.
    """
    with SelfTestProcess() as tryout:
        chosen = _select_pictures(
            _run_on_pictures(tryout, settings, _list_pictures(pictures), scratch, on_progress)
        )
    _check_selection(pictures, chosen)
    files = {f"{number:02}.png": png for number, (png, _) in enumerate(chosen, 1)}
    goldens = Goldens(
        schema=1,
        model_sha256=model_sha256,
        made_by=f"edged {edged.__version__}",
        min_score=MIN_SCORE,
        tolerances=TOLERANCES,
        goldens=tuple(
            _make_golden(name, png, found) for name, (png, found) in zip(files, chosen, strict=True)
        ),
    )
    return {"goldens.json": write_goldens(goldens), **files}


def _list_pictures(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise ConfigError(f"cannot read the pictures in {folder}: {error.strerror}") from error


def _run_on_pictures(
    self_test: SelfTestProcess,
    settings: ModelSettings,
    sources: Sequence[Path],
    scratch: Path,
    on_progress: ProgressCallback,
) -> Iterator[_PictureResult]:
    # Always the same file: the child is let see no other.
    shown = scratch / "shown.png"
    for place, source in enumerate(sources):
        on_progress(f"showing it {source.name}", place / len(sources))
        png = _encode_png(source)
        if png:
            shown.write_bytes(png)
            request = SelfTestRequest(
                settings=settings, image=shown, min_score=MIN_SCORE, max_invocations=1
            )
            yield png, self_test.run(request, timeout_s=_TIMEOUT_S).detections


def _encode_png(source: Path) -> bytes | None:
    """A picture, at most so large; None if it is none."""
    pixels = cv2.imread(str(source), cv2.IMREAD_COLOR)
    if pixels is None:
        return None
    height, width = pixels.shape[:2]
    scale = _MAX_SIDE_PX / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()


def _select_pictures(results: Iterable[_PictureResult]) -> list[_PictureResult]:
    """The first pictures with something in them and the first without, so many of each; the rest is not looked at."""
    room = {True: _MAX_NONEMPTY, False: _MAX_EMPTY}
    chosen = []
    for png, found in results:
        if room[bool(found)] and len(found) <= _MAX_DETECTIONS:
            room[bool(found)] -= 1
            chosen.append((png, found))
        if not any(room.values()):
            break
    return chosen


def _check_selection(pictures: Path, selected: Sequence[_PictureResult]) -> None:
    empty = sum(not found for _, found in selected)
    if len(selected) < MIN_GOLDENS or empty < MIN_EMPTY_GOLDENS or empty == len(selected):
        raise ConfigError(
            f"{pictures}: goldens take {MIN_GOLDENS} pictures, {MIN_EMPTY_GOLDENS} in which the model finds nothing and some in which "
            f"it finds something; here it finds nothing in {empty} and something in {len(selected) - empty}: add pictures"
        )


def _make_golden(name: str, png: bytes, found: Sequence[ReportedDetection]) -> Golden:
    return Golden(
        picture=name,
        sha256=hashlib.sha256(png).hexdigest(),
        kind="easy" if found else "empty",
        detections=tuple(
            ExpectedDetection(label=one.label, class_id=one.class_id, score=one.score, box=one.box)
            for one in found
        ),
    )
