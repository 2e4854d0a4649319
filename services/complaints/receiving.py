"""A form's file on its way in: opened by number and code, sealed outside any transaction, then put on record."""

from services.complaints.files import Upload
from services.complaints.reporters import Added
from services.complaints.runtime import PUBLIC, Runtime
from services.complaints.schemas import Credentials


async def receive(rt: Runtime, credentials: Credentials, upload: Upload, key: str) -> Added:
    """Add a file to a complaint. Raises Refusal as ``Files.add``, and OSError."""
    async with rt.db.read(PUBLIC) as session:
        view = await rt.reporters.open(session, credentials)
    draft = await rt.files.seal(view, upload, key)
    try:
        async with rt.db.session(PUBLIC) as session:
            return await rt.files.add(session, credentials, upload, draft, key)
    finally:
        await rt.store.discard(draft)
        rt.examiner.soon()
