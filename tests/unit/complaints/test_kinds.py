"""Evidence: kinds by content against a list, and names that do no harm wherever they are saved."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.complaints.domain import Refusal
from services.complaints.kinds import EXTENSIONS, SAMPLE, media_type, plain_name, saved_name
from services.complaints.stripping.kinds import STRIPPED_KINDS
from tests.unit.complaints import samples

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\xff\xd8\xff\xe0 jpeg", "image/jpeg"),
        (b"%PDF-1.7", "application/pdf"),
        (b"\x00\x00\x00\x18ftypmp42", "video/mp4"),
        ("记账".encode(), "text/plain"),
        (("长文" * 5_000).encode(), "text/plain"),
        (samples.docx(), WORD),
        (samples.doc(), "application/x-ole-storage"),
    ],
)
def test_the_kind_follows_the_content(data: bytes, kind: str) -> None:
    assert media_type(data[:SAMPLE]) == kind


@pytest.mark.parametrize("make", [samples.docx, samples.xlsx, samples.pptx, samples.odt])
def test_every_office_document_is_taken(make: "type[bytes]") -> None:
    assert media_type(make()[:SAMPLE]) in STRIPPED_KINDS


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "EMPTY_FILE"),
        (b"\x7fELF\x02\x01", "FILE_TYPE_NOT_TAKEN"),
        (b"MZ\x90\x00", "FILE_TYPE_NOT_TAKEN"),
        (b"\x1f\x8b\x08\x00", "FILE_TYPE_NOT_TAKEN"),
        (b"7z\xbc\xaf\x27\x1c", "FILE_TYPE_NOT_TAKEN"),
        (b"text, cut \xe4\xb8", "FILE_TYPE_NOT_TAKEN"),
        (samples.packed({"photos/1.jpg": b"x"}), "ARCHIVE_NOT_TAKEN"),
        (samples.packed({"a.exe": b"MZ"}), "ARCHIVE_NOT_TAKEN"),
    ],
)
def test_other_files_are_refused(data: bytes, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        media_type(data)
    assert refused.value.code == code


def test_whatever_is_taken_can_be_stripped_and_has_an_extension() -> None:
    assert set(EXTENSIONS) <= STRIPPED_KINDS


@pytest.mark.parametrize(
    ("given_name", "extension", "saved"),
    [
        ("收据 (1).pdf", ".pdf", "收据 (1).pdf"),
        ("photo.JPEG", ".jpg", "photo.JPEG"),
        ("photo.heic", ".jpg", "photo.jpg"),
        ("../../etc/passwd", ".txt", "passwd.txt"),
        ("C:\\Windows\\run.exe", ".pdf", "run.pdf"),
        ("receipt.pdf.exe", ".pdf", "receipt.pdf.pdf"),
        ("evil\u202egpj.exe", ".jpg", "evilgpj.jpg"),
        ("a\x00b\r\nc.txt", ".txt", "abc.txt"),
        ("", ".txt", "file.txt"),
        (".htaccess", ".txt", "htaccess.txt"),
        ("...", ".txt", "file.txt"),
        ('a<b>:"|?*.txt', ".txt", "a_b______.txt"),
    ],
)
def test_a_file_is_saved_under_its_name_with_the_extension_of_its_content(
    given_name: str, extension: str, saved: str
) -> None:
    assert saved_name(given_name, extension) == saved


@given(st.text(max_size=400), st.sampled_from(sorted(set(EXTENSIONS.values()))))
def test_no_name_does_harm(name: str, extension: str) -> None:
    saved = saved_name(name, extension)
    assert 0 < len(saved) <= 140
    assert not set(saved) & set('/\\<>:"|?*')
    assert not saved.startswith(".")
    assert all(char.isprintable() and unicodedata.category(char) not in ("Cf", "Cs", "Cc") for char in saved)
    assert saved == saved_name(saved, extension), "a name that was saved stays as it is"
    assert plain_name(saved) == saved
