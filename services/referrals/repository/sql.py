"""Three ways to run a statement on a session: many rows, one row, no row."""

import json
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

Row = RowMapping


async def rows(session: AsyncSession, statement: str, *args: object) -> Sequence[Row]:
    """Every row, by column name. Parameters are $1, $2, …"""
    connection = await session.connection()
    return (await connection.exec_driver_sql(statement, args)).mappings().all()


async def one(session: AsyncSession, statement: str, *args: object) -> Row | None:
    """The first row, or None."""
    connection = await session.connection()
    return (await connection.exec_driver_sql(statement, args)).mappings().first()


async def execute(session: AsyncSession, statement: str, *args: object) -> int:
    """Run a statement; the number of rows it touched."""
    connection = await session.connection()
    return int((await connection.exec_driver_sql(statement, args)).rowcount)


def as_json(model: BaseModel) -> str:
    """A contract as a jsonb parameter."""
    return model.model_dump_json()


def loaded(value: Any) -> Any:
    """What a jsonb column holds."""
    return json.loads(value) if isinstance(value, str | bytes) else value
