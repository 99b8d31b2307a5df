"""Tokens, cookies, and how many wrong ones are looked at."""

from pathlib import Path

import pytest

from edged.web.login import COOKIE_DAYS, Gatekeeper, TokenError, read_token
from support.clock import FakeClock

TOKEN = "correct-horse-battery"  # noqa: S105 (made up)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def gatekeeper(clock: FakeClock) -> Gatekeeper:
    return Gatekeeper(TOKEN, clock)


def test_only_the_token_is_right(gatekeeper: Gatekeeper) -> None:
    assert gatekeeper.check_token(TOKEN, "a")
    for wrong in ("", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "häh"):
        assert not gatekeeper.check_token(wrong, "a")


def test_a_cookie_is_good_until_its_end_and_for_its_token(
    gatekeeper: Gatekeeper, clock: FakeClock
) -> None:
    cookie = gatekeeper.make_cookie()
    assert gatekeeper.check_cookie(cookie)
    assert Gatekeeper(TOKEN, clock).check_cookie(cookie)
    assert not Gatekeeper("another token 123", clock).check_cookie(cookie)
    end, _, signature = cookie.partition(".")
    for forged in ("", ".", "x.y", f"{int(end) + 1}.{signature}", end, f"{end}.", f"{cookie}0"):
        assert not gatekeeper.check_cookie(forged)
    clock.sleep(COOKIE_DAYS * 86_400 + 1)
    assert not gatekeeper.check_cookie(cookie)


def test_after_five_wrong_tokens_an_address_waits_and_others_do_not(
    gatekeeper: Gatekeeper, clock: FakeClock
) -> None:
    for _ in range(5):
        assert gatekeeper.wait_s("a") == 0
        gatekeeper.check_token("wrong", "a")
    assert 59 < gatekeeper.wait_s("a") <= 60
    assert gatekeeper.wait_s("b") == 0
    clock.sleep(60.1)
    assert gatekeeper.wait_s("a") == 0


def test_many_addresses_together_wait_as_well(gatekeeper: Gatekeeper) -> None:
    for number in range(100):
        gatekeeper.check_token("wrong", f"address {number}")
    assert gatekeeper.wait_s("another") > 0


def test_memory_is_bounded(gatekeeper: Gatekeeper) -> None:
    for number in range(3000):
        gatekeeper.check_token("wrong", f"address {number}")
    assert len(gatekeeper._failures) <= 1000


def test_a_token_file(tmp_path: Path) -> None:
    path = tmp_path / "token"
    with pytest.raises(TokenError, match="cannot be read"):
        read_token(path)
    path.write_text("short\n")
    with pytest.raises(TokenError, match="openssl"):
        read_token(path)
    path.write_text(f"{TOKEN}\n")
    assert read_token(path) == TOKEN
