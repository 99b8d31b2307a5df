"""A loop as tutorials print it, the benchmark's other reference: ``python -m edged.bench.tutorial MODULE MODEL SOURCE FPS PORT TOPIC``.

It reads a frame, converts and resizes it, invokes the model, and publishes what it found as JSON, on one thread. It imports no edged
code but its camera. It knows the four outputs of the SSD post-process operator, as these tutorials do; of any other model it exits
with `EXIT_OTHER_MODEL`.
"""

import importlib
import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import paho.mqtt.client as mqtt
from numpy.typing import NDArray
from paho.mqtt.enums import CallbackAPIVersion

from edged.bench.picture_source import PictureSource

EXIT_OTHER_MODEL = 3
_SSD_OUTPUTS = 4
_MIN_SCORE = 0.3


def main(module: str, model: str, source: str, *, fps: float, port: int, topic: str) -> None:
    """Run the loop until the process is ended.

    Args:
        module: Python module with the class ``Interpreter``.
        model: path of the .tflite file.
        source: a .npy file of frames, or a video file.
        fps: frames per second; 0: as fast as possible.
        port: the broker's TCP port, on loopback.
        topic: topic of the messages.
    """
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    interpreter = importlib.import_module(module).Interpreter(model_path=model)
    interpreter.allocate_tensors()
    tensor = interpreter.get_input_details()[0]
    outputs = interpreter.get_output_details()
    if len(outputs) != _SSD_OUTPUTS:
        sys.exit(EXIT_OTHER_MODEL)
    _, height, width, _ = tensor["shape"]
    capture = PictureSource(Path(source), fps)
    while True:
        is_read, frame = capture.read()
        if not is_read or frame is None:
            break
        received_ns = time.monotonic_ns()
        rgb = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        resized = cv2.resize(rgb, (int(width), int(height)))
        batch: NDArray[np.generic] = np.expand_dims(resized, axis=0)
        if tensor["dtype"] == np.float32:
            batch = (batch.astype(np.float32) - 127.5) / 127.5
        interpreter.set_tensor(tensor["index"], batch)
        interpreter.invoke()
        boxes = interpreter.get_tensor(outputs[0]["index"])[0]
        classes = interpreter.get_tensor(outputs[1]["index"])[0]
        scores = interpreter.get_tensor(outputs[2]["index"])[0]
        found = []
        for i in range(len(scores)):
            if scores[i] > _MIN_SCORE:
                ymin, xmin, ymax, xmax = (float(side) for side in boxes[i])
                box = [xmin, ymin, xmax, ymax]
                found.append({"label": int(classes[i]), "score": float(scores[i]), "box": box})
        payload = {"frame": capture.frame_number, "received_ns": received_ns, "detections": found}
        client.publish(topic, json.dumps(payload), qos=1)


if __name__ == "__main__":
    module_, model_, source_, fps_, port_, topic_ = sys.argv[1:]
    main(module_, model_, source_, fps=float(fps_), port=int(port_), topic=topic_)
