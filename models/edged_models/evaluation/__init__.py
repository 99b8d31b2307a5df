"""How good a .tflite is, judged through the daemon's own encoding and decoding."""

from edged_models.evaluation.judging import evaluate
from edged_models.evaluation.results import Evaluation

__all__ = ["Evaluation", "evaluate"]
