"""The token that the page asks for, and the cookie that a browser gets for it.

The cookie is signed with the token and holds nothing but its end, so it outlives the web process, and another token ends all cookies.
"""

import hashlib
import hmac
from collections import OrderedDict
from pathlib import Path

from edged.clock import NS_PER_S, Clock
from edged.text import read_text

COOKIE_DAYS = 30
_COOKIE_S = COOKIE_DAYS * 86_400
_MAX_FAILURES = 5
_WINDOW_NS = 60 * NS_PER_S
_MAX_ADDRESSES = 1000
_MAX_ALL_FAILURES = 100
_MIN_TOKEN_CHARS = 16


class TokenError(Exception):
    """The token's file cannot be used; the text says why, and what to do."""


def read_token(path: Path) -> str:
    """Return the token in a file.

    Raises:
        TokenError: it cannot be read, or is too short to be a secret.
    """
    try:
        token = read_text(path).strip()
    except (OSError, ValueError) as error:
        raise TokenError(f"page.token_file {path} cannot be read: {error}") from None
    if len(token) < _MIN_TOKEN_CHARS:
        raise TokenError(
            f"page.token_file {path}: the token has fewer than {_MIN_TOKEN_CHARS} characters; make one by: openssl rand -hex 16"
        )
    return token


class Gatekeeper:
    """Compares tokens and cookies in constant time, and limits the rate of wrong ones."""

    def __init__(self, token: str, clock: Clock) -> None:
        self._token = token.encode()
        self._clock = clock
        self._failures: OrderedDict[str, list[int]] = OrderedDict()
        """Monotonic times of the latest wrong tokens, by the address that sent them."""

    def wait_s(self, address: str) -> float:
        """Return for how many seconds no token of this address is looked at; 0.0 if one is."""
        now_ns = self._clock.monotonic_ns()
        own = self._recent(address, now_ns)
        everyone = sorted(t for times in self._failures.values() for t in times)
        waits = [
            times[-most] + _WINDOW_NS - now_ns
            for times, most in ((own, _MAX_FAILURES), (everyone, _MAX_ALL_FAILURES))
            if len(times) >= most
        ]
        return max(0, *waits, 0) / NS_PER_S

    def check_token(self, token: str, address: str) -> bool:
        """Return whether a token is right; a wrong one counts against the address."""
        if hmac.compare_digest(token.encode(), self._token):
            return True
        now_ns = self._clock.monotonic_ns()
        self._failures[address] = [*self._recent(address, now_ns), now_ns]
        self._failures.move_to_end(address)
        if len(self._failures) > _MAX_ADDRESSES:
            self._failures.popitem(last=False)
        return False

    def make_cookie(self) -> str:
        """Return a cookie for 30 days."""
        end = str(self._clock.wall_ns() // NS_PER_S + _COOKIE_S)
        return f"{end}.{self._sign(end)}"

    def check_cookie(self, cookie: str) -> bool:
        """Return whether a cookie was made here, and has not ended."""
        end, _, signature = cookie.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(end).encode()):
            return False
        return int(end) > self._clock.wall_ns() // NS_PER_S

    def _sign(self, end: str) -> str:
        return hmac.new(self._token, f"edged page {end}".encode(), hashlib.sha256).hexdigest()

    def _recent(self, address: str, now_ns: int) -> list[int]:
        return [t for t in self._failures.get(address, ()) if t > now_ns - _WINDOW_NS]
