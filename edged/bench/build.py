"""A build of edged that is measured: this one, or the one of a git ref, beside it in the same run."""

import compileall
import io
import os
import re
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import edged
from edged.bench.run_values import EDGED
from edged.errors import EdgedError

_CHECKOUT = Path(edged.__file__).resolve().parents[1]
_GIT_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Build:
    """A build of edged, as a child process finds it.

    Attributes:
        name: its name in the result.
        folder: the folder of its package; None for the build that runs this code.
    """

    name: str
    folder: Path | None = None

    @property
    def has_gate(self) -> bool:
        """Whether it has a motion gate, which is switched off where the model is to run on every frame."""
        folder = self.folder or _CHECKOUT
        return (folder / "edged" / "vision" / "inference_plan.py").is_file()

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of its processes."""
        if self.folder is None:
            return os.environ
        return {**os.environ, "PYTHONPATH": str(self.folder)}

    def compile(self) -> None:
        """Write the byte code that is missing, as an installation does; otherwise each start would measure Python's compiler, too."""
        compileall.compile_dir((self.folder or _CHECKOUT) / "edged", quiet=2)


THIS_BUILD = Build(EDGED)


def extract_build(ref: str, folder: Path) -> Build:
    """Extract the files of a git ref into a new folder, from the checkout that this code is in.

    The repository is only read: nothing remains of it when the folder is removed.

    Args:
        ref: a commit, a tag or a branch.
        folder: an existing folder.

    Raises:
        EdgedError: this edged is not in a git checkout, or it has no such ref, or the ref has no edged.
    """
    commit = read_commit(ref)
    if commit is None:
        raise EdgedError(f"--against: no commit {ref!r} in a git checkout of edged at {_CHECKOUT}")
    target = folder / f"edged-{commit}"
    archive = _git("archive", "--format=tar", commit)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(target, filter="data")
    if not (target / "edged" / "__main__.py").is_file():
        raise EdgedError(f"--against: the commit {commit} has no edged that can run")
    return Build(commit, target)


def read_commit(ref: str = "HEAD") -> str | None:
    """Return the short id of a commit of the checkout that this code is in; None if there is none."""
    if not (_CHECKOUT / ".git").exists():
        return None
    try:
        return (
            _git("rev-parse", "--verify", "--quiet", "--short", f"{ref}^{{commit}}")
            .decode()
            .strip()
        )
    except EdgedError:
        return None


def read_build_name() -> str:
    """Return the version of this build, with its commit, and ``+`` if files differ from it."""
    commit = read_commit()
    if commit is None:
        return edged.__version__
    is_changed = bool(_git("status", "--porcelain", "--untracked-files=no").strip())
    return f"{edged.__version__} ({commit}{'+' if is_changed else ''})"


def _git(*arguments: str) -> bytes:
    try:
        done = subprocess.run(
            ["git", "-C", str(_CHECKOUT), *arguments],  # noqa: S607 (the user's git)
            capture_output=True,
            timeout=_GIT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EdgedError(f"git {arguments[0]}: {error}") from error
    if done.returncode != 0:
        reason = re.sub(r"\s+", " ", done.stderr.decode(errors="replace")).strip()
        raise EdgedError(f"git {arguments[0]} failed: {reason}")
    return done.stdout
