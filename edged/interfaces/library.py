"""The Python libraries that a driver imports when it is opened, so that ``edged check`` can try them."""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from edged.errors import describe_error


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """One library.

    Attributes:
        name: its name as its makers write it.
        module: the module that is imported.
        install: what to do if it is missing, as an imperative clause.
    """

    name: str
    module: str
    install: str

    @classmethod
    def of_extra(cls, name: str, module: str, extra: str) -> "Library":
        """Return a library that an extra of edged installs.

        Args:
            name: its name as its makers write it.
            module: the module that is imported.
            extra: the extra, as in pyproject.toml.
        """
        return cls(name=name, module=module, install=f"run: pip install 'edged[{extra}]'")

    def find_problem(self) -> str | None:
        """Import the module, and return why that is impossible; None if it is not.

        A library that is there may still lack one of its own, as picamera2 from PyPI lacks libcamera.
        """
        try:
            if find_spec(self.module) is None:
                return self.missing_message
        except (ImportError, ValueError):
            return self.missing_message
        try:
            import_module(self.module)
        except Exception as error:  # noqa: BLE001 (whatever a damaged library raises)
            return f"{self.name} is installed but cannot be imported ({describe_error(error)}); {self.install}"
        return None

    @property
    def missing_message(self) -> str:
        """The sentence to report if it is missing."""
        return f"{self.name} is not installed; {self.install}"
