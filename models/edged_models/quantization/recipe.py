"""Recipe of a quantisation: the scheme, and the layers that differ from it."""

from dataclasses import dataclass

from edged_models.errors import SourceError
from edged_models.quantization.scheme import (
    CALIBRATED_SCHEMES,
    EngineName,
    IoType,
    Rounding,
    Scheme,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A quantisation of one model.

    Attributes:
        scheme: bits of weights and activations.
        io: type of input and outputs.
        per_channel: whether each channel of a weight has its own scale.
        float_layers: names of layers that stay float.
        int16_layers: names of layers whose activations have 16 bits in an int8 model.
        rounding: how scales and values of weights are found.
        older_runtime: whether tflite-runtime 2.14 must be able to run the file.
    """

    scheme: Scheme
    io: IoType
    per_channel: bool = True
    float_layers: frozenset[str] = frozenset()
    int16_layers: frozenset[str] = frozenset()
    rounding: Rounding = Rounding.MIN_MAX
    older_runtime: bool = False

    @property
    def is_mixed(self) -> bool:
        """True if layers differ from the scheme."""
        return bool(self.float_layers or self.int16_layers)


def make_recipe(scheme: Scheme, io: IoType | None, *, per_channel: bool = True) -> Recipe:
    """Return the recipe that treats all layers alike.

    Args:
        scheme: bits of weights and activations.
        io: type of input and outputs; if None, uint8 for int8 (pixels need no conversion then), else float.
        per_channel: whether each channel of a weight has its own scale.

    Raises:
        SourceError: `io` does not apply to the scheme.
    """
    io = io or (IoType.UINT8 if scheme is Scheme.INT8 else IoType.FLOAT)
    if scheme is not Scheme.INT8 and io is not IoType.FLOAT:
        raise SourceError(f"input and outputs of a {scheme} model are floats: {io} needs int8")
    return Recipe(scheme=scheme, io=io, per_channel=per_channel)


def check_recipe(recipe: Recipe, engine: EngineName) -> None:
    """Check that an engine can carry out a recipe.

    Raises:
        SourceError: it cannot.
    """
    problem = _find_problem(recipe)
    if problem is None and engine is EngineName.TENSORFLOW:
        problem = _find_tensorflow_problem(recipe)
    if problem:
        raise SourceError(problem)


def _find_problem(recipe: Recipe) -> str | None:
    if recipe.int16_layers and recipe.scheme is not Scheme.INT8:
        return f"layers with 16 bits are for int8 models: {recipe.scheme} has none"
    if both := sorted(recipe.float_layers & recipe.int16_layers):
        return f"the layer {both[0]} cannot be float and 16 bits at once"
    if recipe.older_runtime and recipe.scheme is Scheme.INT4:
        return "tflite-runtime has no weights of 4 bits: omit --older-runtime, or choose dynamic"
    return None


def _find_tensorflow_problem(recipe: Recipe) -> str | None:
    scheme = recipe.scheme
    remedy = "choose --engine ai-edge"
    if scheme is Scheme.INT4:
        return f"TensorFlow's quantiser has no weights of 4 bits: {remedy}"
    if recipe.rounding is not Rounding.MIN_MAX:
        return f"TensorFlow's quantiser knows no {recipe.rounding} rounding: {remedy}"
    if recipe.int16_layers:
        return f"TensorFlow's quantiser cannot mix 8 and 16 bits: {remedy}"
    if recipe.float_layers and scheme is not Scheme.INT8:
        return f"TensorFlow's quantiser leaves layers in float in int8 models only, not in {scheme}: {remedy}"
    if recipe.older_runtime and scheme is Scheme.DYNAMIC:
        return f"what TensorFlow makes of dense layers in dynamic models needs a newer runtime: {remedy}"
    return None


def choose_engine(recipe: Recipe, *, has_original: bool) -> EngineName:
    """Return the engine for a recipe if the user names none: TensorFlow's where it can carry it out.

    Args:
        recipe: what to do.
        has_original: whether TensorFlow has the original model, not only a .tflite that was made from it.
    """
    if _find_tensorflow_problem(recipe) or (
        recipe.scheme not in CALIBRATED_SCHEMES and not has_original
    ):
        return EngineName.AI_EDGE
    return EngineName.TENSORFLOW
