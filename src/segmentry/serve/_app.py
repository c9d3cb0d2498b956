"""The routes."""

from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import polars as pl
from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import PlainTextResponse, Response
from starlette.exceptions import HTTPException

from segmentry.describe.profiles import SegmentProfile
from segmentry.runtime.version import __version__
from segmentry.schema import UNASSIGNED, Estimate
from segmentry.serve._answers import scored
from segmentry.serve._bodies import MAX_ID, MAX_TEXT, BodyReader
from segmentry.serve._live import LiveRun, Model, key_of
from segmentry.serve._metrics import Metrics
from segmentry.serve._problems import PROBLEM_JSON, PROBLEM_SCHEMA, Fault, Problem
from segmentry.serve._schemas import body_schema

_SMALL = 32_768
"""Bytes of a body that is answered at once; larger ones go to a thread."""
_N_LARGE = 2
_MAX_DIFFERENCES = 5


@dataclass(frozen=True)
class SegmentFacts:
    """A segment; every figure is null where too few users are in it."""

    segment_id: int
    segment_key: str
    """Kept over runs; the id in runs without keys."""
    name: str
    is_withheld: bool
    n_users: int | None
    share: float | None
    expected_rate: Estimate
    """What to expect of the days to come, with its 90 % interval; null where it was not checked."""
    forecast_index: Estimate
    """The same against all users together x 100."""
    verdict: str
    """What later days show of it."""
    decision: str | None
    """What to do with its ads."""
    differences: list[str]
    """In what its users differ most from all others."""


@dataclass(frozen=True)
class SegmentList:
    """All segments of the model that is served."""

    model: str
    rate_of: str
    """What the expected rates are of: clicks, events or value."""
    segments: list[SegmentFacts]


@dataclass(frozen=True)
class UserFacts:
    """Where a user of the run was put when the run was made."""

    user_id: int | str
    segment_id: int
    segment_key: str | None
    segment_name: str | None
    margin: float | None


@dataclass(frozen=True)
class Health:
    """Whether the service answers, and from what."""

    status: str
    """ok; stale where the run folder was replaced by one that cannot be read."""
    model: str


@dataclass(frozen=True)
class ScoredUser:
    """Where a user belongs: segment 0, without name, where to none."""

    user_id: int | str
    segment_id: int
    segment_key: str | None
    segment_name: str | None
    margin: float | None
    """1 on the centre of the segment, 0 halfway to another."""


@dataclass(frozen=True)
class Scored:
    """Users in the order of the request; of events, in the order in which they are first named."""

    model: str
    unseen_levels: dict[str, int]
    """Users with a level that was not there when the segments were formed, by feature."""
    left_out: dict[str, int]
    """Rows of events, profiles and ads that do not count, by reason."""
    users: list[ScoredUser]


_PROBLEMS = {
    400: "The body is not JSON.",
    401: "No token, or a wrong one.",
    404: "Not there.",
    408: "The body came too slowly.",
    413: "The body is too long.",
    415: "The body is not JSON by its type.",
    421: "The request is meant for another host.",
    422: "A field is wrong, missing or unknown.",
    429: "Too many wrong tokens.",
    503: "Too much at one time.",
}


_Responses: TypeAlias = dict[int | str, dict[str, Any]]


def build_app(live: LiveRun, metrics: Metrics, *, has_users: bool) -> FastAPI:
    """Return the application; it asks `live` for the model of each request."""
    app = FastAPI(title="segmentry", version=__version__, docs_url=None, redoc_url=None)
    _add_score(app, live, metrics)
    _add_segments(app, live)
    if has_users:
        _add_users(app, live)
    _add_health(app, live, metrics)
    _explain_errors(app)
    app.openapi = lambda: _described(app, live.model)  # type: ignore[method-assign]  # as FastAPI says
    return app


def _refusals(*statuses: int) -> _Responses:
    """Return what is refused by these statuses, for OpenAPI."""
    content = {PROBLEM_JSON: {"schema": PROBLEM_SCHEMA}}
    return {each: {"description": _PROBLEMS[each], "content": content} for each in statuses}


def _add_score(app: FastAPI, live: LiveRun, metrics: Metrics) -> None:
    bodies, limiter = BodyReader(), CapacityLimiter(_N_LARGE)
    responses = _refusals(400, 401, 408, 413, 415, 421, 422, 429, 503)

    @app.post("/score", response_model=Scored, responses=responses)
    async def score(request: Request) -> Response:
        """Put users into segments, by their features in raw units or by their raw events."""
        body, model = await bodies.read(request), live.model
        if len(body) <= _SMALL:
            content, n_users = scored(body, model)
        else:
            content, n_users = await to_thread.run_sync(scored, body, model, limiter=limiter)
        metrics.n_users += n_users
        return Response(content, media_type="application/json")


