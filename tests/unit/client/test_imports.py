"""The client runs on a machine that has nothing of what a device needs."""

import json
import subprocess
import sys

PROGRAM = """
import json, sys
import edged.client
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names))))
"""
ALLOWED = {"edged", "msgspec", "typing_extensions", "__main__", "sitecustomize"}


def test_the_client_imports_msgspec_and_nothing_else() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    imported = {name for name in json.loads(run.stdout) if not name.startswith("_")}
    assert imported - ALLOWED == set()
    assert "msgspec" in imported
