"""The report of sets of pictures as one HTML page without any other file."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

import cv2
import numpy as np
from numpy.typing import NDArray

from edged_models.pictures.set_report import SetReport
from edged_models.pictures.similarity import SimilarPair

PictureReader = Callable[[int, int], NDArray[np.uint8]]
"""Returns a picture, (H, W, 3) uint8, RGB, by the index of its set and its number in it."""

MAX_PAIRS = 50
"""How many similar pictures are shown; the list in the command's JSON has all."""
_THUMBNAIL_PX = 160
_JPEG_QUALITY = 80
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #222; background: #fff; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; } th, td { text-align: left; padding: .15rem .8rem .15rem 0; }
td.count { text-align: right; font-variant-numeric: tabular-nums; } td.bar { width: 20rem; }
td.bar span { display: block; height: .8rem; background: #47a; min-width: 1px; }
.error { color: #a00; } .pair { display: inline-block; margin: 0 1.5rem 1rem 0; vertical-align: top; font-size: 12px; }
.pair img { margin-right: .3rem; } li { overflow-wrap: anywhere; }
"""


def build_page(sets: Sequence[SetReport], pairs: Sequence[SimilarPair], read: PictureReader) -> str:
    """Build the page.

    Args:
        sets: the sets.
        pairs: similar pictures of different sets.
        read: reads the pictures of the pairs.

    Raises:
        PicturesError: a picture cannot be read any more.
    """
    body = "".join([*map(_format_set, sets), _format_pairs(sets, pairs, read)])
    return (
        "<!doctype html>\n"
        '<html lang="en"><head><meta charset="utf-8"><title>Sets of pictures</title>'
        """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">"""
        f"<style>{_STYLE}</style></head>\n<body><h1>Sets of pictures</h1>\n{body}</body></html>\n"
    )


def _format_set(one: SetReport) -> str:
    facts = {
        "pictures": f"{one.pictures}, {one.empty} without objects; {one.left_out} more are left out",
        "objects": f"{sum(one.objects.values())}, at most {one.most_objects} in a picture",
        "problems": f"{one.errors} errors, {one.warnings} warnings",
        "SHA-256": one.sha256 or "none: see the errors",
    }
    rows = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in facts.items())
    parts = [f"<h2>{escape(one.name)}</h2><table>{rows}</table>"]
    parts += [
        _format_counts("Objects by class", one.objects),
        _format_counts("Areas that are not judged", one.ignored_areas),
        _format_counts("Sizes of the pictures", one.sizes_px),
        _format_counts("Sizes of the boxes, up to so much of the picture's side", one.box_sizes),
        _format_counts("Problems by kind", one.problem_counts),
        _format_problems(one),
    ]
    return "\n".join(parts)


def _format_counts(title: str, counts: Mapping[str, int]) -> str:
    if not counts:
        return ""
    largest = max(*counts.values(), 1)
    rows = "".join(
        f'<tr><th>{escape(name)}</th><td class="count">{count}</td>'
        f'<td class="bar"><span style="width:{100 * count / largest:.1f}%"></span></td></tr>'
        for name, count in counts.items()
    )
    return f"<h3>{escape(title)}</h3><table>{rows}</table>"


def _format_problems(one: SetReport) -> str:
    if not one.problems:
        return ""
    items = "".join(
        f'<li class="{problem.severity.value}">{problem.severity.value}: {escape(problem.message)}</li>'
        for problem in one.problems
    )
    return f"<details><summary>All problems</summary><ul>{items}</ul></details>"


def _format_pairs(
    sets: Sequence[SetReport], pairs: Sequence[SimilarPair], read: PictureReader
) -> str:
    if len(sets) == 1:
        return ""
    same = sum(pair.is_same for pair in pairs)
    title = f"<h2>Pictures in two sets</h2><p>{same} the same, {len(pairs) - same} nearly the same"
    shown = pairs[:MAX_PAIRS]
    more = f"; the first {MAX_PAIRS} are shown" if len(shown) < len(pairs) else ""
    return f"{title}{more}.</p>{''.join(_format_pair(sets, pair, read) for pair in shown)}"


def _format_pair(sets: Sequence[SetReport], pair: SimilarPair, read: PictureReader) -> str:
    what = "the same" if pair.is_same else "nearly the same"
    sides = (
        (pair.first_set, pair.first, pair.first_name),
        (pair.second_set, pair.second, pair.second_name),
    )
    images = "".join(_format_thumbnail(read(index, number)) for index, number, _ in sides)
    names = [f"{escape(sets[index].name)}: {escape(name)}" for index, _, name in sides]
    return f'<div class="pair">{images}<br>{what}<br>{_join_lines(names)}</div>\n'


def _join_lines(lines: Iterable[str]) -> str:
    return "<br>".join(lines)


def _format_thumbnail(image: NDArray[np.uint8]) -> str:
    scale = _THUMBNAIL_PX / max(image.shape[:2])
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    _, content = cv2.imencode(
        ".jpg", np.ascontiguousarray(small[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    )
    return f'<img alt="" src="data:image/jpeg;base64,{b64encode(content.tobytes()).decode()}">'
