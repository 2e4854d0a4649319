"""The base of every contract: a frozen model that ignores what a newer writer added, and its canonical form."""

import json
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

Instant = AwareDatetime
"""An instant with an offset; a naive time is refused."""

CategoryCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$")]
"""A sub-class of the taxonomy, e.g. ``0801``."""

RegionCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
"""A GB/T 2260 division code, PPCCDD."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
CODE_PATTERN = r"^[A-Za-z0-9._:\-]{1,80}$"
Code = Annotated[str, StringConstraints(pattern=CODE_PATTERN)]
"""An identifier or class: never free text."""

PositiveInt = Annotated[int, Field(ge=1)]


class Contract(BaseModel):
    """Frozen; unknown fields are ignored, so that a reader of the older version understands the newer one."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_timedelta="iso8601")


def canonical_json(model: BaseModel) -> bytes:
    """The model as UTF-8 JSON with sorted keys and no white space: equal models give equal bytes."""
    return json.dumps(model.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def instant(value: str) -> datetime:
    """Parse an ISO 8601 instant; raises ValueError when it has no offset."""
    parsed = datetime.fromisoformat(value)
    if parsed.tzinfo is None:
        raise ValueError("an instant needs an offset, e.g. 2026-09-25T10:00:00+08:00")
    return parsed
