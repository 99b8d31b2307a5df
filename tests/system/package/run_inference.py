"""A program that prints the bundled model's detections in some drawn frames, as lines of JSON."""

import json

from edged.config.settings import ModelSettings
from edged.marks.synthetic_scene import SyntheticScene
from edged.model.load import load_model
from edged.types import Frame

_FRAMES = (15, 35, 55, 75)
_MIN_SCORE = 0.6


def main() -> None:
    """Run the model, and print its detections."""
    stage = SyntheticScene(width=320, height=240, fps=10, seed=4, interval_s=1.5)
    model = load_model(ModelSettings())
    for number in _FRAMES:
        tensor = model.encoder(Frame.from_pixels(stage.render_frame(number)))
        outputs = model.interpreter.invoke(tensor.array)
        found = model.family.decode(outputs, tensor.fit, min_score=_MIN_SCORE)
        labels = [model.label_of(int(class_id)) for class_id in found.class_ids]
        print(json.dumps(sorted(zip(labels, found.boxes.tolist(), strict=True))))


if __name__ == "__main__":
    main()
