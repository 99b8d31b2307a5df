"""Results of a comparison: a record of each variant, and the table."""

from collections.abc import Sequence

from msgspec import Struct, structs

from edged_models.compression.fine_tune_settings import FineTuneSettings
from edged_models.compression.machine import Machine
from edged_models.compression.pareto import find_pareto_front
from edged_models.compression.techniques import BuildJob, BuildResult


class Quality(Struct, frozen=True, kw_only=True):
    """Accuracy of a variant, from an `edged_models.evaluation.results.Evaluation`.

    Attributes:
        pictures: the pictures for the evaluation, as `open_pictures` takes them.
        ap: average precision, mean over IoU 0.5 to 0.95.
        ap50: average precision at IoU 0.5.
        recall: share of all objects that are found at a score of 0.5.
        false_alarms: false alarms in a picture without objects, on average; None if there are no such pictures.
    """

    pictures: str
    ap: float
    ap50: float
    recall: float
    false_alarms: float | None


class VariantRecord(Struct, frozen=True, kw_only=True):
    """A finished variant. It is stored, so that a resumed run need not build it again.

    Attributes:
        job: how it was built.
        built: the result of the build.
        quality: its accuracy; None if it is not evaluated yet.
    """

    job: BuildJob
    built: BuildResult
    quality: Quality | None = None


class Cost(Struct, frozen=True, kw_only=True):
    """Time and memory of a variant on one runtime.

    Attributes:
        runtime: name of the runtime.
        latency_ms: median CPU time of an invocation with one thread.
        ram_mib: peak memory of a process that loads and invokes the model, minus that of one that does not.
    """

    runtime: str
    latency_ms: float
    ram_mib: float


class TableRow(Struct, frozen=True, kw_only=True):
    """A row of the table: one variant.

    Attributes:
        name: name of the technique.
        title: title of the technique for the table.
        model: file name of the .tflite.
        parameters: number of the network's parameters.
        remark: what the technique did, as "50% of the weights are zero"; None if the title is complete without it.
        file_bytes: size of the .tflite.
        deflated_bytes: size of the compressed .tflite.
        quality: accuracy.
        costs: time and memory on each runtime.
        pareto_fronts: costs for which the variant is on the Pareto front against AP50: ``size``, ``deflated``, and the name of a
            runtime for its latency.
    """

    name: str
    title: str
    model: str
    parameters: int
    remark: str | None
    file_bytes: int
    deflated_bytes: int
    quality: Quality
    costs: tuple[Cost, ...]
    pareto_fronts: tuple[str, ...] = ()


class OmittedTechnique(Struct, frozen=True, kw_only=True):
    """A technique that cannot be applied to this network.

    Attributes:
        name: name of the technique.
        reason: why it cannot be applied.
    """

    name: str
    reason: str


class ComparisonTable(Struct, frozen=True, kw_only=True):
    """The comparison of all variants.

    Attributes:
        checkpoint: file name of the checkpoint.
        digest: digest of its weights.
        side_px: side of its input.
        pictures: the pictures for the evaluation, as `open_pictures` takes them.
        tuning: settings of the fine-tuning.
        machine: the machine that the costs were measured on.
        rows: the variants.
        omitted: techniques that cannot be applied.
        seconds: duration of this run.
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
    """Return the rows with `TableRow.pareto_fronts` filled in."""
    runtimes = [cost.runtime for cost in rows[0].costs] if rows else []
    axes = [
        ("size", [float(row.file_bytes) for row in rows]),
        ("deflated", [float(row.deflated_bytes) for row in rows]),
        *(
            (runtime, [_round_latency(row.costs[column].latency_ms) for row in rows])
            for column, runtime in enumerate(runtimes)
        ),
    ]
    quality = [row.quality.ap50 for row in rows]
    fronts = [
        (name, find_pareto_front(list(zip(costs, quality, strict=True)))) for name, costs in axes
    ]
    return tuple(
        structs.replace(
            row, pareto_fronts=tuple(name for name, is_on_front in fronts if is_on_front[number])
        )
        for number, row in enumerate(rows)
    )


def _round_latency(latency_ms: float) -> float:
    """Round to two digits: repeated measurements differ by some percent, which must not decide about the front."""
    return float(f"{latency_ms:.2g}")
