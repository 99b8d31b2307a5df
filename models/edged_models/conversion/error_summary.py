"""The one line of a long message that says what is wrong."""

_MAX_LENGTH = 300
_ERROR_MARKERS = ("error:", "neither", "Error:")


def summarize_error(error: BaseException) -> str:
    """TensorFlow and Keras send pages; the line that names the error, or else the first."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in _ERROR_MARKERS)]
    return (telling or lines or [type(error).__name__])[0][:_MAX_LENGTH]
