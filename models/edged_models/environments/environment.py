"""Python environments beside .venv-models, each for one framework. ``models/Makefile`` makes them."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from edged_models.errors import ToolError

_CHECKOUT = Path(__file__).parents[3]
_ERROR_LINES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A Python environment of a checkout.

    Attributes:
        name: the framework's, for messages.
        target: target of ``models/Makefile`` that makes it.
        folder: path of the environment.
        download_mb: size of the packages to download, in MB (10^6 bytes).
        disk_mb: size of the environment, in MB (10^6 bytes).
    """

    name: str
    target: str
    folder: Path
    download_mb: int
    disk_mb: int

    @property
    def python(self) -> Path:
        """The environment's Python."""
        return self.folder / "bin" / "python"

    @property
    def is_ready(self) -> bool:
        """Whether the environment is complete. Its Makefile writes the stamp last."""
        return (self.folder / ".ready").is_file() and self.python.exists()

    def require(self, *, set_up: bool) -> None:
        """Make sure that the environment is there.

        Args:
            set_up: whether to make it if it is missing.

        Raises:
            ToolError: it is missing and `set_up` is False, or it cannot be made.
        """
        if self.is_ready:
            return
        size = f"downloads {self.download_mb} MB, takes {self.disk_mb} MB of disk"
        command = f"make -C models {self.target}"
        if not set_up:
            raise ToolError(
                f"{self.name} models need {self.folder.name}, which is not there ({size}): add --set-up, or run `{command}`"
            )
        print(f"edged-models: {command}: {size}", file=sys.stderr, flush=True)
        self._make(command)

    def _make(self, command: str) -> None:
        argv = ["make", "--directory", str(_CHECKOUT / "models"), self.target]
        try:
            made = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                check=False,
            )
        except OSError as error:
            raise ToolError(f"`{command}` cannot be run: {error.strerror or error}") from error
        if made.returncode or not self.is_ready:
            lines = made.stderr.strip().splitlines()[-_ERROR_LINES:]
            raise ToolError(f"`{command}` failed: {' / '.join(lines) or 'without a message'}")


PYTORCH = Environment(
    name="PyTorch",
    target="pytorch-environment",
    folder=_CHECKOUT / ".venv-models-torch",
    download_mb=490,
    disk_mb=2250,
)
ONNX = Environment(
    name="ONNX",
    target="onnx-environment",
    folder=_CHECKOUT / ".venv-models-onnx",
    download_mb=40,
    disk_mb=190,
)
