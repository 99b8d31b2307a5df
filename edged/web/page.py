"""The local page: its files, and what its scripts ask for."""

import asyncio
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from edged.config.problems import InvalidConfigError
from edged.errors import ConfigError
from edged.web.camera_settings import CameraSettingsFile, EditConflictError
from edged.web.edits import CameraEdit, list_switches
from edged.web.feed import MessageFeed
from edged.web.guard import refuse
from edged.web.live_pictures import WIDTHS, LivePictures
from edged.web.messages import WebJob
from edged.web.stream import stream_messages
from edged.web.supervisor_link import PictureRefusedError, SupervisorLink, SupervisorSilentError

STATIC = Path(__file__).with_name("static")
BodyT = TypeVar("BodyT")

_MAX_BODY_BYTES = 100_000
_VERBS = frozenset({"threshold", "detect", "zone", "mask", "reload"})
"""The commands that the page gives."""


class LocalPage:
    """The routes of the page."""

    def __init__(
        self, job: WebJob, *, link: SupervisorLink, feed: MessageFeed, pictures: LivePictures
    ) -> None:
        """Serve nothing yet.

        Args:
            job: the process's job.
            link: the channel to the supervisor.
            feed: what the device publishes.
            pictures: takes live pictures.
        """
        self._job = job
        self._link = link
        self._feed = feed
        self._pictures = pictures
        self._file = CameraSettingsFile(job.config)
        self._saving = asyncio.Lock()

    @property
    def routes(self) -> list[Route | Mount]:
        """The routes."""
        return [
            Route("/", self._show),
            Route("/api/stream", self._stream),
            Route("/api/settings", self._describe_settings),
            Route("/api/cameras/{camera}/settings", self._save_settings, methods=["PUT"]),
            Route("/api/cameras/{camera}/picture", self._take_picture),
            Route("/api/events/{event_id}/picture", self._show_event_picture),
            Route("/api/commands/{verb}", self._execute, methods=["POST"]),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]

    async def _show(self, _: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    async def _stream(self, _: Request) -> Response:
        return StreamingResponse(stream_messages(self._feed), media_type="text/event-stream")

    async def _describe_settings(self, _: Request) -> Response:
        try:
            settings = await run_in_threadpool(self._file.describe)
        except ConfigError as error:
            return refuse(409, f"the configuration's files are not valid now: {error}")
        return JSONResponse(
            {
                "device": self._job.device,
                "can_edit": self._job.page.can_edit,
                "has_token": self._job.page.token_file is not None,
                **settings,
            }
        )

    async def _save_settings(self, request: Request) -> Response:
        if not self._job.page.can_edit:
            return refuse(403, "page.can_edit is false")
        try:
            edit = await read_body(request, CameraEdit)
        except ValueError as error:
            return refuse(422, f"not valid: {error}")
        camera = request.path_params["camera"]
        async with self._saving:  # of two at once the second is refused by its version
            try:
                is_changed = await run_in_threadpool(self._file.save, camera, edit)
            except EditConflictError as error:
                return refuse(409, str(error))
            except InvalidConfigError as error:
                return JSONResponse({"error": str(error), "problems": error.lines}, 422)
            except ConfigError as error:
                return refuse(422, str(error))
        note = "" if is_changed else "nothing has changed in the files"
        problem = await self._put_into_force(camera, edit)
        return JSONResponse(
            {"saved": is_changed, "in_force": problem is None, "note": problem or note}
        )

    async def _put_into_force(self, camera: str, edit: CameraEdit) -> str | None:
        """Let the daemon read what was saved, and undo what commands have switched otherwise; return why it is not in force, None if it is."""
        calls: list[tuple[str, dict[str, Any]]] = [("reload", {})]
        if edit.threshold is not None:
            calls.append(("threshold", {"camera": camera, "score": None}))
        calls += list_switches(self._feed.find(f"camera/{camera}/switches"), edit)
        for verb, args in calls:
            try:
                reply = await self._link.execute(verb, msgspec.json.encode(args))
            except SupervisorSilentError as error:
                return str(error)
            decoded = msgspec.json.decode(reply)
            if not decoded["ok"]:
                return _describe_error(decoded)
        return None

    async def _take_picture(self, request: Request) -> Response:
        query = request.query_params
        width = query.get("width", str(WIDTHS[0]))
        if width not in map(str, WIDTHS):
            return refuse(422, f"width is one of {', '.join(map(str, WIDTHS))}")
        annotate = query.get("boxes", "1") != "0"
        camera = request.path_params["camera"]
        return await _answer_picture(
            self._pictures.take(camera, annotate=annotate, max_width=int(width))
        )

    async def _show_event_picture(self, request: Request) -> Response:
        return await _answer_picture(self._link.read_picture(request.path_params["event_id"]))

    async def _execute(self, request: Request) -> Response:
        verb = request.path_params["verb"]
        if verb not in _VERBS:
            return refuse(404, f"the page has no command {verb}")
        if not self._job.page.can_edit:
            return refuse(403, "page.can_edit is false")
        try:
            args = await read_body(request, dict[str, Any])
            reply = await self._link.execute(verb, msgspec.json.encode(args))
        except ValueError as error:
            return refuse(422, f"not valid: {error}")
        except SupervisorSilentError as error:
            return refuse(503, str(error))
        decoded = msgspec.json.decode(reply)
        if not decoded["ok"]:
            return refuse(422, _describe_error(decoded))
        return JSONResponse(decoded)


async def _answer_picture(taking: Awaitable[bytes]) -> Response:
    try:
        jpeg = await taking
    except PictureRefusedError as error:
        return JSONResponse({"error": str(error), "code": error.code}, 409)
    except SupervisorSilentError as error:
        return refuse(503, str(error))
    return Response(jpeg, media_type="image/jpeg")


async def read_body(request: Request, kind: type[BodyT]) -> BodyT:
    """Return the body of a request, decoded.

    Args:
        request: the request.
        kind: type of the content.

    Raises:
        ValueError: it is too large, or not JSON of this type.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise ValueError("the content type must be application/json")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MAX_BODY_BYTES:
            raise ValueError(f"more than {_MAX_BODY_BYTES} bytes")
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def _describe_error(reply: Mapping[str, Any]) -> str:
    error = reply["error"]
    return f"{error['message']} ({error['code']})"
