"""The page in a real browser, at the width of a desktop and of a phone, on a real daemon."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from support.update_device import BUSY_CAMERA, UpdateDevice, running_device
from support.waiting import wait_for
from support.web_device import CAMERA, WebDevice, free_port, running_web_device
from system.page.conftest import Window

WORKS = re.compile(r"^(Everything works|Works, with problems)")
"""On a busy machine the supervisor may be late, which is a problem."""
TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105 (made up)
LATE_ANSWERS = """
const askNow = window.fetch;
window.fetch = async (...request) => {
  const answer = await askNow(...request);
  await new Promise((resolve) => setTimeout(resolve, 500));
  return answer;
};
"""
PICTURES = '[images]\npolicy = "events"\n'


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDevice]:
    with running_web_device(tmp_path_factory.mktemp("device"), CAMERA + PICTURES) as device:
        yield device


def show(window: Window, device: WebDevice) -> Page:
    page = window.page
    page.goto(device.page_url)
    expect(page.locator("#overall")).to_contain_text(WORKS)
    return page


def count_pictures(page: Page) -> int:
    return int(page.locator("#picture").get_attribute("data-count") or 0)


def own_table(device: WebDevice) -> dict[str, Any]:
    path = device.daemon.config.parent / "conf.d" / "90-page.toml"
    return tomllib.loads(path.read_text()) if path.exists() else {}


def draw(page: Page, *corners: tuple[float, float]) -> None:
    """Click these places of the picture, in fractions of it."""
    overlay = page.locator("#overlay")
    overlay.scroll_into_view_if_needed()
    frame = overlay.bounding_box()
    assert frame is not None
    for x, y in corners:
        page.mouse.click(frame["x"] + x * frame["width"], frame["y"] + y * frame["height"])


def remove_shapes(page: Page) -> None:
    while page.get_by_role("button", name=re.compile("^Remove ")).count():
        page.get_by_role("button", name=re.compile("^Remove ")).first.click()
    if page.locator("#save").is_enabled():
        page.locator("#save").click()
        expect(page.locator("#saved")).to_contain_text("in force")


def test_the_page_loads_and_its_picture_changes(device: WebDevice, window: Window) -> None:
    page = show(window, device)
    expect(page.locator("h1")).to_have_text("bench-1")
    expect(page.locator("#picture")).to_be_visible()
    first = page.locator("#picture").get_attribute("src")
    wait_for(lambda: count_pictures(page) >= 3)
    assert page.locator("#picture").get_attribute("src") != first
    expect(page.locator("#facts")).to_contain_text("frames per second")
    expect(page.locator("#model")).to_contain_text("edged-marks")
    expect(page.locator("#log")).to_contain_text("worker 0 runs edged-marks")
    expect(page.locator("#events img").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    window.take_screenshot("start")


def test_a_zone_is_drawn_saved_and_in_force(device: WebDevice, window: Window, size: str) -> None:
    page = show(window, device)
    name = f"door-{size}"
    page.fill("#new-name", name)
    page.get_by_role("button", name="Draw zone").click()
    draw(page, (0.2, 0.2), (0.8, 0.2), (0.5, 0.9))
    page.keyboard.press("Enter")
    expect(page.locator("#shape-list")).to_contain_text(f"{name} (zone)")
    window.take_screenshot("zone")
    page.locator("#save").click()
    expect(page.locator("#saved")).to_contain_text("Saved, and in force.")
    table = own_table(device)
    points = table["camera"]["front"]["zone"][name]["points"]
    assert len(points) == 3
    assert all(
        abs(got - wanted) < 0.02
        for point, corner in zip(points, [(0.2, 0.2), (0.8, 0.2), (0.5, 0.9)], strict=True)
        for got, wanted in zip(point, corner, strict=True)
    )
    wait_for(lambda: name in device.find_payloads("camera/front/state")[-1]["zones"])
    page.reload()
    expect(page.locator("#shape-list")).to_contain_text(f"{name} (zone)")
    remove_shapes(page)
    wait_for(lambda: name not in device.find_payloads("camera/front/state")[-1]["zones"])


def test_a_mask_is_made_and_moved_with_the_keyboard_alone(
    device: WebDevice, window: Window
) -> None:
    page = show(window, device)
    page.locator("#new-name").focus()
    page.keyboard.type("tree")
    page.get_by_role("button", name="Draw mask").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Use a rectangle").focus()
    page.keyboard.press("Enter")
    corner = page.locator('[data-corner="0"]')
    expect(corner).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    expect(corner).to_be_focused()
    page.locator("#save").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#saved")).to_contain_text("Saved, and in force.")
    table = own_table(device)
    points = table["camera"]["front"]["mask"]["tree"]["points"]
    assert points[0] == [0.31, 0.35]
    remove_shapes(page)


def test_a_shape_that_encloses_nothing_is_refused_in_words(
    device: WebDevice, window: Window
) -> None:
    page = show(window, device)
    page.fill("#new-name", "bow")
    page.get_by_role("button", name="Draw zone").click()
    draw(page, (0.2, 0.2), (0.8, 0.8), (0.8, 0.2), (0.2, 0.8))
    page.locator("#finish").click()
    page.locator("#save").click()
    expect(page.locator("#saved")).to_contain_text("Not saved: ")
    expect(page.locator("#saved")).to_contain_text("crosses")
    assert "bow" not in str(own_table(device))
    page.locator("#revert").click()
    expect(page.locator("#shape-list")).not_to_contain_text("bow")


def test_a_threshold_is_tried_and_saved(device: WebDevice, window: Window) -> None:
    page = show(window, device)
    page.locator("#threshold").fill("0.62")
    expect(page.locator("#threshold-value")).to_have_text("0.62")
    page.locator("#try-threshold").click()
    expect(page.locator("#tuned")).to_contain_text("In force until the next restart")
    page.locator("#save-threshold").click()
    expect(page.locator("#tuned")).to_contain_text("Saved, and in force.")
    assert own_table(device)["camera"]["front"]["detect"]["threshold"] == 0.62
    page.locator("#threshold").fill("0.5")
    page.locator("#save-threshold").click()
    expect(page.locator("#threshold-value")).to_have_text("0.50")


def test_what_is_changed_while_a_save_is_under_way_stays_and_is_saved_next(
    device: WebDevice, window: Window
) -> None:
    window.page.add_init_script(LATE_ANSWERS)
    page = show(window, device)
    page.locator("#threshold").fill("0.7")
    page.locator("#save-threshold").click()
    page.locator("#threshold").fill("0.55")
    page.fill("#new-name", "late")
    page.get_by_role("button", name="Draw zone").click()
    page.get_by_role("button", name="Use a rectangle").click()
    expect(page.locator("#tuned")).to_contain_text("Saved, and in force.")
    expect(page.locator("#threshold-value")).to_have_text("0.55")
    expect(page.locator("#shape-list")).to_contain_text("late (zone)")
    camera = own_table(device)["camera"]["front"]
    assert camera["detect"]["threshold"] == 0.7
    assert "late" not in camera.get("zone", {})
    page.locator("#save-threshold").click()
    page.locator("#save").click()
    expect(page.locator("#saved")).to_contain_text("Saved, and in force.")
    camera = own_table(device)["camera"]["front"]
    assert camera["detect"]["threshold"] == 0.55
    assert "late" in camera["zone"]
    remove_shapes(page)
    wait_for(lambda: "late" not in str(own_table(device)))


def test_a_daemon_that_ends_is_reported(tmp_path: Path, window: Window) -> None:
    with running_web_device(tmp_path) as device:
        page = show(window, device)
        expect(page.locator("#no-picture")).to_contain_text("No picture: ")
        window.take_screenshot("never")
        device.daemon.stop()
        expect(page.locator("#connection")).to_be_visible()


def test_a_wrong_token_is_refused_and_the_right_one_opens(tmp_path: Path, window: Window) -> None:
    (tmp_path / "token").write_text(TOKEN)
    with running_web_device(tmp_path, page='token_file = "token"') as device:
        page = window.page
        page.goto(device.page_url)
        assert page.url.endswith("/login")
        page.fill("#token", "not the token at all")
        page.keyboard.press("Enter")
        expect(page.locator("#message")).to_have_text("this is not the token")
        window.take_screenshot("login")
        page.fill("#token", TOKEN)
        page.keyboard.press("Enter")
        expect(page.locator("#overall")).to_contain_text(WORKS)
        page.locator("#logout").click()
        expect(page.locator("#token")).to_be_visible()


def test_an_update_is_seen_to_progress(tmp_path: Path, window: Window) -> None:
    port = free_port()
    camera = f'{BUSY_CAMERA}\n[page]\nlisten = "127.0.0.1:{port}"\n'
    with running_device(tmp_path, model='runtime = "simulated"', camera=camera) as device:
        page = window.page
        wait_for(lambda: is_listening(page, f"http://127.0.0.1:{port}"), timeout_s=60)
        expect(page.locator("#overall")).to_contain_text(WORKS)
        install_and_watch(window, device)


def is_listening(page: Page, url: str) -> bool:
    try:
        page.goto(url)
    except Exception:  # noqa: BLE001 - the browser's words for a port without a listener
        return False
    return True


def install_and_watch(window: Window, device: UpdateDevice) -> None:
    """Install a bundle, and see its steps on the page."""
    page = window.page
    device.install(device.make_simulated_bundle("walker"))
    expect(page.locator("#trial-text")).to_contain_text("walker@1 is on trial", timeout=40_000)
    wait_for(
        lambda: page.locator("#trial-progress").evaluate("element => element.value") > 0.2,
        timeout_s=40,
    )
    window.take_screenshot("update")
    expect(page.locator("#model")).to_contain_text("walker@1 was committed", timeout=60_000)
    expect(page.locator("#trial")).to_be_hidden()
