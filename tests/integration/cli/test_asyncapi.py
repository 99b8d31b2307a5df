"""The AsyncAPI document in the parser of the specification's makers."""

import shutil
import subprocess
from pathlib import Path

import pytest

from edged.cli.asyncapi import build_document

ROOT = Path(__file__).parents[3]
CHECK = ROOT / "tests" / "support" / "asyncapi" / "check.mjs"
PARSER = ROOT / "build" / "asyncapi"


@pytest.fixture(scope="module")
def node() -> str:
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not installed: apt-get install nodejs npm")
    if not (PARSER / "node_modules" / "@asyncapi" / "parser").is_dir():
        pytest.skip("@asyncapi/parser is not installed: make asyncapi-environment")
    return program


def parse(node: str, document: Path) -> subprocess.CompletedProcess[str]:
    command = [node, str(CHECK), str(PARSER), str(document)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_parser_accepts_the_document(node: str) -> None:
    parsed = parse(node, ROOT / "docs" / "asyncapi.json")
    described = build_document()
    numbers = f"channels {len(described['channels'])}, operations {len(described['operations'])}"
    assert (parsed.returncode, parsed.stdout.strip()) == (0, numbers), parsed.stderr


@pytest.mark.parametrize(
    ("before", "after"),
    [('"qos": 0', '"qos": 7'), ('"action": "send"', '"action": "publish"')],
)
def test_the_parser_refuses_a_damaged_one(
    node: str, tmp_path: Path, before: str, after: str
) -> None:
    text = (ROOT / "docs" / "asyncapi.json").read_text("utf-8")
    assert before in text
    damaged = tmp_path / "asyncapi.json"
    damaged.write_text(text.replace(before, after, 1))
    assert parse(node, damaged).returncode == 1
