"""The graph, as the model file has it: the part that runs, and the options of the detection post-process."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.model.file.flatbuffer import FlatbufferError
from edged.model.file.flexbuffer import read_scalars
from edged.model.file.graph import choose_entry_point, read_graph
from support.data_files import data_file


@pytest.mark.parametrize(
    ("name", "num_classes", "max_detections"),
    [
        ("coco_ssd_mobilenet_v1_1.0_quant_2018_06_29", 90, 10),
        ("coco_ssd_mobilenet_v1_1.0_quant_2018_06_29_no_metadata", 90, 10),
        ("coco_ssd_v1_tf2_output_order", 90, 10),
        ("ssd_mobilenet_v2_coco_quant_postprocess_segment_3_of_4_edgetpu", 90, 20),
        ("traffic_model", 3, 40),
    ],
)
def test_the_options_of_real_files(name: str, num_classes: int, max_detections: int) -> None:
    options = read_graph(data_file(f"models/{name}.tflite")).postprocess
    assert options is not None
    assert (options.num_classes, options.max_detections) == (num_classes, max_detections)
    assert (options.max_classes_per_detection, options.use_regular_nms) == (1, False)
    assert options.nms_iou_threshold == pytest.approx(0.6)


def test_a_file_without_the_operator_has_no_options() -> None:
    assert read_graph(data_file("models/mobilenet_v1_0.25_128_quant.tflite")).postprocess is None


@pytest.mark.parametrize(
    ("signatures", "chosen", "subgraph", "others"),
    [
        ([], None, 0, ()),
        ([("serving_default", 0)], "serving_default", 0, ()),
        ([("features", 0), ("serving_default", 1)], "serving_default", 1, ("features",)),
        ([("detect", 0), ("train", 1)], "detect", 0, ("train",)),
        ([("train", 1), ("detect", 0)], "detect", 0, ("train",)),
        ([("train", 1)], None, 0, ("train",)),
    ],
)
def test_the_default_signature_runs_else_the_first_subgraph(
    signatures: list[tuple[str, int]], chosen: str | None, subgraph: int, others: tuple[str, ...]
) -> None:
    entry_point = choose_entry_point(signatures)
    assert (entry_point.signature, entry_point.subgraph) == (chosen, subgraph)
    assert entry_point.other_signatures == others


@given(
    st.dictionaries(
        st.text("abc_", min_size=1, max_size=12),
        st.one_of(
            st.booleans(),
            st.integers(-(2**62), 2**62),
            st.floats(-1e30, 1e30),
            st.text("xyz"),
            st.lists(st.integers(0, 9), max_size=3),
        ),
        max_size=9,
    )
)
def test_what_the_format_s_own_library_writes_is_read(options: dict[str, object]) -> None:
    flexbuffers = pytest.importorskip("flatbuffers.flexbuffers")
    scalars = {key: value for key, value in options.items() if isinstance(value, int | float)}
    assert read_scalars(bytes(flexbuffers.Dumps(options))) == scalars


@given(st.binary(max_size=120), st.sampled_from([0, 1, 2, 3]), st.sampled_from([1, 2, 4, 8, 0, 3]))
def test_no_bytes_lead_the_reader_out_of_its_buffer(
    content: bytes, packed: int, width: int
) -> None:
    with suppress(FlatbufferError):
        read_scalars(content)
    with suppress(FlatbufferError):
        read_scalars(content + bytes([9 << 2 | packed, width]))
