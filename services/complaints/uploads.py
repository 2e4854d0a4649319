"""Uploads that can be resumed: what was acknowledged is on the disk, sealed, and what was not is sent again.

The row says how much is safe; whatever a killed process left in the file behind that is cut off. Only the transaction
that makes the file evidence says that all of it was received.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import ClientDisconnect

from services.chassis.db import Database, Principal
from services.chassis.outages import engine_away
from services.complaints import repository_evidence as repository
from services.complaints.domain import Refusal
from services.complaints.evidence import EvidenceStore, Part, PartBusy
from services.complaints.files import Files, Received
from services.complaints.frames import FrameWriter
from services.complaints.kinds import SAMPLE, media_type, plain_name, too_large
from services.complaints.reporters import Reporters, View, check_open
from services.complaints.repository_evidence import UploadRow
from services.complaints.schemas import Credentials
from services.complaints.sealing import Sealer
from services.complaints.service import new_id

CHECKPOINT = 8 * 1024 * 1024
"""Plain bytes between two moments in which what came is made safe and counted, within one request."""
_EXPIRED_AT_ONCE = 100
_TIDY_SECONDS = 600.0
_LEFT_SECONDS = 86_400.0
_log = structlog.get_logger("huiyin.uploads")
_PUBLIC = Principal("public")


@dataclass(frozen=True)
class Limits:
    """Of one file in bytes; how long an upload waits for its next part; how many a complaint may have open."""

    file_bytes: int
    keep: timedelta
    open: int


@dataclass(frozen=True)
class Standing:
    """How far an upload is, in plain bytes, and when it ends by itself."""

    upload_id: UUID
    offset: int
    length: int
    expires_at: datetime


@dataclass(frozen=True)
class Checksum:
    """What a sender says of a part: an algorithm of hashlib, and the digest."""

    algorithm: str
    digest: bytes


class Uploads:
    """The use cases of uploads. A part outlives many transactions, so these begin and commit their own."""

    def __init__(
        self, db: Database, sealer: Sealer, store: EvidenceStore, reporters: Reporters, files: Files, limits: Limits
    ) -> None:
        self._db = db
        self._sealer = sealer
        self._store = store
        self._reporters = reporters
        self._files = files
        self._limits = limits

    async def create(self, credentials: Credentials, length: int, name: str) -> Standing:
        """Begin an upload of ``length`` bytes. Raises Refusal: too large, empty, too many open, the case has ended."""
        if length > self._limits.file_bytes:
            raise too_large(self._limits.file_bytes)
        if length < 1:
            media_type(b"")
        upload_id = new_id()
        async with self._db.session(_PUBLIC) as session:
            view = await self._reporters.open(session, credentials)
            check_open(view)
            own = view.rows[0]
            if await repository.open_uploads(session, own.complaint_id) >= self._limits.open:
                raise Refusal(
                    409,
                    "TOO_MANY_UPLOADS",
                    "未完成的上传太多:请先完成或取消其中的一些。",
                    "Too many uploads are not finished: finish or cancel some of them first.",
                )
            cipher = self._sealer.cipher(own.case_key_wrapped, own.complaint_id)
            name_sealed = cipher.seal(plain_name(name), f"upload/{upload_id}/name")
            expires_at = await repository.add_upload(
                session, upload_id, own.complaint_id, length, name_sealed, self._limits.keep
            )
        return Standing(upload_id, 0, length, expires_at)

    async def standing(self, credentials: Credentials, upload_id: UUID) -> Standing:
        """How far an upload is. Raises Refusal: none of this complaint's, or over."""
        async with self._db.read(_PUBLIC) as session:
            _, row = await self._find(session, credentials, upload_id)
        return _standing(row)

    async def append(
        self,
        credentials: Credentials,
        upload_id: UUID,
        offset: int,
        content: AsyncIterator[bytes],
        checksum: Checksum | None = None,
    ) -> Standing:
        """Take a part that begins at ``offset``; what the answer counts is safe. The last one makes it evidence.

        A sender who breaks off leaves what had come. Raises Refusal: as `standing`, the offset is another one, more
        comes than was announced, the checksum differs (nothing of the part is kept), no kind that we take, or the case
        has ended; OSError, and ClientDisconnect.
        """
        async with self._db.read(_PUBLIC) as session:
            view, row = await self._find(session, credentials, upload_id)
        if row.done:
            raise _other_offset()
        try:
            part = await asyncio.to_thread(self._store.part, row.complaint_id, str(upload_id), new=row.stored == 0)
        except PartBusy:
            raise _busy() from None
        except FileNotFoundError:
            raise _gone() from None
        try:
            # Again, now that nobody else can move it on.
            async with self._db.read() as session:
                current = await repository.find_upload(session, upload_id)
            if current is None or current.expired:
                raise _gone()
            if current.done or current.received != offset:
                raise _other_offset()
            row = current
            await asyncio.to_thread(part.cut, row.stored)
            return await self._take(_Taking(credentials, view, row, part), content, checksum)
        finally:
            await asyncio.to_thread(part.close)

    async def terminate(self, credentials: Credentials, upload_id: UUID) -> None:
        """Give an upload up. Raises Refusal: as `standing`, or it is evidence already."""
        async with self._db.read(_PUBLIC) as session:
            _, row = await self._find(session, credentials, upload_id)
        if row.done:
            raise Refusal(
                403,
                "UPLOAD_IS_EVIDENCE",
                "文件已作为证据材料收下,不能撤回。",
                "The file was taken as evidence and can't be taken back.",
            )
        async with self._db.session() as session:
            await self._drop(session, row)

    async def expire(self) -> int:
        """Remove what nobody went on with in time; how many. Raises OSError."""
        async with self._db.session() as session:
            rows = await repository.expired_uploads(session, _EXPIRED_AT_ONCE)
        for row in rows:
            async with self._db.session() as session:
                try:
                    await self._drop(session, row)
                except Refusal:
                    continue  # somebody is writing to it this moment
        return len(rows)

    async def _drop(self, session: AsyncSession, row: UploadRow) -> None:
        if not row.done:
            try:
                part = await asyncio.to_thread(
                    self._store.part, row.complaint_id, str(row.upload_id), new=row.stored == 0
                )
            except PartBusy:
                raise _busy() from None
            except FileNotFoundError:
                part = None
            try:
                current = await repository.find_upload(session, row.upload_id)
                if current is None or current.done:
                    return
                await repository.drop_upload(session, row.upload_id)
                await self._store.drop(row.complaint_id, str(row.upload_id))
            finally:
                if part is not None:
                    await asyncio.to_thread(part.close)
        else:
            await repository.drop_upload(session, row.upload_id)

    async def _find(self, session: AsyncSession, credentials: Credentials, upload_id: UUID) -> tuple[View, UploadRow]:
        view = await self._reporters.open(session, credentials)
        row = await repository.find_upload(session, upload_id)
        if row is None:
            raise Refusal(
                404,
                "UPLOAD_NOT_FOUND",
                "没有这个上传:请重新上传文件。",
                "There is no such upload: send the file anew.",
            )
        if row.expired and not row.done:
            raise _gone()
        return view, row

    async def _take(self, taking: "_Taking", content: AsyncIterator[bytes], checksum: Checksum | None) -> Standing:
        row, part = taking.row, taking.part
        cipher = self._sealer.cipher(taking.view.rows[0].case_key_wrapped, row.complaint_id)
        writer = FrameWriter(part.file, cipher.frames(row.upload_id, "original"), row.frames)
        digest = hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None
        received, safe, head = row.received, row.received, b""
        standing = _standing(row)
        try:
            async for chunk in content:
                received += len(chunk)
                if received > row.length:
                    raise _too_much()
                if digest is not None:
                    digest.update(chunk)
                if row.received == 0 and len(head) < SAMPLE:
                    head += chunk[: SAMPLE - len(head)]
                    if len(head) == SAMPLE:
                        await self._check_kind(row, head)
                if writer.fits(len(chunk)):
                    writer.write(chunk)
                else:
                    await asyncio.to_thread(writer.write, chunk)
                if digest is None and received - safe >= CHECKPOINT and received < row.length:
                    standing = await self._save(taking, writer, received)
                    safe = received
        except ClientDisconnect:
            if digest is None and safe < received < row.length:
                await self._save(taking, writer, received)
            raise
        if digest is not None and checksum is not None and digest.digest() != checksum.digest:
            raise Refusal(
                460,
                "CHECKSUM_DIFFERS",
                "这一段在传输中有变化,没有保存:请重新发送。",
                "This part changed on its way and was not kept: send it again.",
            )
        if received == row.length:
            return await self._finish(taking, writer)
        return await self._save(taking, writer, received) if received > safe else standing

    async def _save(self, taking: "_Taking", writer: FrameWriter, received: int) -> Standing:
        def sync() -> int:
            writer.flush()
            return taking.part.sync()

        stored = await asyncio.to_thread(sync)
        row = taking.row
        async with self._db.session() as session:
            expires_at = await repository.advance_upload(
                session, row.upload_id, received, stored, writer.index, self._limits.keep, done=False
            )
        return Standing(row.upload_id, received, row.length, expires_at)

    async def _finish(self, taking: "_Taking", writer: FrameWriter) -> Standing:
        def sync() -> int:
            writer.finish()
            return taking.part.sync()

        stored = await asyncio.to_thread(sync)
        row = taking.row
        own = taking.view.rows[0]
        cipher = self._sealer.cipher(own.case_key_wrapped, own.complaint_id)
        # Read again from its beginning: what is acknowledged opens, and its hash is of what lies on the disk.
        chunks = self._store.chunks(own.complaint_id, str(row.upload_id), cipher, row.upload_id, "original")
        content, head = hashlib.sha256(), b""

        def next_chunk() -> bytes | None:
            chunk = next(chunks, None)
            if chunk is not None:
                content.update(chunk)
            return chunk

        while (chunk := await asyncio.to_thread(next_chunk)) is not None:
            head += chunk[: SAMPLE - len(head)] if len(head) < SAMPLE else b""
        kind = await self._check_kind(row, head)
        name = cipher.open(row.name_sealed, f"upload/{row.upload_id}/name")
        received = Received(row.upload_id, str(row.upload_id), name, kind, content.hexdigest(), row.length)
        async with self._db.session(_PUBLIC) as session:
            view = await self._reporters.open(session, taking.credentials)
            await self._files.record(session, view, received)
            expires_at = await repository.advance_upload(
                session, row.upload_id, row.length, stored, writer.index, self._limits.keep, done=True
            )
        return Standing(row.upload_id, row.length, row.length, expires_at)

    async def _check_kind(self, row: UploadRow, head: bytes) -> str:
        """The kind; one that is not taken ends the upload."""
        try:
            return media_type(head)
        except Refusal:
            async with self._db.session() as session:
                await repository.drop_upload(session, row.upload_id)
            await self._store.drop(row.complaint_id, str(row.upload_id))
            raise


