"""Choice of the signatures of a model, and sources of one or of several."""

from collections.abc import Mapping
from typing import Any

from edged_models.conversion.function_signature import list_inputs
from edged_models.conversion.kinds.concrete_function import concrete_source, fix_input
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.output_order import SignatureNames
from edged_models.conversion.signatures_source import SignatureFunction, SignaturesSource
from edged_models.conversion.source import ModelSource
from edged_models.conversion.source_options import SourceOptions
from edged_models.errors import SourceError

_PICTURE_RANK = 4


def choose_signatures(
    available: Mapping[str, Any], options: SourceOptions, *, name: str, default: str
) -> dict[str, Any]:
    """Return the signatures that the options choose.

    Without a choice it is the default one, or the only one.

    Args:
        available: all signatures by name.
        options: names the signatures.
        name: the source's, for messages.
        default: name of the default signature.

    Raises:
        SourceError: there is no such signature, or several and no default.
    """
    missing = [one for one in options.signatures if one not in available]
    if missing:
        raise SourceError(f"{name} has no signature {missing[0]}; it has {_join(available)}")
    if options.signatures:
        return {one: available[one] for one in options.signatures}
    if options.all_signatures:
        return {
            one: available[one] for one in sorted(available, key=lambda key: (key != default, key))
        }
    if default in available:
        return {default: available[default]}
    if len(available) == 1:
        return dict(available)
    raise SourceError(
        f"{name} has the signatures {_join(available)} and no {default}: choose one with --signature, or several for one file with "
        "--signatures"
    )


def signatures_source(
    chosen: Mapping[str, Any],
    outputs: Mapping[str, tuple[str, ...]],
    *,
    name: str,
    side_px: int | None,
    held: Any,
) -> ModelSource:
    """Return signatures as a source: a function of one picture, or several functions.

    Args:
        chosen: the concrete functions by the names of their signatures.
        outputs: names of the outputs, in order, by the names of the signatures.
        name: for messages, and in the file.
        side_px: side of the square input, if the function leaves it open.
        held: resources to save with the functions.

    Raises:
        SourceError: no function has a single input, or the size of the picture is not known.
    """
    if len(chosen) == 1:
        ((signature, function),) = chosen.items()
        return concrete_source(
            function,
            name=name,
            outputs=outputs[signature],
            side_px=side_px,
            tracked_resources=held,
            signature=_name_signature(signature, function),
        )
    first = _find_first(chosen, name)
    picture_function = _fix_picture(chosen[first], name=name, side_px=side_px)
    functions = {first: picture_function} | {
        key: function for key, function in chosen.items() if key != first
    }
    return SignaturesSource(
        name=name,
        metadata=ModelMetadata(name=name),
        signatures={
            key: SignatureFunction(function=function, outputs=outputs[key])
            for key, function in functions.items()
        },
        held=[held, *(variable for one in functions.values() for variable in one.graph.variables)],
    )


def _name_signature(name: str, function: Any) -> SignatureNames | None:
    inputs = list_inputs(function)
    return SignatureNames(name, inputs[0].name) if inputs else None


def _find_first(chosen: Mapping[str, Any], name: str) -> str:
    """Return the signature whose graph is to be the first: the one of a single picture, else of a single tensor."""
    single = {key: inputs[0] for key, one in chosen.items() if len(inputs := list_inputs(one)) == 1}
    if not single:
        raise SourceError(
            f"none of the signatures {_join(chosen)} of {name} has a single input: choose one that has, too"
        )
    pictures = [key for key, one in single.items() if one.shape.rank == _PICTURE_RANK]
    return next(iter(pictures or single))


def _fix_picture(concrete: Any, *, name: str, side_px: int | None) -> Any:
    """Return the function with a fixed size of the picture; another kind of input stays as it is."""
    (spec,) = list_inputs(concrete)
    if spec.shape.rank != _PICTURE_RANK:
        return concrete
    return fix_input(concrete, name=name, side_px=side_px, input_name=spec.name)


def _join(names: Any) -> str:
    return ", ".join(sorted(names))
