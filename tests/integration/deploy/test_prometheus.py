"""deploy/prometheus and deploy/grafana on a real Prometheus that scrapes a real daemon."""

import json
import re
import shutil
import subprocess
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.broker import Broker, free_port, running_broker
from support.daemon import DaemonProcess
from support.waiting import wait_for

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
UNPACKED = ROOT / "build" / "prometheus" / "usr" / "bin"
RULES = DEPLOY / "prometheus" / "edged-rules.yml"
RULE_TESTS = Path(__file__).parents[2] / "support" / "edged-rules.test.yml"
DASHBOARD = DEPLOY / "grafana" / "edged.json"
CONFIG = """
[mqtt]
host = "127.0.0.1"
port = {broker}
[model]
runtime = "simulated"
[health]
interval_s = 1
[metrics]
listen = "127.0.0.1:{metrics}"
[camera.front]
source = "synthetic"
fps = 20
every_s = 0.5
stay_s = 1.5
"""
ONLY_ON_A_BOARD = ("edged_soc_temperature_celsius",)
"""Metrics that a machine without sensors does not have."""
ONLY_IN_TROUBLE = ("edged_condition_active",)
"""Metrics that have no value while nothing is wrong."""


def program(name: str) -> str:
    found = shutil.which(name, path=UNPACKED) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: make prometheus-environment")
    return found


def promtool(*arguments: str, text: str | None = None) -> None:
    run = subprocess.run(
        [program("promtool"), *arguments], input=text, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, ""), run.stdout + run.stderr


def dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(DASHBOARD.read_text("utf-8"))
    return loaded


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries() -> dict[str, str]:
    """Return the dashboard's expressions, with its variables filled in, by the panel's title and the query's letter."""
    values = {"$__rate_interval": "10s", "$instance": ".*", "$camera": ".*"}

    def fill_in(expression: str) -> str:
        for name, value in values.items():
            expression = expression.replace(name, value)
        assert "$" not in expression
        return expression

    return {
        f"{panel['title']} {target['refId']}": fill_in(target["expr"])
        for panel in panels()
        for target in panel["targets"]
    }


class Prometheus:
    """A Prometheus that scrapes one device every second."""

    def __init__(self, url: str, log: Path) -> None:
        self._url = url
        self._log = log

    def ask(self, path: str, **parameters: str) -> Any:
        response = httpx.get(f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        body = response.json()
        assert body["status"] == "success", body
        return body["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        result: list[dict[str, Any]] = self.ask("query", query=expression)["result"]
        return result

    def await_result(self, expression: str) -> list[dict[str, Any]]:
        return wait_for(
            lambda: self.query(expression), timeout_s=40.0, poll_s=0.3, state=lambda: expression
        )

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self._url}/-/ready").status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def running_prometheus(folder: Path, target: str) -> Iterator[Prometheus]:
    """Run a Prometheus with the shipped configuration, but for the target and the pace."""
    config = (DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8")
    assert "127.0.0.1:9100" in config
    config = config.replace("127.0.0.1:9100", target).replace(": 15s", ": 1s")
    (folder / "prometheus.yml").write_text(config)
    shutil.copy(RULES, folder)
    port = free_port()
    log = folder / "prometheus.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [
                program("prometheus"),
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/tsdb",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=out,
            stderr=out,
        )
    try:
        prometheus = Prometheus(f"http://127.0.0.1:{port}", log)
        wait_for(prometheus.is_ready, state=log.read_text)
        yield prometheus
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def running_device(folder: Path) -> Iterator[int]:
    """Run a daemon with metrics; yield their port."""
    metrics_port = free_port()
    with running_broker(Broker(folder / "broker")) as broker:
        config = CONFIG.format(broker=broker.port, metrics=metrics_port)
        with DaemonProcess(folder, config) as daemon:
            daemon.await_log("frames arrive")
            yield metrics_port


def test_the_rules_are_valid() -> None:
    promtool("check", "rules", str(RULES))


def test_the_alerts_fire_when_they_should(tmp_path: Path) -> None:
    tests = tmp_path / "tests.yml"
    tests.write_text(RULE_TESTS.read_text("utf-8").replace("RULES", str(RULES)))
    promtool("test", "rules", str(tests))


def test_the_documentation_says_what_to_do_about_every_alert() -> None:
    alerts = set(re.findall(r"- alert: (\w+)", RULES.read_text("utf-8")))
    documented = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    assert alerts == set(re.findall(r"`(Edged\w+)`", documented))


def test_a_real_prometheus_scrapes_a_real_daemon(tmp_path: Path) -> None:
    with (
        running_device(tmp_path) as port,
        running_prometheus(tmp_path, f"127.0.0.1:{port}") as prometheus,
    ):
        promtool("check", "metrics", text=httpx.get(f"http://127.0.0.1:{port}/metrics").text)
        prometheus.await_result('up{job="edged"} == 1')
        for name, expression in queries().items():
            if not any(word in expression for word in (*ONLY_ON_A_BOARD, *ONLY_IN_TROUBLE)):
                assert prometheus.await_result(expression), name
            prometheus.query(expression)  # valid in any case
        (group,) = prometheus.ask("rules")["groups"]
        wait_for(lambda: {rule["health"] for rule in rules_of(prometheus)} == {"ok"})
        assert len(group["rules"]) == RULES.read_text("utf-8").count("- alert:")
        known = set(prometheus.ask("label/__name__/values"))
        assert names_in(RULES.read_text("utf-8")) - known <= {
            *ONLY_ON_A_BOARD,
            "edged_throttling",
            "edged_update_last_info",
            "edged_update_channel_stale",
        }
        assert prometheus.query('ALERTS{alertname="EdgedDown"}') == []


def rules_of(prometheus: Prometheus) -> list[dict[str, Any]]:
    (group,) = prometheus.ask("rules")["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def names_in(text: str) -> set[str]:
    """Return the metrics that the expressions of the rules name."""
    lines = [line for line in text.splitlines() if line.strip().startswith("expr:")]
    return set(re.findall(r"\bedged_\w+", "\n".join(lines)))


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain"),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text"),
    ],
)
def test_the_format_is_what_the_scraper_asks_for(
    tmp_path: Path, accept: str, content_type: str
) -> None:
    with running_device(tmp_path) as port:
        response = httpx.get(f"http://127.0.0.1:{port}/metrics", headers={"accept": accept})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith(content_type)
    assert 'edged_camera_online{camera="front"} 1.0' in response.text
    assert response.text.endswith("# EOF\n") == (content_type != "text/plain")


# ---- The dashboard as a file --------------------------------------------------------------------------------------------------


def test_the_panels_have_ids_and_places_of_their_own() -> None:
    every = dashboard()["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    for one, other in combinations([panel["gridPos"] for panel in every], 2):
        assert not overlap(one, other), (one, other)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in every)


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


def test_the_dashboard_names_no_datasource_of_its_author() -> None:
    variables = {variable["name"] for variable in dashboard()["templating"]["list"]}
    assert variables == {"datasource", "instance", "camera"}
    for panel in panels():
        for place in (panel, *panel["targets"]):
            assert place["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_every_panel_keeps_to_the_chosen_devices() -> None:
    for panel in panels():
        for target in panel["targets"]:
            assert 'instance=~"$instance"' in target["expr"]
            assert re.findall(r"\$(?!__rate_interval|instance\b|camera\b)\w+", target["expr"]) == []
