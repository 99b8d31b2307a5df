"""A running Home Assistant core, and questions to it."""

import base64
import json
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Self

from support.waiting import wait_for
from system.home_assistant.installation import PYTHON, HomeAssistant
from system.networks import Network

_START_S = 120.0
_ANSWER_S = 30.0
_HTTP_PORT = 8123
_CONFIG_DIR = "/mnt/config"


class HomeAssistantCore:
    """A core that runs from entering the context to leaving it; a second one in the same folder goes on with its files."""

    def __init__(
        self,
        installation: HomeAssistant,
        network: Network,
        folder: Path,
        *,
        broker_port: int,
        configuration: str = "",
    ) -> None:
        """Start nothing yet.

        Args:
            installation: Home Assistant's files.
            network: the network with the broker, on its controller's side.
            folder: folder for what it writes.
            broker_port: the broker's port on loopback.
            configuration: further lines of configuration.yaml.
        """
        enter = [*network.enter_argv(), *installation.enter_argv(folder)]
        arguments = [_CONFIG_DIR, str(broker_port), str(_HTTP_PORT), configuration]
        self._argv = [*enter, PYTHON, "/mnt/core_process.py", *arguments]
        (folder / "upper" / _CONFIG_DIR[1:]).mkdir(exist_ok=True)
        self._errors = folder / "core.log"

    def __enter__(self) -> Self:
        self._answers: SimpleQueue[str] = SimpleQueue()
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        try:
            assert self._take(_START_S) == "started"
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_ANSWER_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")

    def _take(self, timeout_s: float) -> Any:
        try:
            line = self._answers.get(timeout=timeout_s)
        except Empty:
            line = ""
        assert line, f"Home Assistant gives no answer:\n{self._errors.read_text()[-4000:]}"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["answer"]

    def ask(self, *request: object) -> Any:
        """Return the answer to a request of core_process.py."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._take(_ANSWER_S)

    def states(self) -> dict[str, Any]:
        """Return the entities of edged by their unique ids, without ``edged-DEVICE/``; each with its `entity_id`, `state` and `attributes`."""
        return {
            one["unique_id"].partition("/")[2]: {"entity_id": entity_id, **one}
            for entity_id, one in self.ask("states").items()
            if (one["unique_id"] or "").startswith("edged-")
        }

    def await_state(self, wanted: Mapping[str, str], timeout_s: float = 60.0) -> dict[str, Any]:
        """Wait until entities have these states, and return all states."""
        newest: dict[str, Any] = {}

        def have_come() -> bool:
            newest.clear()
            newest.update(self.states())
            return all(newest.get(name, {}).get("state") == state for name, state in wanted.items())

        wait_for(
            have_come,
            timeout_s=timeout_s,
            poll_s=0.2,
            state=lambda: {name: newest.get(name, {}).get("state") for name in wanted},
        )
        return newest

    def call(self, domain: str, service: str, entity: str, **data: object) -> None:
        """Call a service of the entity with this unique id, as a person at the dashboard does."""
        entity_id = self.states()[entity]["entity_id"]
        self.ask("call", domain, service, {"entity_id": entity_id, **data})

    def image(self, entity: str) -> bytes:
        """Return the picture of an image entity."""
        return base64.b64decode(self.ask("image", self.states()[entity]["entity_id"]))

    def complaints(self) -> list[str]:
        """Return the log records about MQTT, from warnings on."""
        return [line for line in self.ask("log") if "mqtt" in line.lower()]
