"""The report of sets of pictures as text."""

from collections import Counter
from collections.abc import Iterator, Sequence

from edged_models.pictures.problems import ProblemKind
from edged_models.pictures.set_report import SetReport
from edged_models.pictures.similarity import SimilarPair

MAX_OF_KIND = 20
"""How many problems of one kind are listed as text; the JSON and the page have all."""
_MAX_PAIRS = 20
_MAX_SIZES = 3


def list_facts(one: SetReport) -> list[tuple[str, str]]:
    """Return what a set contains, as name and value."""
    sizes = [f"{size} ({count})" for size, count in list(one.sizes_px.items())[:_MAX_SIZES]]
    more = f" and {len(one.sizes_px) - _MAX_SIZES} other sizes" * (len(one.sizes_px) > _MAX_SIZES)
    left_out = f"; {one.left_out} more are left out" if one.left_out else ""
    ignored = f"{sum(one.ignored_areas.values())} areas with many objects, or difficult ones"
    return [
        ("set", one.name),
        ("pictures", f"{one.pictures}, {one.empty} without objects{left_out}"),
        ("sizes", f"{', '.join(sizes)}{more}"),
        *((label, str(count)) for label, count in one.objects.items()),
        *([("not judged", ignored)] if one.ignored_areas else []),
        ("sha256", one.sha256 or "none: see the errors"),
        *([("problems", f"{one.errors} errors, {one.warnings} warnings")] if one.problems else []),
    ]


def list_problems(one: SetReport) -> Iterator[str]:
    """Yield a line for each problem, up to `MAX_OF_KIND` of a kind, and one for the rest of a kind."""
    listed = Counter[ProblemKind]()
    for problem in one.problems:
        listed[problem.kind] += 1
        if listed[problem.kind] <= MAX_OF_KIND:
            yield f"{problem.severity.value}: {problem.message}"
    for kind, count in listed.items():
        if count > MAX_OF_KIND:
            yield f"{kind.value}: {count - MAX_OF_KIND} more, which --json and --report list"


def list_pairs(sets: Sequence[SetReport], pairs: Sequence[SimilarPair]) -> Iterator[str]:
    """Yield a line for each pair of similar pictures, up to a limit, and the number of all."""
    if len(sets) == 1:
        return
    for pair in pairs[:_MAX_PAIRS]:
        what = "the same picture" if pair.is_same else "nearly the same picture"
        yield f"warning: {what} in two sets: {pair.first_name} and {pair.second_name}"
    yield f"pictures in two sets: {len(pairs)}, the same or nearly"
