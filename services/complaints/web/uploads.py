"""Files in a page's form: looked at before anything is stored, then added one by one."""

import hashlib

from starlette.datastructures import FormData, UploadFile

from services.complaints.domain import Refusal
from services.complaints.evidence import MAX_BYTES, media_type
from services.complaints.http_inputs import file_name
from services.complaints.reporters import Upload
from services.complaints.runtime import PUBLIC, Runtime
from services.complaints.schemas import Credentials

MAX_FILES = 5


async def read_files(form: FormData) -> list[Upload]:
    """The files chosen in the field ``files``. Raises Refusal for a kind or size that is not taken."""
    chosen = [item for item in form.getlist("files") if isinstance(item, UploadFile) and item.filename]
    uploads = [Upload(file_name(item.filename), await item.read()) for item in chosen]
    for upload in uploads:
        try:
            media_type(upload.data)
        except Refusal as refusal:
            raise Refusal(refusal.status, refusal.code, refusal.zh, refusal.en, "files") from None
    if sum(len(upload.data) for upload in uploads) > MAX_BYTES:
        raise Refusal(
            413,
            "FILES_TOO_LARGE",
            "文件合计超过 20 MB：请先提交一部分，其余的在提交后补充。",
            "The files are larger than 20 MB together: send some of them now and the others afterwards.",
            "files",
        )
    return uploads


async def add_files(rt: Runtime, credentials: Credentials, uploads: list[Upload], key: str) -> None:
    """Add files to a complaint, each once however often the same form comes. Raises Refusal as ``add_file``."""
    for upload in uploads:
        own = hashlib.sha256(f"{upload.name}\x1f{upload.sha256}".encode()).hexdigest()[:32]
        async with rt.db.session(PUBLIC) as session:
            await rt.reporters.add_file(session, credentials, upload, f"{key}-{own}")
