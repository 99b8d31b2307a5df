"""Rules for the settings of the page and the metrics. No I/O."""

from collections.abc import Iterator
from ipaddress import ip_address

from edged.config.problems import KeyProblem
from edged.config.settings import PageSettings, Settings


def check_page(settings: Settings) -> Iterator[KeyProblem]:
    """Yield a problem for everything that would show the page to a network without protection, or that contradicts itself."""
    page = settings.page
    if page.listen is not None and not is_loopback(page.listen):
        yield from _check_protection(page)
    for key, other in (("tls_certificate", "tls_key"), ("tls_key", "tls_certificate")):
        if getattr(page, key) is not None and getattr(page, other) is None:
            hint = f"set {other}, or remove {key}"
            yield KeyProblem(key_path=("page", key), message=f"{other} is not set", hint=hint)
    if page.listen is not None and _port(page.listen) and page.listen == settings.metrics.listen:
        hint = "choose another port"
        message = "the address is that of page.listen"
        yield KeyProblem(key_path=("metrics", "listen"), message=message, hint=hint)


def is_loopback(listen: str) -> bool:
    """Return whether only this device can reach an address with its port."""
    return ip_address(listen.rpartition(":")[0].strip("[]")).is_loopback


def _check_protection(page: PageSettings) -> Iterator[KeyProblem]:
    required = ("token_file", "tls_certificate", "tls_key")
    missing = [key for key in required if getattr(page, key) is None]
    if missing:
        verb = "are" if len(missing) > 1 else "is"
        yield KeyProblem(
            key_path=("page", "listen"),
            message=f"other devices can reach this address, but {_join(missing)} {verb} not set",
            hint='set token_file, tls_certificate and tls_key, or listen on "127.0.0.1:8080" and reach the page through a tunnel',
        )


def _join(keys: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(keys[:-1]), keys[-1])))


def _port(listen: str) -> int:
    return int(listen.rpartition(":")[2])
