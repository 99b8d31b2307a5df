"""What one run measures, and one round of runs. Pure values."""

from msgspec import Struct, field

BARE = "bare"
TUTORIAL = "tutorial"
EDGED = "edged"


class MemoryUse(Struct, frozen=True, kw_only=True):
    """Memory of one process.

    Attributes:
        rss_mb: resident memory, in MiB.
        pss_mb: the same, with each shared page divided by the number of processes that share it, in MiB.
    """

    rss_mb: float
    pss_mb: float


class ProgramRun(Struct, frozen=True, kw_only=True):
    """One run of one program.

    Attributes:
        frames: number of frames on which the model ran, or of invocations of the bare interpreter.
        wall_s: their wall time, in seconds.
        cpu_s: CPU time over the same frames, in seconds, by process.
        memory: memory at the end, by process.
        start_s: time from the start of the process to its first result, in seconds; None if it was not measured.
        latency_s: time of each frame from its arrival in the program to its detections at the subscriber, in seconds.
        stage_s: median time of each stage, in seconds, by the names of ``up/health``.
        invoke_s: median wall time of one invocation of the bare interpreter, in seconds; 0 for other programs.
        energy_j: energy that the machine took meanwhile, in joules; None if it does not tell.
    """

    frames: float
    wall_s: float
    cpu_s: dict[str, float] = field(default_factory=dict)
    memory: dict[str, MemoryUse] = field(default_factory=dict)
    start_s: float | None = None
    latency_s: tuple[float, ...] = ()
    stage_s: dict[str, float] = field(default_factory=dict)
    invoke_s: float = 0.0
    energy_j: float | None = None

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self.frames / self.wall_s

    def sum_cpu_s(self, process_prefix: str = "") -> float:
        """Return the CPU time of the processes whose name begins so, in seconds."""
        return sum(s for name, s in self.cpu_s.items() if name.startswith(process_prefix))


class Round(Struct, frozen=True, kw_only=True):
    """One run of each program, made one right after the other, so that noise of the machine affects all of them.

    Attributes:
        bare: the bare interpreter.
        saturated: the programs with a camera that always has a frame ready, by program.
        paced: the programs with a camera at a fixed rate, by program.
        started: the programs with one picture that costs them nothing, for start and memory, by program; empty if not measured.
    """

    bare: ProgramRun
    saturated: dict[str, ProgramRun]
    paced: dict[str, ProgramRun]
    started: dict[str, ProgramRun]
