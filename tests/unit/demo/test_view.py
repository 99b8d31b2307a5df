"""What the demo shows of the messages that its subscriber receives."""

import io
from pathlib import Path

import pytest
from msgspec.structs import replace

from edged.demo.state import DemoState
from edged.demo.update import format_model_state
from edged.demo.view import LiveView, make_view
from edged.messaging.contract.messages import Event
from edged.messaging.contract.model import ModelState
from support.examples import event, examples


def example_model_state() -> ModelState:
    state = examples()["model"][0]
    assert isinstance(state, ModelState)
    return replace(state, candidate=None, last=None)


def example_event(**changes: object) -> Event:
    made = event(**changes)
    assert isinstance(made, Event)
    return made


def test_lines_show_events_and_changes_of_the_models() -> None:
    out = io.StringIO()
    view, state = make_view(out), DemoState()
    with view.activate():
        for message in (example_model_state(), example_model_state(), example_event(type="end")):
            state.update(message)
            view.update(message, state)
    first, second = out.getvalue().splitlines()
    assert first == f"* {format_model_state(example_model_state())}"
    assert "- end" in second
    assert state.missing_event_types == ("start",)
    assert state.format_summary() == "a subscriber received 0 start, 0 update, 1 end events"


def test_the_live_view_draws_an_empty_scene() -> None:
    rich_console = pytest.importorskip("rich.console")
    view, state, message = LiveView(), DemoState(), example_model_state()
    view.announce("installing a better model")
    state.update(message)
    view.update(message, state)
    console = rich_console.Console(file=io.StringIO(), width=100, record=True)
    console.print(view._live.renderable)
    text = console.export_text()
    assert "installing a better model" in text
    assert "in view: nothing" in text
    assert "no model yet" in text


def test_the_live_view_writes_its_screen_as_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("rich.console")
    view, state, message = (
        make_view(picture=tmp_path / "demo.svg"),
        DemoState(),
        example_event(type="end"),
    )
    state.update(message)
    view.update(message, state)
    assert "- end" in (tmp_path / "demo.svg").read_text().replace("&#160;", " ")
