"""PostgreSQL for a service: one transaction per session, with the principal that row-level security looks at."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal
from uuid import UUID

import asyncpg
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from services.chassis.outages import EngineAway, EngineSetup
from services.chassis.tls import Trouble, trouble

Role = Literal["system", "officer", "public", "auditor"]

_SAFE = re.compile(r"[A-Za-z0-9_.:\-]{0,80}")


@dataclass(frozen=True)
class Principal:
    """On whose behalf a transaction runs. Row-level security policies read it through `huiyin_role()`,
    `huiyin_account()`, `huiyin_units()` and `huiyin_restricted()` (schema.py).

    `unit_ids` are all the units whose rows the principal may see. Raises ValueError for an id that is none.
    """

    role: Role
    account_id: str | None = None
    unit_ids: tuple[str, ...] = ()
    restricted: bool = False
    barred: tuple[UUID, ...] = ()
    """Cases that the account must not know of, where the service has no list of its own of them."""

    def __post_init__(self) -> None:
        # The values go into the text of BEGIN (the simple protocol takes no parameters): nothing else gets through.
        for value in (self.role, self.account_id or "", *self.unit_ids):
            if not _SAFE.fullmatch(value):
                raise ValueError("a principal's role, account and units are identifiers")

    @cached_property
    def prelude(self) -> str:
        """The statement that tells PostgreSQL, for this transaction only."""
        return (
            f"SELECT set_config('huiyin.role','{self.role}',true),"
            f"set_config('huiyin.account','{self.account_id or ''}',true),"
            f"set_config('huiyin.units','{','.join(self.unit_ids)}',true),"
            f"set_config('huiyin.restricted','{'on' if self.restricted else 'off'}',true)"
        ) + (f",set_config('huiyin.barred','{','.join(map(str, self.barred))}',true)" if self.barred else "")


SYSTEM: Final = Principal("system")
_ADAPTED = "adapted"
_AFTER = "after commit"
_LOOK_AT = {
    Trouble.UNTRUSTED: "sslrootcert",
    Trouble.OTHER_NAME: "the host",
    Trouble.WANTS_OURS: "sslcert and sslkey",
    Trouble.NO_TLS: "sslmode",
    Trouble.BROKEN_OFF: "sslmode",
}


class _Connection(asyncpg.Connection):
    """Sends the principal together with BEGIN: one round trip. Used once, so that a transaction that nobody
    gave a principal sees nothing."""

    begin: str | None = None

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
        if self.begin is not None and query.startswith("BEGIN"):
            query, self.begin = self.begin, None
        return str(await super().execute(query, *args, timeout=timeout))


async def rows(session: AsyncSession, statement: str, *args: object) -> "list[asyncpg.Record]":
    """Every row of a statement with parameters $1, $2, …, in the session's transaction.

    Straight from the driver: SQLAlchemy's layers cost more than most of our statements. Raises asyncpg's errors.
    """
    return await (await _begun(session)).fetch(statement, *args)


async def one(session: AsyncSession, statement: str, *args: object) -> "asyncpg.Record | None":
    """The first row, or None; otherwise as `rows`."""
    return await (await _begun(session)).fetchrow(statement, *args)


async def execute(session: AsyncSession, statement: str, *args: object) -> int:
    """Run a statement; the number of rows it touched. Otherwise as `rows`."""
    status = await (await _begun(session)).execute(statement, *args)
    return int(status.rpartition(" ")[2]) if status[-1:].isdigit() else 0


def after_commit(session: AsyncSession, call: Callable[[], object]) -> None:
    """Let ``call`` be made once the transaction of `Database.session` is committed, and only then: for metrics."""
    session.info.setdefault(_AFTER, []).append(call)


def unbegun(session: AsyncSession) -> "asyncpg.Connection[asyncpg.Record]":
    """The session's driver as it is: while the session has run nothing, a statement on it commits by itself, in one
    round trip instead of three, and must set its own principal. Later it is part of the transaction."""
    driver: asyncpg.Connection[asyncpg.Record] = session.info[_ADAPTED].driver_connection
    return driver


async def _begun(session: AsyncSession) -> "asyncpg.Connection[asyncpg.Record]":
    adapted = session.info[_ADAPTED]
    if adapted._transaction is None:
        try:
            await adapted._start_transaction()
        except adapted.dbapi.Error as error:
            # The adapter's own translation, which SQLAlchemy would translate again: our callers know the driver's.
            raise error.__cause__ or error from None
    driver: asyncpg.Connection[asyncpg.Record] = adapted.driver_connection
    return driver


def asyncpg_dsn(dsn: str) -> str:
    """The DSN as asyncpg takes it, for raw connections (LISTEN, advisory locks)."""
    return re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", dsn)


async def connect(dsn: str, *, setting: str = "HUIYIN_*_DSN", **options: Any) -> "asyncpg.Connection[Any]":
    """A connection of the driver's own; `setting` is where the address comes from, `options` are asyncpg's.

    Raises EngineAway("postgres"), and EngineSetup when the server won't have us as the address says.
    """
    try:
        connection: asyncpg.Connection[Any] = await asyncpg.connect(asyncpg_dsn(dsn), timeout=5, **options)
        return connection
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise EngineSetup("postgres", "refuses the role, its password, or a connection like this", setting) from error
    except (FileNotFoundError, asyncpg.exceptions.ClientConfigurationError) as error:
        raise EngineSetup("postgres", "has an address that is malformed or names a missing file", setting) from error
    except (OSError, TimeoutError) as error:
        if "SSL upgrade" in str(error):  # asyncpg has no class for a server without TLS
            raise EngineSetup("postgres", Trouble.NO_TLS, f"sslmode in {setting}") from error
        if (found := trouble(error)) is not None:
            raise EngineSetup("postgres", found, f"{_LOOK_AT[found]} in {setting}") from error
        raise EngineAway("postgres") from error


class Database:
    """The connection pool of one service."""

    def __init__(
        self, dsn: str, *, pool_size: int = 8, max_overflow: int = 8, name: str = "huiyin", pool_timeout: float = 5.0
    ) -> None:
        self.dsn = asyncpg_dsn(dsn)
        self._name = name
        self.engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connect,
            pool_size=pool_size,
            max_overflow=max_overflow,
            pool_timeout=pool_timeout,
            hide_parameters=True,  # an error's text must not hold what people wrote
        )
        event.listen(self.engine.sync_engine, "checkout", _refuse_closed)

    async def _connect(self) -> "asyncpg.Connection[Any]":
        return await connect(
            self.dsn,
            connection_class=_Connection,
            command_timeout=30,
            server_settings={
                "application_name": self._name,
                "TimeZone": "UTC",
                "jit": "off",
                "lock_timeout": "10s",
                "idle_in_transaction_session_timeout": "60s",
            },
        )

    @asynccontextmanager
    async def session(self, principal: Principal = SYSTEM) -> AsyncIterator[AsyncSession]:
        """ONE transaction on the principal's behalf: commits at the end, rolls back on any error."""
        async with self._transaction(f"BEGIN;{principal.prelude}") as session:
            yield session
            await session.commit()
            for call in session.info.pop(_AFTER, ()):
                call()

    @asynccontextmanager
    async def read(self, principal: Principal = SYSTEM) -> AsyncIterator[AsyncSession]:
        """One read-only transaction: a write raises."""
        async with self._transaction(f"BEGIN READ ONLY;{principal.prelude}") as session:
            yield session

    @asynccontextmanager
    async def _transaction(self, begin: str) -> AsyncIterator[AsyncSession]:
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            connection = await session.connection()
            assert connection.sync_connection is not None
            driver = connection.sync_connection.connection.driver_connection
            assert isinstance(driver, _Connection)
            driver.begin = begin
            session.info[_ADAPTED] = connection.sync_connection.connection.dbapi_connection
            yield session

    async def ping(self) -> None:
        """Raises when the database does not answer."""
        async with self.engine.connect() as connection:
            await connection.exec_driver_sql("SELECT 1")

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def _refuse_closed(dbapi_connection: Any, _record: Any, _proxy: Any) -> None:
    # After a restart of PostgreSQL the pool is full of dead connections. asyncpg knows them without a round trip.
    if dbapi_connection.driver_connection.is_closed():
        raise DisconnectionError("closed by the server")
    dbapi_connection.driver_connection.begin = None
