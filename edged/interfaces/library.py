"""The Python libraries that a driver imports when it is opened, so that ``edged check`` can look for them."""

from dataclasses import dataclass
from importlib.util import find_spec


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

    @property
    def is_installed(self) -> bool:
        """True if the import system finds the module; it is not imported."""
        try:
            return find_spec(self.module) is not None
        except (ImportError, ValueError):
            return False

    @property
    def missing_message(self) -> str:
        """The sentence to report if it is missing."""
        return f"{self.name} is not installed; {self.install}"
