"""Evidence files: kinds by content, and whole on the disk before anybody is told that they arrived."""

import os
from pathlib import Path
from uuid import uuid4

import pytest

from services.complaints.domain import Refusal
from services.complaints.evidence import MAX_BYTES, EvidenceStore, media_type


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\xff\xd8\xff\xe0 jpeg", "image/jpeg"),
        (b"%PDF-1.7", "application/pdf"),
        (b"\x00\x00\x00\x18ftypmp42", "video/mp4"),
        ("记账".encode(), "text/plain"),
        (("长文" * 5_000).encode(), "text/plain"),
    ],
)
def test_the_kind_follows_the_content(data: bytes, kind: str) -> None:
    assert media_type(data) == kind


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "EMPTY_FILE"),
        (b"\x7fELF\x02\x01", "FILE_TYPE_NOT_TAKEN"),
        (b"MZ\x90\x00", "FILE_TYPE_NOT_TAKEN"),
        (b"\xff\xd8\xff" + bytes(MAX_BYTES), "FILE_TOO_LARGE"),
    ],
)
def test_other_files_are_refused(data: bytes, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        media_type(data)
    assert refused.value.code == code


async def test_a_file_reaches_the_disk_before_its_name_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, complaint = EvidenceStore(tmp_path / "evidence"), uuid4()
    order: list[str] = []
    fsync, rename = os.fsync, Path.rename
    monkeypatch.setattr(os, "fsync", lambda descriptor: (order.append("fsync"), fsync(descriptor)))
    monkeypatch.setattr(Path, "rename", lambda path, target: (order.append("rename"), rename(path, target)))
    await store.put(complaint, "name", b"sealed")
    assert order[:2] == ["fsync", "rename"]
    assert order[2:].count("fsync") == 3, "the folders that hold the new name"
    assert await store.get(complaint, "name") == b"sealed"
    (file,) = files(tmp_path)
    assert file.stat().st_mode & 0o077 == 0


async def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EvidenceStore(tmp_path)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        await store.put(uuid4(), "name", b"sealed")
    assert files(tmp_path) == []
