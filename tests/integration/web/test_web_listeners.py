"""The sockets of page and metrics."""

import logging
import socket

import pytest

from edged.clock import SystemClock
from edged.daemon.web_listeners import WebListeners
from edged.event_loop import EventLoop
from support.web_device import free_port


def test_the_log_says_where_the_page_is_and_where_it_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    problems: list[str | None] = []
    with socket.create_server(("127.0.0.1", 0)) as other, EventLoop(SystemClock()) as loop:
        taken, page = f"127.0.0.1:{other.getsockname()[1]}", f"127.0.0.1:{free_port()}"
        listeners = WebListeners(
            {"page": page, "metrics": taken},
            loop=loop,
            on_connection=lambda: None,
            on_problem=problems.append,
        )
        listeners.open()
        listeners.close()
    assert caplog.messages == [f"page: listens on {page}"]
    assert problems == [f"[metrics] listen = {taken}: another program uses it"]
