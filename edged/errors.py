"""All errors that edged raises on purpose.

Only these leave a driver. Each inherits twice: from `EdgedError`, so that one `except` catches all of them, and from the builtin
with the same meaning, so that callers can use what they know of Python's errors. A message names the setting, device or topic,
and says what is wrong and what to do.
"""


class EdgedError(Exception):
    """The base of every error that edged raises on purpose."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The message: one text, or one for each of several problems."""
        return (str(self),)


class ConfigError(EdgedError, ValueError):
    """The configuration cannot be used."""


class RegistryError(EdgedError, LookupError):
    """No driver has this name, or its library is not installed."""


class CameraError(EdgedError, OSError):
    """A camera cannot be opened, or was lost; the capture loop closes it and tries again."""


class CameraTimeoutError(CameraError, TimeoutError):
    """No frame came in time; the camera may still be working."""


class EndOfStreamError(EdgedError, EOFError):
    """A finite source has delivered its last frame."""


class PictureError(EdgedError, ValueError):
    """A picture cannot be read, is damaged, or is too large to decode."""


class ModelError(EdgedError, ValueError):
    """A model file cannot be read, fits no family, or returns invalid outputs."""


class DelegateError(ModelError, OSError):
    """A delegate library cannot be loaded, or its device is absent."""


class InvokeError(EdgedError, RuntimeError):
    """The interpreter failed on one tensor."""


class PublishError(EdgedError, ConnectionError):
    """A message could not be handed to the broker."""


class MessageError(EdgedError, ValueError):
    """A received message is not of the contract."""


class RemoteCommandError(EdgedError, RuntimeError):
    """A device did not answer a command."""


class SpoolError(EdgedError, OSError):
    """The spool cannot be read from or written to the disk."""


class SpoolDamageError(EdgedError, ValueError):
    """The spool's file is not what was written."""


class WorkerError(EdgedError, RuntimeError):
    """A worker could not be started, exited, or sent an invalid message."""


class PacketError(WorkerError):
    """A message between two processes is invalid, or larger than a packet may be."""


class UpdateError(EdgedError, RuntimeError):
    """A model update failed."""


class BundleError(UpdateError, ValueError):
    """A bundle or other signed document is damaged, not trusted, or not meant for this device: trying again does not help."""


class TrustError(BundleError):
    """A document is not signed by a key that may sign it."""


class StoreError(UpdateError, OSError):
    """The model store cannot be read from or written to the disk, or the disk is full: trying again may help."""


class CertificateError(EdgedError, ValueError):
    """A certificate, key or signing request is damaged, or not the right one for this device."""


class DownloadError(UpdateError, ConnectionError):
    """A bundle cannot be fetched: trying again may help."""


class CatalogueError(EdgedError, ValueError):
    """A catalogue cannot be read, has no such model, or the model's files cannot be had."""


def list_notes(error: BaseException) -> tuple[str, ...]:
    """Return an error's notes: the details that its message leaves out."""
    return tuple(getattr(error, "__notes__", ()))


def describe_error(error: BaseException) -> str:
    """Return any library's error in one line that is never empty: some have no text, as `MemoryError`."""
    if isinstance(error, MemoryError):
        return "there is not enough memory; a self-test has 4 GiB of address space"
    return " ".join(str(error).split()) or f"{type(error).__name__} without a text"
