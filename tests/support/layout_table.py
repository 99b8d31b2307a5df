"""The table of layouts in docs/models-supported.md: ``PYTHONPATH=tests python -m support.layout_table``.

It runs every layout in every type on the runtime of its environment, and rewrites that runtime's column; run it in the
environment of each runtime. A test fails while the document is not current.
"""

import re
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from edged.config.settings import ModelSettings
from edged.errors import EdgedError
from edged.model.acceptance import load_accepted_model
from support.layouts import DTYPES, LAYOUTS, Layout

DOCUMENT = Path(__file__).parents[2] / "docs" / "models-supported.md"
RUNTIMES = ("litert", "tflite")
_BEGIN, _END = "<!-- layouts: begin -->", "<!-- layouts: end -->"
_HEAD = ("layout", "outputs of the made file", "result", *RUNTIMES)
_ALL, _NONE = "all types", "-"

Results = dict[tuple[str, str], dict[str, str]]
"""Layout and result -> runtime -> the types for which that is the result."""


def update_document(text: str) -> str:
    """Return the document with the column of this environment's runtime as it is today."""
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    results = parse_results(text)
    runtime = find_runtime()
    for columns in results.values():
        columns.pop(runtime, None)
    for layout in LAYOUTS:
        for result, dtypes in run_layout(layout, runtime).items():
            results.setdefault((layout.name, result), {})[runtime] = dtypes
    return f"{before}{_BEGIN}\n{_format(results)}{_END}{after}"


def find_runtime() -> str:
    """Return the name of the runtime that this environment has."""
    return "litert" if find_spec("ai_edge_litert") else "tflite"


def run_layout(layout: Layout, runtime: str) -> Mapping[str, str]:
    """Return what edged makes of a layout: result -> the types for which that is the result.

    Args:
        layout: the layout.
        runtime: name of the runtime.
    """
    types_by_result: dict[str, list[str]] = {}
    for dtype in DTYPES:
        types_by_result.setdefault(_run(layout.make(dtype), runtime), []).append(dtype)
    return {
        result: _ALL if len(dtypes) == len(DTYPES) else ", ".join(dtypes)
        for result, dtypes in types_by_result.items()
    }


def parse_results(text: str) -> Results:
    """Return the results that the document has."""
    results: Results = {}
    table = text.partition(_BEGIN)[2].partition(_END)[0]
    for line in table.strip().splitlines()[2:]:
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        results[cells[0], cells[2]] = {
            runtime: types
            for runtime, types in zip(RUNTIMES, cells[3:], strict=True)
            if types != _NONE
        }
    return results


def _run(content: bytes, runtime: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(content)
        try:
            model = load_accepted_model(ModelSettings(path=path, runtime=runtime))
        except EdgedError as error:
            sentence = str(error).replace(str(path), path.name).replace("|", "\\|")
            return f"refused: {sentence}"
    model.interpreter.close()
    return f"**runs** as `{model.family.name}`"


def _format(results: Results) -> str:
    lines = [_HEAD, ("---",) * len(_HEAD)]
    for layout in LAYOUTS:
        for (name, result), columns in sorted(results.items()):
            if name == layout.name and columns:
                types = (columns.get(runtime, _NONE) for runtime in RUNTIMES)
                lines.append((name, layout.outputs, result, *types))
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    DOCUMENT.write_text(update_document(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
