#!/bin/sh
# MediaPipe 1.2.3 (and 0.10.21), ObjectDetector of mediapipe.tasks.
#
# Expected: the box of an object that is cut by the left or upper edge of the picture ends where the object ends. Other tools cut the part
# outside off: SSD's x from -0.2 to 0.3 becomes 0 to 0.3.
# What happens: the origin is set to 0 and the width stays: 0 to 0.5 ("left edge 0..50" below). The box is moved into the picture and ends too far right, by as much
# as the object is outside; likewise at the upper edge. At the right and lower edges nothing is cut at all.
# Who is hurt: whoever counts in zones, crops or blurs objects at the edge, or compares another program's boxes with MediaPipe's. The model
# of this script has one anchor and a constant output, so that the box is known.
. "$(dirname "$0")/common.sh"
install mediapipe==1.2.3

cat >"$work/detect.py" <<'PYTHON'
import flatbuffers
import mediapipe as mp
import numpy as np
from mediapipe.tasks.metadata import metadata_schema_py_generated as md
from mediapipe.tasks.metadata import object_detector_metadata_schema_py_generated as det
from mediapipe.tasks.metadata import schema_py_generated as tfl
from mediapipe.tasks.python import BaseOptions, vision


def made(kind, **fields):
    one = kind()
    for name, value in fields.items():
        setattr(one, name, value)
    return one


def packed(table, identifier):
    builder = flatbuffers.Builder(1024)
    builder.Finish(table.Pack(builder), identifier)
    return bytes(builder.Output())


def metadata():
    """One anchor of the size of the picture in its middle; a code moves it by its own size."""
    anchor = made(det.FixedAnchorT, xCenter=0.5, yCenter=0.5, width=1.0, height=1.0)
    decoding = made(
        det.TensorsDecodingOptionsT, numClasses=2, numBoxes=1, numCoords=4, numValuesPerKeypoint=2,
        xScale=1.0, yScale=1.0, wScale=1.0, hScale=1.0, applyExponentialOnBoxSize=True, sigmoidScore=False,
    )
    anchors = made(det.FixedAnchorsSchemaT, anchors=[anchor])
    options = made(
        det.ObjectDetectorOptionsT,
        ssdAnchorsOptions=made(det.SsdAnchorsOptionsT, fixedAnchorsSchema=anchors),
        tensorsDecodingOptions=decoding,
    )
    custom = made(md.CustomMetadataT, name="DETECTOR_METADATA", data=list(packed(options, b"V001")))
    scaling = made(md.NormalizationOptionsT, mean=[127.5], std=[127.5])
    unit = made(md.ProcessUnitT, optionsType=md.ProcessUnitOptions.NormalizationOptions, options=scaling)
    image = made(
        md.ContentT, contentPropertiesType=md.ContentProperties.ImageProperties,
        contentProperties=made(md.ImagePropertiesT, colorSpace=md.ColorSpaceType.RGB),
    )
    boxes = made(
        md.ContentT, contentPropertiesType=md.ContentProperties.BoundingBoxProperties,
        contentProperties=made(
            md.BoundingBoxPropertiesT, index=[1, 0, 3, 2], type=md.BoundingBoxType.BOUNDARIES,
            coordinateType=md.CoordinateType.RATIO,
        ),
    )
    graph = made(
        md.SubGraphMetadataT,
        inputTensorMetadata=[made(md.TensorMetadataT, name="image", content=image, processUnits=[unit])],
        outputTensorMetadata=[
            made(md.TensorMetadataT, name="location", content=boxes), made(md.TensorMetadataT, name="score")
        ],
        customMetadata=[custom],
    )
    return packed(made(md.ModelMetadataT, name="one box", subgraphMetadata=[graph]), b"M001")


def model(code):
    """A graph whose outputs are the box code and the scores 0.9 and 0, whatever the picture."""
    constants = [
        np.array([1, 2, 3], np.int32), np.zeros((1, 1, 4), np.float32), np.array([[code]], np.float32),
        np.zeros((1, 1, 2), np.float32), np.array([[[0.9, 0.0]]], np.float32),
    ]
    buffers = [made(tfl.BufferT)] + [made(tfl.BufferT, data=list(c.tobytes())) for c in constants]
    buffers.append(made(tfl.BufferT, data=list(metadata())))
    shapes = [(1, 32, 32, 3), (1,), (1, 1, 4), (1, 1, 4), (1, 1, 2), (1, 1, 2), *(c.shape for c in constants)]
    tensors = [
        made(tfl.TensorT, name=f"t{i}", shape=list(shape), buffer=max(0, i - 5),
             type=tfl.TensorType.INT32 if i == 6 else tfl.TensorType.FLOAT32)
        for i, shape in enumerate(shapes)
    ]
    operators = [
        made(tfl.OperatorT, opcodeIndex=0, inputs=[0, 6], outputs=[1],
             builtinOptionsType=tfl.BuiltinOptions.ReducerOptions, builtinOptions=made(tfl.ReducerOptionsT))
    ]
    for kind, inputs, output in ((1, [1, 7], 2), (2, [2, 8], 3), (1, [1, 9], 4), (2, [4, 10], 5)):
        name = "MulOptions" if kind == 1 else "AddOptions"
        operators.append(
            made(tfl.OperatorT, opcodeIndex=kind, inputs=inputs, outputs=[output],
                 builtinOptionsType=getattr(tfl.BuiltinOptions, name), builtinOptions=getattr(tfl, name + "T")())
        )
    codes = [
        made(tfl.OperatorCodeT, builtinCode=code, deprecatedBuiltinCode=code, version=1)
        for code in (tfl.BuiltinOperator.MEAN, tfl.BuiltinOperator.MUL, tfl.BuiltinOperator.ADD)
    ]
    graph = made(tfl.SubGraphT, tensors=tensors, inputs=[0], outputs=[3, 5], operators=operators)
    entry = made(tfl.MetadataT, name="TFLITE_METADATA", buffer=len(buffers) - 1)
    whole = made(tfl.ModelT, version=3, operatorCodes=codes, subgraphs=[graph], buffers=buffers, metadata=[entry])
    return packed(whole, b"TFL3")


def detect(centre_x, size):
    """Return the left and right edge, in hundredths of the picture, of a box of this centre and size."""
    code = [0.0, centre_x - 0.5, np.log(size), np.log(size)]
    options = vision.ObjectDetectorOptions(base_options=BaseOptions(model_asset_buffer=model(code)))
    detector = vision.ObjectDetector.create_from_options(options)
    picture = mp.Image(image_format=mp.ImageFormat.SRGB, data=np.zeros((100, 100, 3), np.uint8))
    (one,) = detector.detect(picture).detections
    box = one.bounding_box
    detector.close()
    return f"{box.origin_x}..{box.origin_x + box.width}"


print("inside", detect(0.5, 0.4), "left edge", detect(0.05, 0.5), "right edge", detect(0.95, 0.5))
PYTHON
expect "$(python detect.py 2>/dev/null)" "inside 30..69 left edge 0..50 right edge 70..120"
