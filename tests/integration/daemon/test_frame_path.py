"""The number of files that a frame passes in the supervisor, from the worker's packet to the publisher: a reader who follows it opens them all.

It is counted for the most frequent kind of frame whose detections are published.
"""

import subprocess
import sys
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parents[2]
MAX_FILES = 26
PUBLISHER = "edged/publishers/jsonl.py"
SPOOL = "edged/messaging/spool/queue.py"


def test_a_frame_passes_few_files(tmp_path: Path) -> None:
    config, output = tmp_path / "edged.toml", tmp_path / "files.txt"
    config.write_text(
        f'[jsonl]\npath = "{tmp_path}/messages.jsonl"\n[model]\nruntime = "simulated"\n'
        f'[device]\nname = "bench-1"\nstate_dir = "{tmp_path}/state"\n'
        '[camera.front]\nsource = "synthetic"\nfps = 20\nframes = 100\nevery_s = 0.7\nstay_s = 1.5\n'
        "[camera.front.zone.all]\npoints = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]\n"
    )
    command = [sys.executable, "-m", "support.frame_path", str(config), str(output)]
    subprocess.run(command, check=True, cwd=TESTS)
    paths = [tuple(line.split()) for line in output.read_text().splitlines()]
    published = [path for path in paths if PUBLISHER in path and SPOOL not in path]
    (path, count), *_ = Counter(published).most_common()
    print(f"{count} of {len(paths)} frames, {len(path)} files:", *path, sep="\n")
    assert count > len(paths) // 5
    assert len(path) <= MAX_FILES
