"""The registry of drivers. A new driver is a new file and one line here.

Names map to ``"module:Class"`` strings, so that only the chosen driver is imported; and a driver imports its
third-party library when it is opened, not when it is imported, so that a config can be checked on a machine without it.
"""

from importlib import import_module
from typing import Any

from edged.errors import RegistryError

CAMERAS = {
    "synthetic": "edged.cameras.synthetic:SyntheticCamera",
    "replay": "edged.cameras.replay:ReplayCamera",
    "v4l2": "edged.cameras.v4l2:V4l2Camera",
    "rtsp": "edged.cameras.rtsp:RtspCamera",
    "picamera2": "edged.cameras.picamera2:Picamera2Camera",
}

# Settings are apart from the drivers: whoever only reads a configuration imports no driver, and no numpy.
CAMERA_SETTINGS = {
    "synthetic": "edged.cameras.synthetic_settings:SyntheticSettings",
    "replay": "edged.cameras.replay_settings:ReplaySettings",
    "v4l2": "edged.cameras.v4l2_settings:V4l2Settings",
    "rtsp": "edged.cameras.rtsp_settings:RtspSettings",
    "picamera2": "edged.cameras.picamera2_settings:Picamera2Settings",
}

INTERPRETERS = {
    "litert": "edged.interpreters.tflite:LiteRtInterpreter",
    "tflite": "edged.interpreters.tflite:TfliteRuntimeInterpreter",
    "simulated": "edged.interpreters.simulated:SimulatedInterpreter",
}

# Tried in this order; the first family that recognises the model is used.
FAMILIES = {
    "ssd": "edged.families.ssd:SsdFamily",
    "mediapipe": "edged.families.mediapipe:MediaPipeFamily",
    "ssd-anchors": "edged.families.ssd_anchors:SsdAnchorsFamily",
    "ssd-raw": "edged.families.ssd_raw:SsdRawFamily",
    "detr": "edged.families.detr:DetrFamily",
    "yolo-split": "edged.families.yolo_split:YoloSplitFamily",
    "yolo-nms-free": "edged.families.yolo_nms_free:YoloNmsFreeFamily",
    "yolox": "edged.families.yolox:YoloxFamily",
    "yolov5": "edged.families.yolov5:YoloV5Family",
    "yolov8": "edged.families.yolov8:YoloV8Family",
    "fomo": "edged.families.fomo:FomoFamily",
    "classification": "edged.families.classification:ClassificationFamily",
}

# The name is also the config's table: [mqtt], [jsonl].
PUBLISHERS = {
    "mqtt": "edged.publishers.mqtt:MqttPublisher",
    "jsonl": "edged.publishers.jsonl:JsonlPublisher",
}

PUBLISHER_SETTINGS = {
    "mqtt": "edged.publishers.mqtt_settings:MqttSettings",
    "jsonl": "edged.publishers.jsonl:JsonlSettings",
}

# The name is also that of the config's table: [dialect.frigate].
DIALECTS = {
    "frigate": "edged.dialects.frigate:FrigateDialect",
    "onvif": "edged.dialects.onvif:OnvifDialect",
}

# The name is the scheme of the URL; a path has none, and is a file.
FETCHERS = {
    "file": "edged.fetchers.file:FileFetcher",
    "http": "edged.fetchers.http:HttpFetcher",
    "https": "edged.fetchers.http:HttpFetcher",
}

# The name is the verb: the last level of the topic down/cmd/<verb>.
COMMANDS = {
    "snapshot": "edged.commands.snapshot:SnapshotCommand",
    "collect": "edged.commands.collect:CollectCommand",
    "detect": "edged.commands.detect:DetectCommand",
    "threshold": "edged.commands.threshold:ThresholdCommand",
    "zone": "edged.commands.zone:ZoneCommand",
    "mask": "edged.commands.mask:MaskCommand",
    "reload": "edged.commands.reload:ReloadCommand",
    "selftest": "edged.commands.self_test:SelfTestCommand",
    "model.rollback": "edged.commands.model_rollback:ModelRollbackCommand",
    "update.install": "edged.commands.update_install:UpdateInstallCommand",
    "restart": "edged.commands.restart:RestartCommand",
}


def load_driver(drivers: dict[str, str], name: str) -> Any:
    """Import and return the class that is registered under `name`.

    Raises:
        RegistryError: no driver has this name.
    """
    try:
        module, _, attribute = drivers[name].partition(":")
    except KeyError:
        raise RegistryError(f"no driver {name!r}; choose one of: {', '.join(drivers)}") from None
    return getattr(import_module(module), attribute)
