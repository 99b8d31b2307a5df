"""The self-test process, which tests model files: ``python -m edged.selftest.main FD``.

It takes one `SelfTestRequest` after the other from the socket and answers each with a `SelfTestReport` or a `SelfTestFailure`, until the parent
closes it. It confines itself to what the first request names, before it reads the model; later requests must name files in the same folders.
"""

import os
import socket
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
from msgspec import structs

from edged.clock import NS_PER_S, Clock, SystemClock
from edged.errors import (
    ConfigError,
    EdgedError,
    PacketError,
    PictureError,
    describe_error,
    list_notes,
)
from edged.host.scheduling import ThreadWait
from edged.ipc.child import adopt_socket, bind_lifetime_to_parent
from edged.model.acceptance import load_accepted_model
from edged.model.golden_run import run_goldens
from edged.model.load import Model
from edged.pictures.decode import read_picture
from edged.selftest.messages import (
    FROM_SELF_TEST,
    TO_SELF_TEST,
    ReportedDetection,
    SelfTestFailure,
    SelfTestReport,
    SelfTestRequest,
)
from edged.selftest.sandbox.sandbox import confine
from edged.types import Frame, ModelSignature

_MAX_TIMING_S = 2.0
_MAX_MESSAGE_CHARS = 4096
_MAX_DETAILS = 24
_MAX_MISMATCHES = 10
_MAX_MISMATCH_CHARS = 300
_STATUS_FILE = Path("/proc/self/status")
_PEAK_MEMORY_FIELD = "VmHWM:"


def run_self_test(request: SelfTestRequest, clock: Clock) -> SelfTestReport:
    """Load, accept and time the model, and run it on its goldens and on the picture.

    Raises:
        ModelError: the model cannot be loaded, fails its acceptance test, or its outputs are nonsense.
        DelegateError: the delegate cannot be loaded, or its device is absent.
        InvokeError: the runtime failed.
        RegistryError: no such runtime or family, or the runtime is not installed.
        ConfigError: the picture cannot be read.
    """
    model = load_accepted_model(request.settings)
    try:
        mismatches = run_goldens(model, request.goldens) if request.goldens else ()
        frame = _blank_frame() if request.image is None else _read_image(request.image)
        times_ms = _time_invocations(model, frame, request.max_invocations, clock)
        signature = model.interpreter.signature
        return SelfTestReport(
            name=model.name,
            family=model.family.name,
            runtime=model.interpreter.runtime,
            delegate=model.interpreter.delegate or "",
            input=model.family.input,
            signature=_shorten(signature),
            ops=dict(Counter(op.name for op in signature.ops).most_common()),
            labels=model.labels,
            invoke_ms_p50=float(np.percentile(times_ms, 50)),
            invoke_ms_p95=float(np.percentile(times_ms, 95)),
            detections=() if request.image is None else _detect(model, frame, request.min_score),
            golden_mismatches=tuple(
                mismatch[:_MAX_MISMATCH_CHARS] for mismatch in mismatches[:_MAX_MISMATCHES]
            ),
            peak_memory_mb=_peak_memory_mb(),
        )
    finally:
        model.interpreter.close()


def _shorten(signature: ModelSignature) -> ModelSignature:
    """Return a signature without its operators and labels, which the report has elsewhere, and without anchors."""
    decoding = signature.metadata.box_decoding
    if decoding is not None:
        decoding = replace(decoding, packed_anchors=b"")
    metadata = replace(signature.metadata, labels=(), box_decoding=decoding)
    return replace(signature, ops=(), metadata=metadata)


def main(argv: list[str]) -> int:
    """Answer requests until the parent closes the socket."""
    bind_lifetime_to_parent()
    _silence_output()
    serve(adopt_socket(int(argv[1])), SystemClock())
    return 0


def serve(channel: socket.socket, clock: Clock) -> None:
    """Answer each request that comes; this process is confined from the first one on.

    Raises:
        PacketError: the parent sent an invalid message.
    """
    sandbox_layers: tuple[str, ...] | None = None
    while packet := channel.recv(TO_SELF_TEST.max_bytes):
        request = TO_SELF_TEST.decode(packet)
        if sandbox_layers is None:
            sandbox_layers = confine(request.build_confinement())
        channel.send(_respond(request, sandbox_layers, clock))


def _respond(request: SelfTestRequest, sandbox_layers: tuple[str, ...], clock: Clock) -> bytes:
    error_type = "ModelError"
    details: tuple[str, ...] = ()
    try:
        report = structs.replace(run_self_test(request, clock), sandbox_layers=sandbox_layers)
        return FROM_SELF_TEST.encode(report)
    except PacketError as error:
        message = f"the model's labels and metadata are too long: {error}"
    except EdgedError as error:
        error_type, message, details = type(error).__name__, str(error), list_notes(error)
    except Exception as error:  # noqa: BLE001 - a damaged file can raise anything, and the parent does not see a traceback
        message = f"testing the model raised {type(error).__name__}: {describe_error(error)}"
    return FROM_SELF_TEST.encode(
        SelfTestFailure(
            error_type=error_type,
            message=message[:_MAX_MESSAGE_CHARS],
            details=tuple(detail[:_MAX_MESSAGE_CHARS] for detail in details[:_MAX_DETAILS]),
        )
    )


def _silence_output() -> None:
    """Discard what the runtimes write to standard error, which is shared with the parent."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.dup2(nowhere, sys.stderr.fileno())


def _peak_memory_mb() -> float:
    # Not getrusage: its peak starts at that of the parent process.
    lines = _STATUS_FILE.read_text(encoding="ascii", errors="replace").splitlines()
    peak_kb = next((line.split()[1] for line in lines if line.startswith(_PEAK_MEMORY_FIELD)), "0")
    return int(peak_kb) / 1024


def _time_invocations(
    model: Model, frame: Frame, max_invocations: int, clock: Clock
) -> list[float]:
    """Return the times of invocations, milliseconds, without the time in which this thread waited for a processor: the device runs its usual load."""
    tensor = model.encoder(frame)
    times_ms: list[float] = []
    wait = ThreadWait()
    end_ns = clock.monotonic_ns() + int(_MAX_TIMING_S * NS_PER_S)
    while not times_ms or (len(times_ms) < max_invocations and clock.monotonic_ns() < end_ns):
        start_ns = clock.monotonic_ns() - wait.read_ns()
        model.interpreter.invoke(tensor.array)
        times_ms.append((clock.monotonic_ns() - wait.read_ns() - start_ns) / 1e6)
    wait.close()
    return times_ms


def _detect(model: Model, frame: Frame, min_score: float) -> tuple[ReportedDetection, ...]:
    tensor = model.encoder(frame)
    detections = model.family.decode(
        model.interpreter.invoke(tensor.array), tensor.fit, min_score=min_score
    )
    return tuple(
        ReportedDetection(
            label=model.label_of(int(class_id)),
            class_id=int(class_id),
            score=float(score),
            box=(float(box[0]), float(box[1]), float(box[2]), float(box[3])),
        )
        for box, score, class_id in zip(
            detections.boxes, detections.scores, detections.class_ids, strict=True
        )
    )


def _read_image(image: Path) -> Frame:
    try:
        return Frame.from_pixels(read_picture(image))
    except PictureError as error:
        raise ConfigError(str(error)) from error


def _blank_frame() -> Frame:
    return Frame.from_pixels(np.full((480, 640, 3), 128, np.uint8))


if __name__ == "__main__":
    sys.exit(main(sys.argv))
