"""A real browser for the tests of the page, and the pictures that it takes."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, expect, sync_playwright

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
SCREENSHOTS = Path(__file__).parents[3] / "build" / "screenshots"
_TIMEOUT_MS = 30_000
expect.set_options(timeout=_TIMEOUT_MS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Yield Debian's Chromium without a window, or skip the test where it is not installed."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Debian's package chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


class Window:
    """A window of the browser, and what went wrong in it.

    Attributes:
        page: its page.
        foreign_requests: requests to other hosts than the page's.
        faults: errors of the page's scripts, and of its content security policy.
    """

    def __init__(self, context: BrowserContext, size: str) -> None:
        self._size = size
        self.page = context.new_page()
        self.page.set_default_timeout(_TIMEOUT_MS)
        self.faults: list[str] = []
        self.foreign_requests: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("request", lambda request: self._check(request.url))

    def take_screenshot(self, name: str) -> Path:
        """Take a picture of the whole page."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"page-{name}-{self._size}.png"
        self.page.screenshot(path=path, full_page=True)
        return path

    def _note(self, kind: str, text: str) -> None:
        if kind == "error" and "Failed to load resource" not in text:
            self.faults.append(text)

    def _check(self, url: str) -> None:
        own = ("http://127.0.0.1:", "https://127.0.0.1:", "blob:http", "data:")
        if not url.startswith(own):
            self.foreign_requests.append(url)


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    """Return the name of a size of the window."""
    name: str = request.param
    return name


@pytest.fixture
def window(browser: Browser, size: str) -> Iterator[Window]:
    """Yield a window; at its end no script has failed, and nothing but the device was asked for anything."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if size == "phone" else "light",
        has_touch=size == "phone",
        ignore_https_errors=True,
    )
    window = Window(context, size)
    yield window
    assert window.faults == []
    assert window.foreign_requests == []
    try:
        context.close()
    except Error as error:  # the browser has ended
        raise AssertionError(str(error)) from None
