"""Everything edged raises on purpose.

Only these leave a driver. Each inherits twice: from `EdgedError`, so that one `except` catches what is
ours, and from the builtin that says the same, so that a caller who knows Python knows the error. A message names
the setting, device or topic, says what was wrong, and what to do.
"""


class EdgedError(Exception):
    """Base of every error that edged raises on purpose."""


class ConfigError(EdgedError, ValueError):
    """The configuration cannot be used."""


class RegistryError(EdgedError, LookupError):
    """No driver of that name, or its library is not installed."""


class CameraError(EdgedError, OSError):
    """A camera cannot be opened, or was lost; the capture loop closes it and tries again."""


class CameraTimeoutError(CameraError, TimeoutError):
    """No frame came in time; the camera may still be well."""


class EndOfStreamError(EdgedError, EOFError):
    """A finite source has given its last frame."""


class ModelError(EdgedError, ValueError):
    """A model file cannot be read, fits no family, or gives nonsense."""


class DelegateError(ModelError, OSError):
    """A delegate library cannot be loaded, or its device is absent."""


class InvokeError(EdgedError, RuntimeError):
    """The interpreter failed on one tensor."""


class PublishError(EdgedError, ConnectionError):
    """A message could not be handed to the broker."""


class SpoolError(EdgedError, OSError):
    """The spool's disk cannot be read or written."""


class WorkerError(EdgedError, RuntimeError):
    """A worker could not be started, died, or sent nonsense."""


class UpdateError(EdgedError, RuntimeError):
    """A model update was not carried out."""


class BundleError(UpdateError, ValueError):
    """A bundle, or any other signed document, is damaged, not trusted, or not for this device: trying again does not help."""


class TrustError(BundleError):
    """A signed document is not signed by those who may."""


class StoreError(UpdateError, OSError):
    """The disk of the model store cannot be read or written, or is full: trying again may help."""


class DownloadError(UpdateError, ConnectionError):
    """A bundle cannot be fetched: trying again may help."""
