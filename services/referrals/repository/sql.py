"""Three ways to run a statement on a session: many rows, one row, no row."""

import json
from typing import Any

import asyncpg
from pydantic import BaseModel

from services.chassis.db import execute as execute
from services.chassis.db import one as one
from services.chassis.db import rows as rows

Row = asyncpg.Record


def as_json(model: BaseModel) -> str:
    """A contract as a jsonb parameter."""
    return model.model_dump_json()


def loaded(value: Any) -> Any:
    """What a jsonb column holds."""
    return json.loads(value) if isinstance(value, str | bytes) else value
