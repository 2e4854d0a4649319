"""Files in a page's form: looked at before anything is stored, then added one by one."""

import hashlib

from starlette.datastructures import FormData
from starlette.formparsers import MultiPartParser

from services.complaints.domain import Refusal
from services.complaints.files import Upload
from services.complaints.kinds import plain_name
from services.complaints.receiving import receive
from services.complaints.runtime import Runtime
from services.complaints.schemas import Credentials
from services.complaints.staging import StagedFile, staging

MAX_FILES = 5


def parser(rt: Runtime) -> type[MultiPartParser]:
    """For a form with files."""
    return staging(rt.store.nameless, rt.settings.evidence_max_bytes)


def read_files(form: FormData) -> list[Upload]:
    """The files chosen in the field ``files``. Raises Refusal for a kind that is not taken."""
    chosen = [item for item in form.getlist("files") if isinstance(item, StagedFile) and item.filename]
    try:
        return [Upload(plain_name(item.filename), item.staged.kind(), item.staged) for item in chosen]
    except Refusal as refusal:
        raise Refusal(refusal.status, refusal.code, refusal.zh, refusal.en, "files") from None


async def add_files(rt: Runtime, credentials: Credentials, uploads: list[Upload], key: str) -> None:
    """Add files to a complaint, each once however often the same form comes. Raises Refusal as ``receive``."""
    for upload in uploads:
        own = hashlib.sha256(f"{upload.name}\x1f{upload.staged.sha256}".encode()).hexdigest()[:32]
        await receive(rt, credentials, upload, f"{key}-{own}")
