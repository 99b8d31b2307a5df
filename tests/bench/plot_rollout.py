"""Draws the results of `bench_rollout.py`: ``plot_rollout.py rollout.json docs/fleet.svg``. It needs matplotlib, which ``make -C models environment`` installs."""

import json
import sys
from pathlib import Path

from matplotlib.figure import Figure


def main() -> None:
    """Draw the results."""
    measured, picture = sys.argv[1:]
    rows = [json.loads(line) for line in Path(measured).read_text().splitlines()]
    hosts = [row["hosts"] for row in rows]
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    times, memory = figure.subplots(1, 2)
    times.plot(hosts, [row["seconds"] for row in rows], "o-", label="from start to end")
    times.plot(
        hosts,
        [row["cpu_s"] for row in rows],
        "s--",
        label="of processor, the devices' part included",
    )
    times.set(title="time", xlabel="hosts", ylabel="s", ylim=(0, None), xlim=(0, None))
    times.legend()
    memory.plot(hosts, [row["peak_mib"] for row in rows], "o-")
    memory.set(
        title="controller's memory at its peak",
        xlabel="hosts",
        ylabel="MiB",
        ylim=(0, None),
        xlim=(0, None),
    )
    for axes in (times, memory):
        axes.grid(alpha=0.3)
    figure.savefig(picture, metadata={"Date": None})


if __name__ == "__main__":
    main()
