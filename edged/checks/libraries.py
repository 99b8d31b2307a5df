"""Checks that the Python libraries of a configuration's drivers are installed."""

from collections.abc import Iterator
from pathlib import Path

from edged import registry
from edged.config.problems import KeyProblem
from edged.config.settings import Settings
from edged.interfaces import Library
from edged.model.load import runtime_names

_UPDATE_LIBRARIES = (
    Library.of_extra("cryptography", "cryptography", "updates"),
    Library.of_extra("httpx", "httpx", "updates"),
    Library.of_extra("packaging", "packaging", "updates"),
)
_WEB_LIBRARIES = (
    Library.of_extra("uvicorn", "uvicorn", "web"),
    Library.of_extra("starlette", "starlette", "web"),
)
_METRICS_LIBRARY = Library.of_extra("prometheus-client", "prometheus_client", "web")
_SYSTEMD = Library(
    name="systemd-python",
    module="systemd.daemon",
    install="run: apt install python3-systemd, or pip install 'edged[systemd]'",
)
_UNITS = (
    Path("/etc/systemd/system/edged.service"),
    Path("/usr/lib/systemd/system/edged.service"),
    Path("/lib/systemd/system/edged.service"),
)


def check_libraries(settings: Settings) -> Iterator[KeyProblem]:
    """Yield a problem for each library that a driver of the configuration needs and that cannot be imported."""
    for name, camera in settings.camera.items():
        if camera.enabled:
            driver = registry.load_driver(registry.CAMERAS, camera.source)
            for library in driver.libraries:
                yield from _report(library, ("camera", name, "source"))
    if settings.publisher is not None:
        name, _ = settings.publisher
        for library in registry.load_driver(registry.PUBLISHERS, name).libraries:
            yield from _report(library, (name,))
    yield from _check_runtime(settings)
    if settings.updates.trust is not None:
        for library in _UPDATE_LIBRARIES:
            yield from _report(library, ("updates", "trust"))
    yield from _check_web(settings)


def _check_web(settings: Settings) -> Iterator[KeyProblem]:
    """Yield a problem for each library that the page or the metrics need."""
    addresses = {"page": settings.page.listen, "metrics": settings.metrics.listen}
    for table, address in addresses.items():
        libraries = (*_WEB_LIBRARIES, _METRICS_LIBRARY) if table == "metrics" else _WEB_LIBRARIES
        for library in libraries if address is not None else ():
            yield from _report(library, (table, "listen"))


def check_service_libraries() -> Iterator[KeyProblem]:
    """Yield a warning if edged is installed as a service, which cannot start without systemd-python."""
    if any(unit.exists() for unit in _UNITS):
        yield from _report(_SYSTEMD, ())


def _check_runtime(settings: Settings) -> Iterator[KeyProblem]:
    """Yield a problem if no runtime that the configuration allows is installed."""
    names = runtime_names(settings.model)
    libraries = [registry.load_driver(registry.INTERPRETERS, name).libraries for name in names]
    if any(all(library.find_problem() is None for library in needed) for needed in libraries):
        return
    yield from _report(libraries[0][0], ("model", "runtime"))


def _report(library: Library, key_path: tuple[str, ...]) -> Iterator[KeyProblem]:
    if (problem := library.find_problem()) is not None:
        yield KeyProblem(key_path=key_path, message=problem)
