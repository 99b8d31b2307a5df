"""Files with several signatures: the default one runs, and `edged inspect` says which do not."""

from pathlib import Path

import numpy as np
import pytest

from edged.cli.main import main
from edged.config.settings import ModelSettings
from edged.model.acceptance import load_accepted_model
from edged.types import Frame
from support.model_files import ModelWriter, OutputPlan
from support.pictures import run_inference

pytestmark = pytest.mark.runtime

GRAY = Frame.from_pixels(np.full((64, 64, 3), 128, np.uint8))


def model_file(folder: Path, names: tuple[str, str], dtype: str = "float32") -> Path:
    """Return a file with two classifiers: the first always finds class 1, the second class 3."""
    graphs = [ModelWriter(dtype), ModelWriter(dtype)]
    graphs[1].share(graphs[0])
    for graph, best in zip(graphs, (1, 3), strict=True):
        scores = np.zeros((1, 4))
        scores[0, best] = 0.7
        graph.output(OutputPlan(values=scores, gain=3 * scores, high=4.0, activation="SOFTMAX"))
    content = graphs[0].write(
        subgraphs=[graphs[1].subgraph()],
        signatures=[graphs[i].signature(name, i) for i, name in enumerate(names)],
    )
    path = folder / "model.tflite"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize(
    ("names", "chosen", "class_id"),
    [
        (("features", "serving_default"), "serving_default", 3),
        (("serving_default", "train"), "serving_default", 1),
        (("detect", "train"), "detect", 1),
    ],
)
def test_the_default_signature_runs(
    tmp_path: Path, names: tuple[str, str], chosen: str, class_id: int, dtype: str
) -> None:
    model = load_accepted_model(ModelSettings(path=model_file(tmp_path, names, dtype)))
    entry_point = model.interpreter.signature.entry_point
    assert entry_point.signature == chosen
    assert run_inference(model, GRAY, 0.1).class_ids.tolist() == [class_id]
    assert "SOFTMAX" in {op.name for op in model.interpreter.signature.ops}


def test_inspect_names_the_signatures_that_do_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(model_file(tmp_path, ("features", "serving_default")))]) == 0
    assert "signature    serving_default (not used: features)\n" in capsys.readouterr().out
