"""Which errors are waited out, and which are ours: a wrong answer either loses a message or blocks a key for ever."""

from __future__ import annotations

import asyncpg
import httpx
import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError, NotLeaderForPartitionError
from asyncpg.exceptions import _base
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from temporalio.service import RPCError, RPCStatusCode

from services.chassis.outages import EngineAway, engine_away


def wrapped(cause: Exception) -> DBAPIError:
    """As SQLAlchemy hands an error of asyncpg's on."""
    inner = Exception()
    inner.__cause__ = cause
    return DBAPIError("statement", {}, inner)


@pytest.mark.parametrize(
    ("error", "engine"),
    [
        (wrapped(asyncpg.ConnectionDoesNotExistError("x")), "postgres"),
        (wrapped(asyncpg.CannotConnectNowError("x")), "postgres"),
        (wrapped(asyncpg.DeadlockDetectedError("x")), "postgres"),
        (wrapped(ConnectionRefusedError()), "postgres"),
        (PoolTimeout(), "postgres"),
        (asyncpg.AdminShutdownError("x"), "postgres"),
        (asyncpg.InterfaceError("connection is closed"), "postgres"),
        (RPCError("x", RPCStatusCode.UNAVAILABLE, b""), "temporal"),
        (RPCError("x", RPCStatusCode.RESOURCE_EXHAUSTED, b""), "temporal"),
        (RuntimeError("Failed client connect: x"), "temporal"),
        (KafkaConnectionError(), "kafka"),
        (NotLeaderForPartitionError(), "kafka"),
        (httpx.ConnectTimeout("x"), "peer"),
        (ConnectionResetError(), "engine"),
        (TimeoutError(), "engine"),
        (EngineAway("vault"), "vault"),
        (wrapped(asyncpg.UniqueViolationError("x")), None),
        (wrapped(asyncpg.UndefinedColumnError("x")), None),
        (wrapped(asyncpg.CharacterNotInRepertoireError("x")), None),
        (asyncpg.InsufficientPrivilegeError("x"), None),
        (_base.DataError("a parameter of the wrong kind"), None),
        (RPCError("x", RPCStatusCode.INVALID_ARGUMENT, b""), None),
        (RPCError("x", RPCStatusCode.NOT_FOUND, b""), None),
        (MessageSizeTooLargeError(), None),
        (RuntimeError("x"), None),
        (FileNotFoundError(), None),
        (KeyError("x"), None),
    ],
)
def test_whose_fault_it_is(error: Exception, engine: str | None) -> None:
    assert engine_away(error) == engine
