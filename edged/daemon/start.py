"""The daemon's first moments: a worker's process, then the configuration, and only then what the supervisor itself is made of.

On a Pi 4, importing the supervisor takes a second, and importing a worker as well: so they do it at the same time. Nearly every configuration
needs a worker, so the first one is started before the configuration is read.
"""

import gc
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edged.daemon.signals import SignalCatcher
from edged.vision.spare_workers import SpareWorkers

if TYPE_CHECKING:
    from edged.config.settings import Settings


def run(config: Path, signals: SignalCatcher) -> bool:
    """Run the daemon until it ends.

    Args:
        config: the configuration file.
        signals: catches the process's signals already; one that ends the daemon may have arrived.

    Returns:
        True if a command asks for a restart; False if a signal ended it, or every camera was finite and has ended.

    Raises:
        ConfigError: the configuration is invalid, or the state directory cannot be written.
        SpoolError: another daemon uses the state directory.
        EdgedError: systemd expects notifications that cannot be sent.
    """
    with _collections_paused(), closing(SpareWorkers()) as spares:
        spares.provide(1)
        return _run_configured(config, signals, spares)


@contextmanager
def _collections_paused() -> Iterator[None]:
    """Let Python not look for garbage in what is imported and made now, which stays; `run_daemon` ends it when all is made."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _run_configured(config: Path, signals: SignalCatcher, spares: SpareWorkers) -> bool:
    from edged.config.load import load_config
    from edged.daemon.log_settings import use_log_settings

    loaded = load_config(config)
    use_log_settings(loaded)
    if signals.is_stop_requested:
        return False
    spares.provide(_count_workers(loaded.settings))
    from edged.daemon.main import run_daemon

    return run_daemon(config, loaded.settings, signals, spares)


def _count_workers(settings: "Settings") -> int:
    """Return how many workers the configuration needs, as `edged.vision.plan.deal_cameras` has it."""
    camera_count = sum(camera.enabled for camera in settings.camera.values())
    return min(settings.model.workers, camera_count)
