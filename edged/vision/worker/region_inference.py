"""Inference on parts of a frame, in addition to the whole: tiles, and regions around what moves and what was found."""

from collections.abc import Mapping

from msgspec.structs import replace

from edged.model.encode import Encoder
from edged.model.picture import Crop
from edged.types import Detections, Frame
from edged.vision.camera_messages import CameraPlan
from edged.vision.messages import WorkerPlan
from edged.vision.worker.loading import LoadedModel
from edged.vision.worker.regions import (
    Region,
    RegionSize,
    choose_regions,
    make_tiles,
    merge_detections,
    move_to_frame,
)
from edged.vision.worker.stage_results import Inference, PreparedFrame
from edged.vision.worker.stages import InferencePipeline

_TILE_OVERLAP = 0.2
"""Of neighbouring tiles: an object up to a fifth of a tile is whole in one of them."""


class RegionInference:
    """Runs one model on parts of the cameras' frames; one thread uses it."""

    def __init__(
        self,
        loaded_model: LoadedModel,
        pipeline: InferencePipeline,
        plans: Mapping[str, CameraPlan],
    ) -> None:
        """Prepare the tiles.

        Args:
            loaded_model: the model.
            pipeline: the stages of inference.
            plans: each camera's plan.
        """
        self._model = loaded_model
        self._pipeline = pipeline
        self._plans = {name: plan.inference for name, plan in plans.items()}
        self._min_scores = {name: plan.min_score for name, plan in plans.items()}
        self._tiles = {
            name: make_tiles(plan.columns, plan.rows, _TILE_OVERLAP)
            if plan.columns * plan.rows > 1
            else ()
            for name, plan in self._plans.items()
        }
        # A part has another shape than the frame: with one encoder, the padding would be painted anew for each.
        self._encoder = Encoder(loaded_model.model.family.input)
        self._last_areas: dict[str, list[Region]] = {name: [] for name in plans}
        self._turns = dict.fromkeys(plans, 0)

    def extend(
        self, prepared: PreparedFrame, whole: Inference, min_score: float, *, is_measured: bool
    ) -> Inference:
        """Run the model on the parts of a frame.

        Args:
            prepared: the frame.
            whole: the inference on the whole frame.
            min_score: detections below it are left out.
            is_measured: True to measure net times.

        Returns:
            One inference with the detections of all runs, and their times together.

        Raises:
            InvokeError: the interpreter failed.
            ModelError: the outputs are nonsense.
        """
        camera = prepared.frame.camera
        parts, total = [whole.detections], whole
        for region in (*self._tiles[camera], *self._choose_regions(prepared.frame)):
            crop, exact = align(region, prepared.frame)
            part = self._pipeline.infer(
                self._model,
                prepared,
                min_score,
                is_measured=is_measured,
                encoder=self._encoder,
                crop=crop,
            )
            parts.append(move_to_frame(part.detections, exact))
            total = _add_times(total, part)
        detections = merge_detections(parts)
        self._last_areas[camera] = _list_areas(detections, self._min_scores[camera])
        return replace(total, detections=detections)

    def _choose_regions(self, frame: Frame) -> list[Region]:
        max_count = self._plans[frame.camera].max_regions
        if not max_count:
            return []
        spec = self._model.model.family.input
        size = RegionSize.for_input(
            frame_width=frame.stored_width,
            frame_height=frame.stored_height,
            input_width=spec.width,
            input_height=spec.height,
        )
        changed = self._pipeline.find_changed_areas(frame.camera)
        areas = [Region(*area) for area in changed.tolist()] + self._last_areas[frame.camera]
        self._turns[frame.camera] += 1
        return choose_regions(areas, size, max_count=max_count, turn=self._turns[frame.camera])


def make_region_inference(
    plan: WorkerPlan,
    loaded_model: LoadedModel,
    pipeline: InferencePipeline,
    camera_indices: Mapping[str, int],
) -> RegionInference | None:
    """Return the inference on parts of frames that a plan asks for; None if it asks for none.

    Args:
        plan: the plan.
        loaded_model: its model.
        pipeline: the stages of inference.
        camera_indices: the cameras' indices in the plan, by name.
    """
    plans = {name: plan.cameras[index] for name, index in camera_indices.items()}
    if not any(map(_has_regions, plans.values())):
        return None
    return RegionInference(loaded_model, pipeline, plans)


def _has_regions(plan: CameraPlan) -> bool:
    inference = plan.inference
    return inference.max_regions > 0 or inference.columns * inference.rows > 1


def align(region: Region, frame: Frame) -> tuple[Crop, Region]:
    """Return the whole, even pixels of `Frame.pixels` that cover a region of a frame, and the region that these are."""
    width, height = frame.stored_width, frame.stored_height
    x1, y1 = int(region.x1 * width) // 2 * 2, int(region.y1 * height) // 2 * 2
    # An odd last row or column of the frame is left out.
    x2 = min(-(-int(region.x2 * width) // 2) * 2, width // 2 * 2)
    y2 = min(-(-int(region.y2 * height) // 2) * 2, height // 2 * 2)
    crop = Crop(x1, y1, max(x2 - x1, 2), max(y2 - y1, 2))
    return crop, Region(
        x1 / width,
        y1 / height,
        (x1 + crop.width) / width,
        (y1 + crop.height) / height,
    )


def _list_areas(detections: Detections, min_score: float) -> list[Region]:
    """Return the boxes of the detections that are reported: weaker ones are not worth a look."""
    return [Region(*box) for box in detections.boxes[detections.scores >= min_score].tolist()]


def _add_times(total: Inference, part: Inference) -> Inference:
    return replace(
        total,
        encode_ns=total.encode_ns + part.encode_ns,
        invoke_ns=total.invoke_ns + part.invoke_ns,
        decode_ns=total.decode_ns + part.decode_ns,
        net_frame_ns=total.net_frame_ns + part.net_frame_ns,
        net_invoke_ns=total.net_invoke_ns + part.net_invoke_ns,
    )
