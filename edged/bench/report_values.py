"""The benchmark's report: what is printed, kept as JSON, compared and plotted. Pure values."""

from typing import Annotated

from msgspec import Meta, Struct

FORMAT = "edged.bench/1"


class Spread(Struct, frozen=True, kw_only=True):
    """The values of one measure in all rounds."""

    median: float
    low: float
    high: float
    count: Annotated[int, Meta(description="Number of rounds.")] = 1


class Row(Struct, frozen=True, kw_only=True):
    """One measure."""

    key: str
    title: str
    unit: str = ""
    digits: int = 2
    lower_is_better: bool | None = True
    values: Annotated[dict[str, Spread], Meta(description="Its value by program.")]
    ratios: Annotated[
        dict[str, Spread],
        Meta(description="edged's value / that of another program, by that program."),
    ] = {}
    goals: Annotated[
        tuple["GoalCheck", ...],
        Meta(description="The project's goals for it, as far as they apply."),
    ] = ()


class GoalCheck(Struct, frozen=True, kw_only=True):
    """A goal, and whether the measured median meets it."""

    text: str
    met: bool


class Section(Struct, frozen=True, kw_only=True):
    """The rows of one source of frames, or of one scenario."""

    title: str
    rows: tuple[Row, ...]


class BenchReport(Struct, frozen=True, kw_only=True, tag_field="format", tag=FORMAT):
    """The whole report."""

    machine: str
    build: str
    model: str
    runtime: str
    frame: str
    fps: float
    rounds: int
    seconds: float
    sections: tuple[Section, ...]
    suggestions: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def find_row(self, title: str, key: str) -> Row | None:
        """Return a row by its section's title and its key; None if there is none."""
        rows = (row for section in self.sections if section.title == title for row in section.rows)
        return next((row for row in rows if row.key == key), None)
