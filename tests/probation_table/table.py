"""The table of docs/updates.md: of so many equal and so many bad models, how many a trial judges wrongly."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from edged.updates.rules.probation import CommitVerdict, RollbackVerdict, TrialVerdict
from probation_table.simulation import INVOKE_BUDGET_RATIO, Candidate, simulate_trial

LOADS = (0, 4, 8, 20)
IDENTICAL = Candidate("a byte-identical copy", is_good=True)
GOOD = (
    IDENTICAL,
    Candidate("another good model (marks for marks-fast)", is_good=True, boxes="good"),
    Candidate("a model that takes 1.1 times as long", is_good=True, slower=1.1),
    Candidate("a byte-identical copy, without a shadow", is_good=True, has_shadow=False),
    Candidate("a model that fails on 0.02 % of the frames", is_good=True, failed_share=0.0002),
)
BAD = (
    Candidate("1.5 times as long a frame (`max_p95_ratio`, median)", slower=1.5),
    Candidate(
        "4 times as long on one frame in eight (`max_p95_ratio`, slowest frames)", slow_every=8
    ),
    Candidate(
        "half as long again as its budget of an invocation (`invoke_ms_p95`)",
        slower=INVOKE_BUDGET_RATIO * 1.5,
    ),
    Candidate(
        "1.5 times as long a frame, without a shadow (`max_p95_ratio`)",
        slower=1.5,
        has_shadow=False,
    ),
    Candidate("a third of the frames left out (`min_fps_ratio`)", lost_share=1 / 3),
    Candidate("failures on 1 % of the frames (`max_error_rate`)", failed_share=0.01),
    Candidate("wrong labels, and marks in the background (`min_f1`)", boxes="noisy"),
    Candidate("blind (`min_f1`)", boxes="blinded"),
    Candidate("finds 30 % of the boxes (`detection_ratio`, `min_f1`)", found_share=0.3),
    Candidate("a fifth over its budget of memory (`memory_mb`)", memory_mb=60.0),
)
BEGIN, END = "<!-- probation-table -->", "<!-- /probation-table -->"


@dataclass(frozen=True)
class ErrorCount:
    """How often trials of one model at one load ended wrongly.

    Attributes:
        trials: number of trials.
        wrong: good models that were rolled back, or bad ones that were committed without a flag.
        flagged: models that were committed with a flag.
        reasons: the reasons of wrong rollbacks.
    """

    trials: int
    wrong: int
    flagged: int
    reasons: tuple[str, ...] = ()


def count_errors(candidate: Candidate, load: int, trials: Iterable[int], seed: str) -> ErrorCount:
    """Run trials of one model at one load.

    Args:
        candidate: the model.
        load: the number of busy processes beside it.
        trials: the numbers of the trials.
        seed: another seed gives other trials.
    """
    verdicts = [
        simulate_trial(candidate, load, f"{seed}:{candidate.name}:{load}:{k}") for k in trials
    ]
    kinds = Counter(map(_classify, verdicts))
    wrong = kinds["rolled back"] if candidate.is_good else kinds["committed"]
    reasons = tuple(v.reason for v in verdicts if isinstance(v, RollbackVerdict))
    return ErrorCount(len(verdicts), wrong, kinds["flagged"], reasons if candidate.is_good else ())


def _classify(verdict: TrialVerdict) -> str:
    match verdict:
        case RollbackVerdict():
            return "rolled back"
        case CommitVerdict(flag_reason=None):
            return "committed"
        case _:
            return "flagged"


def make_table(identical_trials: int, trials: int, seed: str) -> str:
    """Return the table in Markdown.

    Args:
        identical_trials: number of trials of a byte-identical model at each load.
        trials: number of trials of each other model at each load.
        seed: another seed gives other trials.
    """
    lines = [
        "| model on trial | trials at each load | " + " | ".join(f"load {n}" for n in LOADS) + " |",
        "|---|---|" + "---|" * len(LOADS),
    ]
    for candidate in (*GOOD, *BAD):
        count = identical_trials if candidate is IDENTICAL else trials
        counts = [count_errors(candidate, load, range(count), seed) for load in LOADS]
        verb = "rolled back" if candidate.is_good else "missed"
        cells = " | ".join(_format(one) for one in counts)
        lines.append(f"| {candidate.name}: {verb} | {count} | {cells} |")
    return "\n".join(lines)


def _format(count: ErrorCount) -> str:
    return f"{count.wrong}" + (f" (+ {count.flagged} flagged)" if count.flagged else "")
