"""One-line summaries of long error messages."""

_MAX_LENGTH = 300
_ERROR_MARKERS = ("error:", "neither", "Error:")


def summarize_error(error: BaseException) -> str:
    """Return the line that names the error, else the first line. TensorFlow's and Keras' messages may be pages long."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    marked = [line for line in lines if any(marker in line for marker in _ERROR_MARKERS)]
    return (marked or lines or [type(error).__name__])[0][:_MAX_LENGTH]
