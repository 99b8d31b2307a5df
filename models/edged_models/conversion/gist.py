"""The one line of a long message that says what is wrong."""

_MOST = 300
_TELLING = ("error:", "neither", "Error:")


def gist(error: BaseException) -> str:
    """TensorFlow and Keras send pages; the line that names the error, or else the first."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in _TELLING)]
    return (telling or lines or [type(error).__name__])[0][:_MOST]
