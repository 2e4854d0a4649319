"""Officers' texts: sealed under the case's key before anything else hears of them, opened for those who may read."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.cases import DocumentRef
from contracts.lifecycle import Field
from services.chassis.crypto import CaseCipher, Keyring, field_aad, new_case_key, unwrap
from services.chassis.db import SYSTEM, Database
from services.referrals.repository import commands


def reference(command_id: UUID, field: str, text: str) -> DocumentRef:
    """The id and hash of a text: the same for the same command, so that a repeated request makes no second document."""
    return DocumentRef(document_id=uuid5(command_id, field), sha256=hashlib.sha256(text.encode()).hexdigest())


@dataclass(frozen=True)
class Author:
    """Who wrote a text."""

    account_id: str
    unit_id: str


class Texts:
    """The sealed documents of all cases."""

    def __init__(self, db: Database, keyring: Keyring) -> None:
        self._db = db
        self._keyring = keyring

    async def seal(
        self, session: AsyncSession, case_id: UUID, command_id: UUID, written: Mapping[str, str], author: Author
    ) -> None:
        """Keep the texts of a command, by field, in the caller's transaction."""
        if not written:
            return
        cipher = await self._cipher(session, case_id, create=True)
        for field, text in written.items():
            ref = reference(command_id, field, text)
            await commands.add_document(
                session,
                document_id=ref.document_id,
                case_id=case_id,
                command_id=command_id,
                field=field,
                sha256=ref.sha256,
                sealed=cipher.seal(text, field_aad(case_id, str(ref.document_id))),
                account_id=author.account_id,
                unit_id=author.unit_id,
            )

    async def copy_extract(self, session: AsyncSession, origin: UUID, case_id: UUID, extract: DocumentRef) -> None:
        """Seal the extract of a split anew under the key of the case that it made (拆单). Twice does no harm."""
        source = await commands.document_by_hash(session, origin, Field.EXTRACT.value, extract.sha256)
        if source is None:
            raise LookupError("the case was split without an extract")
        opened = (await self._cipher(session, origin)).open(
            bytes(source["sealed"]), field_aad(origin, str(source["document_id"]))
        )
        cipher = await self._cipher(session, case_id, create=True)
        await commands.add_document(
            session,
            document_id=extract.document_id,
            case_id=case_id,
            command_id=extract.document_id,
            field=Field.EXTRACT.value,
            sha256=extract.sha256,
            sealed=cipher.seal(opened, field_aad(case_id, str(extract.document_id))),
            account_id=source["account_id"],
            unit_id=source["unit_id"],
        )

    async def read_all(self, case_id: UUID) -> dict[UUID, str]:
        """All texts of a case by document id. The caller has checked who asks."""
        async with self._db.read(SYSTEM) as session:
            found = await commands.documents(session, case_id)
            if not found:
                return {}
            cipher = await self._cipher(session, case_id)
        return {
            row["document_id"]: cipher.open(bytes(row["sealed"]), field_aad(case_id, str(row["document_id"])))
            for row in found
        }

    async def published(self, document_id: UUID) -> tuple[DocumentRef, str] | None:
        """A text that the reporter was told, with its reference; None for any other."""
        async with self._db.read(SYSTEM) as session:
            row = await commands.published_document(session, document_id)
            if row is None:
                return None
            cipher = await self._cipher(session, row["case_id"])
        text = cipher.open(bytes(row["sealed"]), field_aad(row["case_id"], str(document_id)))
        return DocumentRef(document_id=document_id, sha256=row["sha256"]), text

    async def _cipher(self, session: AsyncSession, case_id: UUID, *, create: bool = False) -> CaseCipher:
        wrapped = await commands.case_key(session, case_id)
        if wrapped is None and create:
            wrapped = await commands.add_case_key(session, case_id, new_case_key(self._keyring, case_id))
        if wrapped is None:
            raise LookupError("the case has texts but no key")
        return CaseCipher(unwrap(self._keyring, wrapped, case_id))
