"""Tell an engine that is away (wait, try again) from an error of ours (retrying can't help)."""

import asyncio

import asyncpg
import httpx
from aiokafka.errors import KafkaConnectionError, KafkaError
from sqlalchemy import exc as sa
from temporalio.service import RPCError, RPCStatusCode

_AWAY = {
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.ABORTED,
    RPCStatusCode.INTERNAL,
    RPCStatusCode.UNKNOWN,
}
_POSTGRES = (
    asyncpg.PostgresConnectionError,  # class 08
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.DatabaseDroppedError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InsufficientResourcesError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.InterfaceError,  # "connection is closed"
    asyncpg.InternalClientError,  # the connection broke in the middle of an answer
)


class EngineAway(Exception):
    """Raised by our own adapters when an engine can't be reached; `engine` names it."""

    def __init__(self, engine: str) -> None:
        super().__init__(f"{engine} can't be reached")
        self.engine = engine


class EngineSetup(EngineAway):
    """An engine that is there and won't have us as our settings say; `settings` names the variables to look at.

    It is waited out like an outage: who repairs it may do so at the engine.
    """

    def __init__(self, engine: str, trouble: str, *settings: str) -> None:
        super().__init__(engine)
        self.args = (f"{engine} {trouble}: look at {', '.join(settings)}",)
        self.settings = settings


def engine_away(error: BaseException) -> str | None:
    """The engine (`postgres`, `kafka`, `temporal`, or a peer service) whose absence explains the error; else None."""
    if isinstance(error, EngineAway):
        return error.engine
    if isinstance(error, sa.TimeoutError):  # no free connection in the pool
        return "postgres"
    if isinstance(error, sa.DBAPIError):
        if error.connection_invalidated:
            return "postgres"
        cause = error.orig.__cause__ if error.orig is not None else None
        return "postgres" if isinstance(cause, (*_POSTGRES, OSError)) else None
    if isinstance(error, _POSTGRES) and not isinstance(error, ValueError):  # asyncpg's word for a bad parameter
        return "postgres"
    if isinstance(error, RPCError):
        return "temporal" if error.status in _AWAY else None
    if isinstance(error, RuntimeError) and str(error).startswith("Failed client connect"):
        return "temporal"  # a lazy client's first call
    if isinstance(error, httpx.TransportError):
        return "peer"
    if isinstance(error, KafkaError):
        return "kafka" if error.retriable or isinstance(error, KafkaConnectionError) else None
    if isinstance(error, ConnectionError | asyncio.TimeoutError):
        return "engine"
    return None
