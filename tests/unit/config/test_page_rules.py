"""A page that other devices can reach needs a token and TLS; problems say what to do."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from edged.config.page_rules import check_page, is_loopback
from edged.config.settings import MetricsSettings, PageSettings, Settings

TOKEN, CERTIFICATE, KEY = Path("/t"), Path("/c"), Path("/k")
PROTECTED = PageSettings(token_file=TOKEN, tls_certificate=CERTIFICATE, tls_key=KEY)


def problems(page: PageSettings, metrics: str | None = None) -> list[str]:
    settings = Settings(page=page, metrics=MetricsSettings(listen=metrics))
    return [f"{problem.key_path[-1]}: {problem.message}" for problem in check_page(settings)]


@pytest.mark.parametrize("listen", ["127.0.0.1:8080", "127.8.0.1:1", "[::1]:8080", None])
def test_a_loopback_address_needs_nothing(listen: str | None) -> None:
    assert problems(PageSettings(listen=listen)) == []
    assert listen is None or is_loopback(listen)


@pytest.mark.parametrize("listen", ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:80"])
@pytest.mark.parametrize("missing", ["token_file", "tls_certificate", "tls_key"])
def test_another_address_needs_a_token_and_tls(listen: str, missing: str) -> None:
    assert problems(replace(PROTECTED, listen=listen)) == []
    found = problems(replace(PROTECTED, listen=listen, **{missing: None}))
    assert found[0] == f"listen: other devices can reach this address, but {missing} is not set"
    (alone,) = problems(PageSettings(listen=listen))
    assert alone.endswith("but token_file, tls_certificate and tls_key are not set")


def test_everything_that_is_missing_is_named() -> None:
    (found,) = problems(PageSettings(listen="0.0.0.0:8080"))
    assert found.endswith("token_file, tls_certificate and tls_key are not set")


def test_certificate_and_key_belong_together() -> None:
    assert problems(PageSettings(tls_key=KEY)) == ["tls_key: tls_certificate is not set"]
    assert problems(PageSettings(tls_certificate=CERTIFICATE)) == [
        "tls_certificate: tls_key is not set"
    ]


def test_page_and_metrics_have_an_address_each() -> None:
    page = PageSettings(listen="127.0.0.1:8080")
    assert problems(page, "127.0.0.1:8081") == []
    assert problems(page, "127.0.0.1:8080") == ["listen: the address is that of page.listen"]
    assert problems(PageSettings(listen="127.0.0.1:0"), "127.0.0.1:0") == []