def _add_segments(app: FastAPI, live: LiveRun) -> None:
    @app.get("/segments", responses=_refusals(401, 421, 429))
    async def segments() -> SegmentList:
        """List the segments."""
        model = live.model
        facts = [_facts_of(each) for each in model.summary.segments]
        return SegmentList(model.version, model.summary.outcome.kind, facts)

    @app.get("/segments/{key}", responses=_refusals(401, 404, 421, 422, 429))
    async def segment(key: Annotated[str, Path(max_length=MAX_TEXT)]) -> SegmentFacts:
        """Return a segment by its key or id."""
        found = live.model.segment(key)
        if found is None:
            raise Problem(404, f"no segment {key!r}; GET /segments lists them")
        return _facts_of(found)


def _add_users(app: FastAPI, live: LiveRun) -> None:
    @app.get("/users/{user_id}", responses=_refusals(401, 404, 421, 422, 429))
    async def user(user_id: Annotated[str, Path(max_length=MAX_TEXT)]) -> UserFacts:
        """Return where a user of the run was put."""
        return _user_of(live.model, user_id)


def _add_health(app: FastAPI, live: LiveRun, metrics: Metrics) -> None:
    @app.get("/health", responses=_refusals(421))
    async def health() -> Health:
        """Say whether the service answers; needs no token."""
        return Health("stale" if live.problem else "ok", live.model.version)

    @app.get("/metrics", response_class=PlainTextResponse, responses=_refusals(401, 421, 429))
    async def measured() -> PlainTextResponse:
        """Return counts of what was served, in the text format of Prometheus."""
        kind = "text/plain; version=0.0.4; charset=utf-8"
        return PlainTextResponse(metrics.render(live), media_type=kind)


def _facts_of(segment: SegmentProfile) -> SegmentFacts:
    is_withheld = segment.is_withheld
    return SegmentFacts(
        segment_id=segment.segment_id,
        segment_key=key_of(segment),
        name=segment.name,
        is_withheld=is_withheld,
        n_users=None if is_withheld else segment.n_users,
        share=None if is_withheld else segment.share,
        expected_rate=segment.expected_rate,
        forecast_index=segment.forecast_index,
        verdict=segment.verdict,
        decision=segment.decision,
        differences=[each.text for each in segment.differences[:_MAX_DIFFERENCES]],
    )


def _user_of(model: Model, user_id: str) -> UserFacts:
    assert model.users is not None, "the route is there only with users"  # noqa: S101 - our own
    wanted: str | int = user_id
    if not model.has_text_ids:
        if not user_id.removeprefix("-").isdecimal() or abs(int(user_id)) > MAX_ID:
            raise Problem(404, f"no user {user_id!r}; ids of the run are whole numbers")
        wanted = int(user_id)
    found = model.users.filter(pl.col("user_id") == wanted)
    if found.is_empty():
        raise Problem(404, f"no user {user_id!r} in the run")
    row = found.row(0, named=True)
    segment = None if row["segment_id"] == UNASSIGNED else model.segment(str(row["segment_id"]))
    return UserFacts(
        user_id=row["user_id"],
        segment_id=row["segment_id"],
        segment_key=None if segment is None else key_of(segment),
        segment_name=row["segment_name"],
        margin=row["margin"],
    )


def _explain_errors(app: FastAPI) -> None:
    """Answer whatever goes wrong with a problem document."""

    @app.exception_handler(Problem)
    async def _of_ours(_: Request, error: Problem) -> Response:
        return error.response()

    @app.exception_handler(HTTPException)
    async def _of_routing(_: Request, error: HTTPException) -> Response:
        return Problem(error.status_code, str(error.detail), headers=error.headers).response()

    @app.exception_handler(RequestValidationError)
    async def _of_parameters(_: Request, error: RequestValidationError) -> Response:
        faults = [
            Fault("/".join(map(str, each["loc"])), str(each["msg"])) for each in error.errors()
        ]
        return Problem(422, "a parameter is wrong", faults=faults).response()

    @app.exception_handler(Exception)
    async def _of_bugs(_: Request, error: Exception) -> Response:
        del error  # the server logs it
        return Problem(500, "a bug of segmentry; its log has the traceback").response()


def _described(app: FastAPI, model: Model) -> dict[str, Any]:
    """Return the OpenAPI document, with the fields of the model that is served."""
    found: dict[str, Any] = get_openapi(
        title=app.title, version=app.version, routes=app.routes, summary=model.summary.headline
    )
    content = {"application/json": {"schema": body_schema(model)}}
    found["paths"]["/score"]["post"]["requestBody"] = {"required": True, "content": content}
    return found
