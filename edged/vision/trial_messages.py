"""The messages of a vision worker about a trial."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

MAX_REASON_CHARS = 4096

Reason = Annotated[str, Meta(max_length=MAX_REASON_CHARS)]
Nanoseconds = Annotated[int, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0)]


class CandidateFailure(Struct, frozen=True, kw_only=True, tag="candidate_failed"):
    """Worker to supervisor, in a trial: the candidate failed on a frame, and the shadow ran on it instead.

    Attributes:
        kind: "invoke": the runtime failed, which is tolerated up to `max_error_rate`; "nonsense" or "flood": invalid or too many outputs, which ends the trial;
            "shared": the shadow failed on the frame as well, which says nothing about the candidate.
        plan: number of the plan.
        reason: what went wrong, in words.
    """

    kind: Literal["invoke", "nonsense", "flood", "shared"]
    plan: int
    reason: Reason


class ShadowComparison(Struct, frozen=True, kw_only=True, tag="compared"):
    """Worker to supervisor, in a trial: the detections of candidate and shadow in one frame, compared.

    Attributes:
        plan: number of the plan.
        both: detections of the candidate that match one of the shadow's: the same label, IoU of at least 0.5.
        only_new: candidate detections without a match.
        only_old: shadow detections without a match.
        old_ns: duration of the shadow's encode, invoke and decode.
        new_net_ns: net time of the candidate's encode, invoke and decode.
        old_net_ns: net time of the shadow's.
        is_new_first: the candidate ran first on this frame.
        camera: name of the camera.
        frame_seq: number of the frame.
    """

    plan: int
    both: Count
    only_new: Count
    only_old: Count
    old_ns: Nanoseconds
    new_net_ns: Nanoseconds
    old_net_ns: Nanoseconds
    is_new_first: bool
    camera: str
    frame_seq: int
