"""What logs and spans may carry: ids, classes and numbers, under names listed here. Anything else is dropped."""

import re
import traceback
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from types import TracebackType
from typing import Any
from uuid import UUID

from services.chassis.outages import EngineSetup

# A name gets onto this list when its values can only be an id, a class, a count or a duration.
_NAMES = """
    event level timestamp logger service trace_id span_id exc_type exc_at exc_cause
    method route status ms code engine engines attempt attempts wait_seconds delay_seconds seconds count rows batch size
    case_id case_ids complaint_id complaint_ids event_id message_id notice_id delivery_id dead_letter_id document_id
    command_id task_id account_id unit_id unit_ids from_unit_id to_unit_id clock_id grant_id job_id respondent_id
    workflow_id run_id workflow_type activity activity_type task_queue update handover_id link_id key_id
    topic partition offset key type source consumer state reason purpose audience issuer role roles restricted
    stage from_stage to_stage act track channel category region clock_kind clock rule deadline outcome template lang
    provider result sequence version calendar rate language kind port host pid process signal exit_code
    migration database leader lag_seconds started finished skipped sent failed parked requeued duplicate
    public_class hop hash digest step stream limit settings
"""
ALLOWED_KEYS: frozenset[str] = frozenset(_NAMES.split())

_SPAN_KEYS = ALLOWED_KEYS | {
    "http.request.method",
    "http.route",
    "http.response.status_code",
    "messaging.system",
    "messaging.destination.name",
    "messaging.operation.type",
    "service.name",
    "temporalWorkflowID",
    "temporalRunID",
    "temporalActivityID",
    "temporalUpdateID",
    "exception.type",
}
_LONGEST = 200
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,40}")


def scalar(value: object) -> Any:
    """A value as it may be shown: numbers as they are, ASCII texts cut, sequences of at most 20, else the class."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        # Ids and classes are ASCII. What people write here mostly is not: a second net below the names.
        return value[:_LONGEST] if value.isascii() else "<text>"
    if isinstance(value, list | tuple | set | frozenset):
        return [scalar(item) for item in list(value)[:20]]
    if isinstance(value, UUID | date | timedelta | Decimal):
        return str(value)
    if isinstance(value, Enum):
        return scalar(value.value)
    return f"<{type(value).__name__}>"


def span_attributes(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """The attributes of a span that may leave the process."""
    return {name: scalar(value) for name, value in (attributes or {}).items() if name in _SPAN_KEYS}


def frames(tb: TracebackType | None, *, last: int = 6) -> list[str]:
    """Where it happened: `file:line function`, innermost last. Code locations only, no values."""
    return [
        f"{_short(frame.filename)}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(tb, limit=-last)  # negative: the innermost ones
    ]


def describe_exception(error: BaseException) -> dict[str, Any]:
    """An exception without its text, which may hold what people wrote: type, place, the type of its cause, and the
    settings to look at when an engine refuses them."""
    described: dict[str, Any] = {"exc_type": _name(error), "exc_at": frames(error.__traceback__)}
    cause = error.__cause__ or error.__context__
    if cause is not None:
        described["exc_cause"] = _name(cause)
    if isinstance(error, EngineSetup):
        described["settings"] = list(error.settings)
    return described


def where(error: BaseException) -> str:
    """`Type at file:line`, for a reason that is stored."""
    places = frames(error.__traceback__, last=1)
    return f"{_name(error)} at {places[0]}" if places else _name(error)


def field_path(loc: Iterable[object], *, unknown_field: bool = False) -> str:
    """The place of a validation error as `a.b.0`. Names that the sender made up are shown as `?`."""
    parts = [
        str(part) if isinstance(part, int) or (isinstance(part, str) and _IDENTIFIER.fullmatch(part)) else "?"
        for part in loc
    ]
    if unknown_field and parts:
        parts[-1] = "?"
    return ".".join(parts)


def _name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _short(filename: str) -> str:
    for root in ("services", "workflows", "contracts", "deploy", "tests"):
        if f"/{root}/" in filename:
            return f"{root}/{filename.rpartition(f'/{root}/')[2]}"
    return filename.rpartition("/site-packages/")[2].rpartition("/lib/")[2]
