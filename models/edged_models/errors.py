"""What the tools raise on purpose; `edged.errors` has what they share with the daemon."""

from edged.errors import EdgedError


class ToolError(EdgedError, ValueError):
    """A tool cannot do what it was asked; the message says what was wrong, where, and what to do."""


class PicturesError(ToolError):
    """A folder of pictures, its labels or a clip cannot be used."""


class SourceError(ToolError):
    """A trained model cannot be read, or is not of the kind that the tool needs."""


class FetchError(ToolError, ConnectionError):
    """A download did not come, or was not what it should be."""
