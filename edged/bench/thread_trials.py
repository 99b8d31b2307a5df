"""The bare interpreter with each number of threads that this machine has cores for."""

import os

from edged.bench.benchmark import Report
from edged.bench.measure_run import measure_bare
from edged.bench.run_values import ProgramRun
from edged.bench.suggestions import ThreadTrial
from edged.bench.workspace import ModelOnRuntime, Workspace


def try_threads(
    workspace: Workspace, model: ModelOnRuntime, report: Report
) -> tuple[ThreadTrial, ...]:
    """Run the interpreter with 1, 2, 4, ... threads, and with one for each core, on all cores.

    Args:
        workspace: what the runs share.
        model: the model.
        report: is called before each run.

    Raises:
        EdgedError: the interpreter cannot run the model.
    """
    cores = workspace.cores.measured | workspace.cores.others
    counts = list_counts(len(cores))
    before = os.sched_getaffinity(0)
    trials = []
    try:
        os.sched_setaffinity(0, cores)
        for done, threads in enumerate(counts):
            report(f"{threads} threads", done / len(counts))
            trials.append(_trial(threads, measure_bare(workspace, model, threads).run))
    finally:
        os.sched_setaffinity(0, before)
    return tuple(trials)


def list_counts(cores: int) -> list[int]:
    """Return the numbers of threads to try: powers of two below the number of cores, and that number."""
    powers = [1 << k for k in range(cores.bit_length()) if 1 << k < cores]
    return [*powers, cores]


def _trial(threads: int, run: ProgramRun) -> ThreadTrial:
    return ThreadTrial(
        threads=threads,
        invoke_ms=run.wall_s / run.frames * 1000,
        cpu_ms=run.sum_cpu_s() / run.frames * 1000,
    )
