"""One-line summaries of long error messages."""

import re

_MAX_LENGTH = 300
_ERROR_MARKERS = ("error:", "neither", "Error:", "Exception encountered:")

_KERAS_HEADING = "Exception encountered when calling"
"""The first line of Keras 3; the next one names the error."""
_COLOURS = re.compile(r"\x1b\[\d*m")


def summarize_error(error: BaseException) -> str:
    """Return the line that names the error, else the first line. TensorFlow's and Keras' messages may be pages long."""
    text = _COLOURS.sub("", str(error))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].startswith(_KERAS_HEADING):
        lines = lines[1:]
    marked = [line for line in lines if any(marker in line for marker in _ERROR_MARKERS)]
    return (marked or lines or [type(error).__name__])[0][:_MAX_LENGTH]
