"""Errors of the tools; `edged.errors` has those that they share with the daemon."""

from edged.errors import EdgedError


class ToolError(EdgedError, ValueError):
    """A tool cannot do its work; the message names the problem, its place and the remedy."""


class PicturesError(ToolError):
    """A folder of pictures, its labels or a clip cannot be used."""


class SourceError(ToolError):
    """A trained model cannot be read, or is not of the kind that the tool needs."""