async def tidy(uploads: Uploads, store: EvidenceStore) -> None:
    """For ever: remove uploads that nobody goes on with, and what killed processes left half written."""
    while True:
        try:
            await uploads.expire()
            if swept := await store.sweep(_LEFT_SECONDS):
                _log.info("evidence_drafts_swept", count=swept)
        except Exception as error:
            if engine_away(error) is None:
                raise
            _log.warning("engine_away", engine="postgres", exc_info=error)
        await asyncio.sleep(_TIDY_SECONDS)


@dataclass(frozen=True)
class _Taking:
    credentials: Credentials
    view: View
    row: UploadRow
    part: Part


def _standing(row: UploadRow) -> Standing:
    return Standing(row.upload_id, row.received, row.length, row.expires_at)


def _other_offset() -> Refusal:
    return Refusal(
        409,
        "OFFSET_DIFFERS",
        "Upload-Offset 与已收到的长度不同:请先用 HEAD 查询,再从那里继续。",
        "Upload-Offset is not what was received so far: ask with HEAD, and go on from there.",
    )


def _busy() -> Refusal:
    return Refusal(
        423,
        "UPLOAD_BUSY",
        "另一个请求正在写入这个上传:请稍后用 HEAD 查询再继续。",
        "Another request is writing to this upload: ask with HEAD in a moment, and go on.",
    )


def _gone() -> Refusal:
    return Refusal(410, "UPLOAD_EXPIRED", "上传已过期:请重新上传文件。", "The upload has expired: send the file anew.")


def _too_much() -> Refusal:
    return Refusal(
        413,
        "MORE_THAN_ANNOUNCED",
        "内容比 Upload-Length 所说的长:请核对后重新上传。",
        "More came than Upload-Length said: check it, and send the file anew.",
    )
