"""Damaged model files, by the hundred: each ends in a report or a `ModelError`, and never in the death of who asked."""

import os
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edged.config.settings import ModelSettings
from edged.errors import InvokeError, ModelError
from edged.selftest.messages import SelfTestRequest
from edged.selftest.process import SelfTestProcess
from support.damage import damage
from support.data_files import data_file

pytestmark = pytest.mark.runtime

SEED = int(os.environ.get("EDGED_SEED", "20261121"))
COUNT = int(os.environ.get("EDGED_CORRUPT_MODELS", "300"))
"""A campaign asks for thousands."""
CHILDREN = 2
TIMEOUT_S = 20.0
# Small files first and most often: a damaged large one is no stranger, only slower.
MODELS = {
    "model_invoking_error.tflite": 2,
    "face-detector-quantized_edgetpu.tflite": 4,
    "mobilenet_v1_0.25_128_quant.tflite": 16,
    "mobilenet_v1_0.25_128_quant_edgetpu.tflite": 3,
    "yolox_nano_float16_quantize.tflite": 3,
    "ssd_mobilenet_v2_coco_quant_postprocess_segment_3_of_4_edgetpu.tflite": 1,
    "traffic_model.tflite": 1,
    "yolox_nano_int8_quantize.tflite": 1,
    "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite": 1,
    "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29_no_metadata.tflite": 1,
    "coco_ssd_v1_tf2_output_order.tflite": 1,
}


def damaged(folder: Path, count: int) -> Iterator[Path]:
    rng = random.Random(SEED)
    names = [name for name, weight in MODELS.items() for _ in range(weight)]
    originals = {name: data_file(f"models/{name}").read_bytes() for name in MODELS}
    for number in range(count):
        name = names[number % len(names)]
        path = folder / f"{number:04}-{name}"
        path.write_bytes(damage(originals[name], rng))
        yield path


def outcome_of(path: Path, process: SelfTestProcess) -> str:
    request = SelfTestRequest(settings=ModelSettings(path=path), max_invocations=1)
    try:
        return type(process.run(request, timeout_s=TIMEOUT_S)).__name__
    except (ModelError, InvokeError) as error:
        return "crashed" if "crashed" in str(error) else type(error).__name__
    finally:
        path.unlink()


def campaign(folder: Path, count: int) -> Counter[str]:
    paths = list(damaged(folder, count))

    def work(share: list[Path]) -> list[str]:
        with SelfTestProcess() as tryout:
            return [outcome_of(path, tryout) for path in share]

    with ThreadPoolExecutor(CHILDREN) as pool:
        shares = pool.map(work, (paths[i::CHILDREN] for i in range(CHILDREN)))
        return Counter(end for share in shares for end in share)


@pytest.mark.timeout(60 + COUNT)
def test_damaged_models_end_in_a_report_or_a_sentence(tmp_path: Path) -> None:
    ends = campaign(tmp_path, COUNT)
    print(f"seed {SEED}: {dict(ends)}")
    assert ends.total() == COUNT
    assert ends["ModelError"] > COUNT // 10
    assert ends["SelfTestReport"] > 0
