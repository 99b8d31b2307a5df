"""What comes out of the grid: a record of each variant, and the table."""

from collections.abc import Sequence

from msgspec import Struct, structs

from edged_models.compression.fine_tune_settings import FineTuneSettings
from edged_models.compression.machine import Machine
from edged_models.compression.pareto import find_pareto_front
from edged_models.compression.techniques import BuildJob, BuildResult


class Quality(Struct, frozen=True, kw_only=True):
    """How good a variant is; as `evaluation.Evaluation` has them.

    Attributes:
        pictures: what it was judged on, as `open_pictures` takes them.
        ap: mean over IoU 0.5 to 0.95.
        ap50: at IoU 0.5.
        recall: of all marks at a score of 0.5.
        false_alarms: a picture without marks.
    """

    pictures: str
    ap: float
    ap50: float
    recall: float
    false_alarms: float | None


class VariantRecord(Struct, frozen=True, kw_only=True):
    """A finished variant, kept so that it need not be made again; its quality once it has been judged."""

    job: BuildJob
    built: BuildResult
    quality: Quality | None = None


class Cost(Struct, frozen=True, kw_only=True):
    """What a variant takes on one runtime.

    Attributes:
        runtime: which.
        latency_ms: median CPU time of an invocation, one thread.
        ram_mib: peak memory of a process that loads and invokes it, less that of one that does not.
    """

    runtime: str
    latency_ms: float
    ram_mib: float


class TableRow(Struct, frozen=True, kw_only=True):
    """A row of the table.

    Attributes:
        name: of the technique.
        title: for people.
        model: the .tflite's file name.
        parameters: of the net.
        remark: what was reached.
        file_bytes: the .tflite's size.
        deflated_bytes: its size compressed.
        quality: how good it is.
        costs: for each runtime.
        pareto_fronts: on the Pareto front against AP50 by: ``size``, ``deflated``, and each runtime's latency.
    """

    name: str
    title: str
    model: str
    parameters: int
    remark: str
    file_bytes: int
    deflated_bytes: int
    quality: Quality
    costs: tuple[Cost, ...]
    pareto_fronts: tuple[str, ...] = ()


class OmittedTechnique(Struct, frozen=True, kw_only=True):
    """A technique that this net could not have, and why."""

    name: str
    reason: str


class ComparisonTable(Struct, frozen=True, kw_only=True):
    """The comparison.

    Attributes:
        checkpoint: the net's file name.
        digest: of its weights.
        side_px: its input.
        pictures: what the variants were judged on.
        tuning: how they were fine-tuned.
        machine: what the costs were measured on.
        rows: the variants.
        omitted: the others.
        seconds: how long it took, of this run.
    """

    checkpoint: str
    digest: str
    side_px: int
    pictures: str
    tuning: FineTuneSettings
    machine: Machine
    rows: tuple[TableRow, ...]
    omitted: tuple[OmittedTechnique, ...]
    seconds: float


def mark_pareto_fronts(rows: Sequence[TableRow]) -> tuple[TableRow, ...]:
    """The same rows, with `TableRow.best` filled."""
    runtimes = [cost.runtime for cost in rows[0].costs] if rows else []
    axes = [
        ("size", [float(row.file_bytes) for row in rows]),
        ("deflated", [float(row.deflated_bytes) for row in rows]),
        *(
            (runtime, [_round_latency(row.costs[place].latency_ms) for row in rows])
            for place, runtime in enumerate(runtimes)
        ),
    ]
    quality = [row.quality.ap50 for row in rows]
    fronts = [
        (name, find_pareto_front(list(zip(costs, quality, strict=True)))) for name, costs in axes
    ]
    return tuple(
        structs.replace(row, pareto_fronts=tuple(name for name, on in fronts if on[place]))
        for place, row in enumerate(rows)
    )


def _round_latency(latency_ms: float) -> float:
    """Two digits of it: the same model measured again differs by some percent, and that puts nothing on the front."""
    return float(f"{latency_ms:.2g}")
