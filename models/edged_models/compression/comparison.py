"""Results of a comparison: a record of each variant, and the table."""

from collections.abc import Sequence
from statistics import fmean

from msgspec import Struct, structs

from edged_models.compression.build_messages import BuildJob, BuildResult, FileFacts, Quality
from edged_models.compression.fine_tune_settings import FineTuneSettings
from edged_models.compression.machine import Machine
from edged_models.compression.pareto import find_pareto_front


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
        latency_ms: median CPU time of an invocation with one thread; None if the runtime does not run the file.
        ram_mib: peak memory of a process that loads and invokes the model, minus that of one that does not; None likewise.
        refusal: why the runtime does not run the file; None if it does.
    """

    runtime: str
    latency_ms: float | None
    ram_mib: float | None
    refusal: str | None = None


class TableRow(Struct, frozen=True, kw_only=True):
    """A row of the table: one technique.

    Attributes:
        name: name of the technique.
        title: title of the technique for the table.
        model: file name of the .tflite, that of the first seed.
        parameters: number of the network's parameters.
        remark: what the technique did, as "50% of the weights are zero"; None if the title is complete without it.
        file_bytes: size of the .tflite.
        deflated_bytes: size of the compressed .tflite.
        facts: what the file says about itself.
        qualities: accuracy of the variant of each seed; that of `model` is the first.
        costs: time and memory of `model` on each runtime.
        pareto_fronts: costs for which the variant is on the Pareto front against the mean accuracy: ``size``, ``deflated``, and the
            name of a runtime for its latency.
    """

    name: str
    title: str
    model: str
    parameters: int
    remark: str | None
    file_bytes: int
    deflated_bytes: int
    facts: FileFacts
    qualities: tuple[Quality, ...]
    costs: tuple[Cost, ...]
    pareto_fronts: tuple[str, ...] = ()

    @property
    def mean(self) -> float:
        """The mean accuracy over the seeds."""
        return fmean(one.value for one in self.qualities)

    @property
    def mean_ap(self) -> float | None:
        """The mean over the seeds of a detector's average precision from IoU 0.5 to 0.95; None for a classifier."""
        values = [one.ap for one in self.qualities if one.ap is not None]
        return fmean(values) if values else None

    @property
    def spread(self) -> tuple[float, float] | None:
        """The lowest and the highest accuracy; None with a single seed."""
        values = [one.value for one in self.qualities]
        return (min(values), max(values)) if len(values) > 1 else None


class OmittedTechnique(Struct, frozen=True, kw_only=True):
    """A technique that cannot be applied to this network.

    Attributes:
        name: name of the technique.
        reason: why it cannot be applied.
    """

    name: str
    reason: str


class Choice(Struct, frozen=True, kw_only=True):
    """The row that was chosen within a budget.

    Attributes:
        name: name of the technique.
        model: file name of its .tflite.
        reason: why it was chosen.
    """

    name: str
    model: str
    reason: str


class ComparisonTable(Struct, frozen=True, kw_only=True):
    """The comparison of all variants.

    Attributes:
        checkpoint: file name of the checkpoint or the Keras file.
        digest: digest of its weights.
        side_px: height and width of its input.
        pictures: the pictures for the evaluation, as `open_pictures` takes them.
        tuning: settings of the fine-tuning, with the first seed.
        seeds: number of seeds of the techniques that fine-tune.
        machine: the machine that the costs were measured on.
        rows: the variants.
        omitted: techniques that cannot be applied.
        seconds: duration of this run.
        choice: the row that was chosen; None without a budget, and if no row is within it.
        unmet_budget: why no row was chosen; None if one was, and without a budget.
    """

    checkpoint: str
    digest: str
    side_px: tuple[int, int]
    pictures: str
    tuning: FineTuneSettings
    seeds: int
    machine: Machine
    rows: tuple[TableRow, ...]
    omitted: tuple[OmittedTechnique, ...]
    seconds: float
    choice: Choice | None = None
    unmet_budget: str | None = None


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
    quality = [row.mean for row in rows]
    fronts = [
        (name, costs, find_pareto_front(list(zip(costs, quality, strict=True))))
        for name, costs in axes
    ]
    return tuple(
        structs.replace(
            row,
            pareto_fronts=tuple(
                name
                for name, costs, is_on_front in fronts
                if is_on_front[number] and costs[number] < _NEVER
            ),
        )
        for number, row in enumerate(rows)
    )


_NEVER = float("inf")


def _round_latency(latency_ms: float | None) -> float:
    """Round to two digits: repeated measurements differ by some percent, which must not decide about the front."""
    return _NEVER if latency_ms is None else float(f"{latency_ms:.2g}")
