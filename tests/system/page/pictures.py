"""Make the pictures of the page for README and docs/page.md: ``python -m system.page.pictures FOLDER``."""

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, expect, sync_playwright

from support.waiting import wait_for
from support.web_device import running_web_device

_CONFIG = """
[camera.front]
source = "synthetic"
noise = 0.0
[camera.front.zone.door]
points = [[0.55, 0.25], [0.85, 0.2], [0.9, 0.95], [0.5, 0.95]]
[camera.front.mask.neighbour]
points = [[0.0, 0.0], [0.25, 0.0], [0.2, 0.2], [0.0, 0.25]]
[images]
policy = "events"
max_width = 320
"""
"""Without noise, which PNG cannot compress."""
_SHOTS = {"desktop": (1120, 760, "light"), "phone": (390, 760, "dark")}


def main(folder: Path) -> None:
    """Make the pictures."""
    with (
        TemporaryDirectory() as temporary,
        running_web_device(Path(temporary), _CONFIG) as device,
        sync_playwright() as playwright,
    ):
        # At least one object has left, so that there are events.
        wait_for(
            lambda: any(one["type"] == "end" for one in device.find_payloads("camera/front/events"))
        )
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for name in _SHOTS:
            _take(browser, device.page_url, name, folder / f"page-{name}.png")
        browser.close()


def _take(browser: Browser, url: str, name: str, path: Path) -> None:
    width, height, scheme = _SHOTS[name]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    page.goto(url)
    expect(page.locator("#picture")).to_be_visible(timeout=20_000)
    expect(page.locator("#overall")).to_have_text("Everything works.")
    page.get_by_role("button", name="door (zone)").click()
    page.screenshot(path=path)
    context.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
