"""The home of evidence: whole on the disk before anybody is told that it arrived, and nothing in the clear on it."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from services.chassis.crypto import CaseCipher, SealBroken, field_aad
from services.complaints.domain import Refusal
from services.complaints.evidence import EvidenceStore, PartBusy
from services.complaints.frames import FRAME_BYTES
from services.complaints.sealing import ComplaintCipher
from services.complaints.staging import Staged

COMPLAINT, EVIDENCE = uuid4(), uuid4()
CIPHER = ComplaintCipher(os.urandom(32), COMPLAINT)
SEAL = CIPHER.frames(EVIDENCE, "original")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def content(store: EvidenceStore, name: str) -> bytes:
    return b"".join(store.chunks(COMPLAINT, name, CIPHER, EVIDENCE, "original"))


async def test_a_file_reaches_the_disk_before_its_name_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EvidenceStore(tmp_path / "evidence")
    order: list[str] = []
    fsync, rename = os.fsync, Path.rename
    monkeypatch.setattr(os, "fsync", lambda descriptor: (order.append("fsync"), fsync(descriptor)))
    monkeypatch.setattr(Path, "rename", lambda path, target: (order.append("rename"), rename(path, target)))
    await store.settle(await store.draft(COMPLAINT, SEAL, [b"plain"]), "name")
    assert order[:2] == ["fsync", "rename"]
    assert order[2:].count("fsync") == 3, "the folders that hold the new name"
    assert content(store, "name") == b"plain"
    (file,) = files(tmp_path)
    assert file.stat().st_mode & 0o077 == 0
    assert b"plain" not in file.read_bytes()


async def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EvidenceStore(tmp_path)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        await store.draft(COMPLAINT, SEAL, [b"plain"])
    assert files(tmp_path) == []


async def test_a_file_from_before_frames_still_opens(tmp_path: Path) -> None:
    store, old = EvidenceStore(tmp_path), uuid4()
    home = tmp_path / COMPLAINT.hex[-2:] / str(COMPLAINT)
    home.mkdir(parents=True)
    key = os.urandom(32)
    blob = CaseCipher(key).seal_bytes(b"old", field_aad(COMPLAINT, f"evidence/{old}"))
    (home / "old").write_bytes(blob)
    cipher = ComplaintCipher(key, COMPLAINT)
    assert b"".join(store.chunks(COMPLAINT, "old", cipher, old, "original")) == b"old"
    with pytest.raises(SealBroken):
        list(store.chunks(COMPLAINT, "old", cipher, uuid4(), "original"))


async def test_what_a_killed_process_left_half_written_is_swept_in_time(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    left = await store.draft(COMPLAINT, SEAL, [b"left"])
    await store.settle(await store.draft(COMPLAINT, SEAL, [b"kept"]), "name")
    assert await store.sweep(older_than=3600) == 0, "somebody may be writing it"
    os.utime(left, (0, 0))
    assert await store.sweep(older_than=3600) == 1
    assert [path.name for path in files(tmp_path)] == ["name"]


def test_one_request_writes_to_a_part_and_what_was_not_acknowledged_is_cut_off(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    part = store.part(COMPLAINT, "part", new=True)
    with pytest.raises(PartBusy):
        store.part(COMPLAINT, "part", new=False)
    part.file.write(b"safe")
    assert part.sync() == 4
    part.file.write(b"torn")
    part.close()
    again = store.part(COMPLAINT, "part", new=False)
    again.cut(4)
    again.file.write(b"!")
    again.sync()
    again.close()
    assert [path.read_bytes() for path in files(tmp_path)] == [b"safe!"]
    with pytest.raises(FileNotFoundError):
        store.part(COMPLAINT, "none", new=False)


@pytest.mark.parametrize("size", [10, FRAME_BYTES, FRAME_BYTES + 1, 3 * FRAME_BYTES + 7])
def test_a_forms_file_comes_back_and_never_lies_on_the_disk_in_the_clear(tmp_path: Path, size: int) -> None:
    written: list[int] = []

    def nameless() -> "object":
        file = EvidenceStore(tmp_path).nameless()
        written.append(os.dup(file.fileno()))
        return file

    staged = Staged(nameless, size)  # type: ignore[arg-type]
    text = (b"secret " * (size // 7 + 1))[:size]
    for at in range(0, size, 64 * 1024):
        staged.write(text[at : at + 64 * 1024])
    staged.finish()
    assert b"".join(staged.chunks()) == text
    assert (staged.size, staged.kind()) == (size, "text/plain")
    assert len(written) == (size > FRAME_BYTES), "what is small stays in memory"
    for descriptor in written:
        assert b"secret" not in os.pread(descriptor, 10 * FRAME_BYTES, 0)
        os.close(descriptor)
    staged.close()
    assert files(tmp_path) == [], "and the disk has no name for it"


def test_a_forms_file_is_refused_as_soon_as_it_is_too_large(tmp_path: Path) -> None:
    staged = Staged(EvidenceStore(tmp_path).nameless, 1000)
    staged.write(b"x" * 1000)
    with pytest.raises(Refusal) as refused:
        staged.write(b"x")
    assert (refused.value.status, refused.value.code) == (413, "FILE_TOO_LARGE")


def test_what_is_not_taken_is_not_kept(tmp_path: Path) -> None:
    staged = Staged(EvidenceStore(tmp_path).nameless, 10 * FRAME_BYTES)
    for _ in range(3):
        staged.write(b"M\x00" * (FRAME_BYTES // 2))
    assert not any(staged.chunks())
    with pytest.raises(Refusal) as refused:
        staged.kind()
    assert refused.value.code == "FILE_TYPE_NOT_TAKEN"


_HUNDRED_MB = """
import hashlib, os, resource, sys
from pathlib import Path
from uuid import UUID
from services.complaints.evidence import EvidenceStore
from services.complaints.sealing import ComplaintCipher
from services.complaints.staging import Staged
import asyncio

store, cipher = EvidenceStore(Path(sys.argv[1])), ComplaintCipher(bytes(32), UUID(int=1))
seal, block = cipher.frames(UUID(int=2), "original"), b"line of text, " * 4681
staged = Staged(store.nameless, 1 << 30)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in range(1700):
    staged.write(block)
staged.finish()
async def keep():
    await store.settle(await store.draft(UUID(int=1), seal, staged.chunks()), "name")
asyncio.run(keep())
size = sum(map(len, store.chunks(UUID(int=1), "name", cipher, UUID(int=2), "original")))
print(size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_hundred_megabytes_pass_through_a_few(tmp_path: Path) -> None:
    """Staged, sealed and opened again, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _HUNDRED_MB, str(tmp_path)], capture_output=True, text=True, check=True
    )
    size, grown = map(int, done.stdout.split())
    assert size > 100 * 1024 * 1024
    assert grown < 24 * 1024, "KB of memory"
