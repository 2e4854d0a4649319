"""The copy that officers get tells nothing of who made a file, where and when; and shows what the file shows."""

import contextlib
import os
import signal
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable
from io import BytesIO
from pathlib import Path

import av
import pikepdf
import pytest
from PIL import Image

from services.complaints.stripping.apart import strip_apart
from services.complaints.stripping.kinds import STRIPPED_KINDS, strip
from services.complaints.stripping.shapes import CannotStrip
from tests.unit.complaints import samples

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
MADE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "jpeg": ("image/jpeg", lambda: samples.picture("JPEG")),
    "png": ("image/png", lambda: samples.picture("PNG")),
    "gif": ("image/gif", lambda: samples.picture("GIF")),
    "webp": ("image/webp", lambda: samples.picture("WEBP")),
    "tiff": ("image/tiff", lambda: samples.picture("TIFF")),
    "heic": ("image/heic", lambda: samples.picture("HEIF")),
    "pdf": ("application/pdf", samples.pdf),
    "docx": ("application/zip", samples.docx),
    "xlsx": ("application/zip", samples.xlsx),
    "pptx": ("application/zip", samples.pptx),
    "odt": ("application/zip", samples.odt),
    "doc": ("application/x-ole-storage", samples.doc),
    "mp3": ("audio/mpeg", lambda: samples.recording("mp3", "mp3")),
    "wav": ("audio/wav", lambda: samples.recording("wav", "pcm_s16le")),
    "m4a": ("audio/mp4", lambda: samples.recording("ipod", "aac")),
    "mp4": ("video/mp4", samples.film),
}


def says_who(data: bytes) -> bool:
    """Whether the name is anywhere in the file: as it is, in UTF-16, in packed streams and parts, in any order."""
    who = samples.WHO
    if any(who.encode(code) in data for code in ("utf-8", "utf-16-le", "utf-16-be")):
        return True
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(BytesIO(data)) as opened:
            return who.encode() in opened.comment or any(says_who(opened.read(name)) for name in opened.namelist())
    if data[:5] == b"%PDF-":
        with pikepdf.open(BytesIO(data)) as pdf:
            return any(says_who(content_of(one)) for one in pdf.objects if isinstance(one, pikepdf.Stream))
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return _in_chunks(data)
    return False


def content_of(one: pikepdf.Stream) -> bytes:
    """Unpacked; but a JPEG as it is, for nothing can be read in its pixels."""
    filters = one.get("/Filter")
    if filters == pikepdf.Name.DCTDecode:
        return one.read_raw_bytes()
    if isinstance(filters, pikepdf.Array):
        return zlib.decompress(one.read_raw_bytes())
    return one.read_bytes()


def _in_chunks(data: bytes) -> bool:
    at = 8
    while at < len(data):
        size, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        if kind in (b"zTXt", b"iTXt", b"tEXt", b"eXIf"):
            content = data[at + 8 : at + 8 + size]
            packed = content.split(b"\0", 2)[-1]
            if samples.WHO.encode() in content or (kind == b"zTXt" and says_who(zlib.decompress(packed))):
                return True
        at += 12 + size
    return False


@pytest.mark.parametrize("name", MADE)
def test_nothing_of_who_made_it_is_left(name: str) -> None:
    kind, make = MADE[name]
    given = make()
    assert says_who(given), "the sample must tell what is to be taken out"
    assert not says_who(strip(kind, given).data)


@pytest.mark.parametrize("name", ["jpeg", "png", "gif", "webp", "tiff", "heic"])
def test_a_picture_still_shows_what_it_showed(name: str) -> None:
    kind, make = MADE[name]
    made = strip(kind, make())
    with Image.open(BytesIO(made.data)) as picture:
        assert picture.size == (40, 20)
        assert not {0x013B, 0x8825} & set(picture.getexif())
        left, right = picture.convert("RGB").getpixel((8, 10)), picture.convert("RGB").getpixel((32, 10))
    assert left[2] > 200 > left[0]  # type: ignore[index]
    assert right[0] > 200 > right[2]  # type: ignore[index]
    assert (made.kind, made.extension) == (
        ("image/jpeg", ".jpg") if name == "heic" else (kind, f".{name}".replace("jpeg", "jpg"))
    )


def test_a_recording_of_a_telephone_call_is_taken_as_it_is() -> None:
    given = samples.recording("amr", "libopencore_amrnb", 8_000)
    assert strip("audio/amr", given).data == given, "AMR has no room for tags"


def test_a_picture_taken_upright_stays_upright_without_its_note_of_it() -> None:
    made = strip("image/jpeg", samples.picture("JPEG", turned=True))
    with Image.open(BytesIO(made.data)) as picture:
        assert picture.size == (20, 40)


def test_a_moving_picture_still_moves() -> None:
    with Image.open(BytesIO(strip("image/gif", samples.picture("GIF")).data)) as picture:
        assert getattr(picture, "n_frames", 1) == 2
        assert picture.info["duration"] == 100


def test_a_pdf_keeps_its_page_its_picture_and_its_note_and_runs_nothing() -> None:
    with pikepdf.open(BytesIO(strip("application/pdf", samples.pdf()).data)) as pdf:
        page = pdf.pages[0]
        assert str(page.obj.Annots[0].Contents) == "see here"
        image = pikepdf.PdfImage(page.obj.Resources.XObject.Im).as_pil_image()
        assert image.size == (40, 20)
        assert "/OpenAction" not in pdf.Root
        assert len(pdf.attachments) == 0
        written = b"".join(one.unparse() for one in pdf.objects if not isinstance(one, pikepdf.Stream))
        assert b"alert" not in written


@pytest.mark.parametrize("name", ["docx", "odt"])
def test_a_document_keeps_its_text_and_is_named_by_what_it_is(name: str) -> None:
    kind, make = MADE[name]
    made = strip(kind, make())
    assert made.extension == f".{name}"
    assert made.kind in STRIPPED_KINDS
    with zipfile.ZipFile(BytesIO(made.data)) as opened:
        text = opened.read("word/document.xml" if name == "docx" else "content.xml").decode()
        assert "收了红包" in text
        assert {entry.date_time for entry in opened.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_workbook_s_tables_keep_their_names() -> None:
    with zipfile.ZipFile(BytesIO(strip("application/zip", samples.xlsx()).data)) as opened:
        assert b'displayName="Table1"' in opened.read("xl/tables/table1.xml")
        assert "账目" in opened.read("xl/workbook.xml").decode()


def test_an_old_document_keeps_its_text() -> None:
    made = strip("application/x-ole-storage", samples.doc())
    assert made.extension == ".doc"
    assert "收了红包".encode("utf-16-le") in made.data


@pytest.mark.parametrize("name", ["mp3", "wav", "m4a", "mp4"])
def test_sound_and_film_last_as_long_as_before_and_have_no_tags(name: str) -> None:
    kind, make = MADE[name]
    given = make()

    def frames(data: bytes) -> list[int]:
        with av.open(BytesIO(data)) as opened:
            assert isinstance(opened, av.container.InputContainer)
            return [frame.pts or 0 for frame in opened.decode(opened.streams[0])]

    made = strip(kind, given)
    assert len(frames(made.data)) == len(frames(given))
    with av.open(BytesIO(made.data)) as opened:
        tags = {**opened.metadata, **opened.streams[0].metadata}
        assert not set(tags) - {
            "major_brand",
            "minor_version",
            "compatible_brands",
            "language",
            "handler_name",
            "vendor_id",
        }


REFUSED = {
    "an archive": ("application/zip", lambda: samples.packed({"a.txt": "x"}), "unknown kind"),
    "macros": (
        "application/zip",
        lambda: samples.packed({"[Content_Types].xml": "x", "word/vbaProject.bin": "x"}),
        "macros",
    ),
    "entities that grow": (
        "application/zip",
        lambda: samples.packed(
            {"[Content_Types].xml": '<!DOCTYPE x [<!ENTITY a "b">]><x>wordprocessingml.document.main+xml &a;</x>'}
        ),
        "broken",
    ),
    "half a picture": ("image/jpeg", lambda: samples.picture("JPEG")[:60], "broken"),
    "no pdf": ("application/pdf", lambda: b"%PDF-1.7 nothing more", "broken"),
    "no sound": ("audio/mpeg", lambda: b"ID3" + bytes(40), "broken"),
    "no document": ("application/x-ole-storage", lambda: samples.doc()[:600], "broken"),
    "another kind": ("application/x-msdownload", lambda: b"MZ", "unknown kind"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_looked_into_is_said_to_be_so(name: str) -> None:
    kind, make, reason = REFUSED[name]
    with pytest.raises(CannotStrip) as refused:
        strip(kind, make())
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("limit", "kind", "make"),
    [
        ("office.MAX_UNPACKED", "application/zip", samples.docx),
        ("office.MAX_ENTRIES", "application/zip", samples.docx),
        ("pictures.MAX_PIXELS", "image/png", lambda: samples.picture("PNG")),
        ("pictures.MAX_FRAMES", "image/gif", lambda: samples.picture("GIF")),
    ],
)
def test_what_unpacks_to_more_than_we_take_is_refused(
    monkeypatch: pytest.MonkeyPatch, limit: str, kind: str, make: Callable[[], bytes]
) -> None:
    monkeypatch.setattr(f"services.complaints.stripping.{limit}", 1)
    with pytest.raises(CannotStrip) as refused:
        strip(kind, make())
    assert refused.value.reason == "too large"


def test_a_locked_pdf_is_said_to_be_locked() -> None:
    out = BytesIO()
    with pikepdf.open(BytesIO(samples.pdf())) as pdf:
        pdf.save(out, encryption=pikepdf.Encryption(owner="o", user="u"))
    with pytest.raises(CannotStrip) as refused:
        strip("application/pdf", out.getvalue())
    assert refused.value.reason == "locked"


async def apart(kind: str, *chunks: bytes) -> tuple[str, bytes]:
    """The kind and content of what comes out."""

    async def given() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    async with strip_apart(kind, given()) as made:
        return made.kind, b"".join([chunk async for chunk in made.content])


async def test_apart_the_same_comes_out() -> None:
    packed = samples.docx()
    kind, content = await apart("application/zip", packed[:1000], packed[1000:])
    assert (kind, says_who(content)) == (WORD, False)
    with pytest.raises(CannotStrip) as refused:
        await apart("application/pdf", b"%PDF-1.7 nothing more")
    assert refused.value.reason == "broken"


async def test_what_breaks_off_on_its_way_in_is_no_file() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half a sentence"
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        async with strip_apart("text/plain", broken()):
            pytest.fail("nothing comes out of it")


async def test_a_process_that_dies_before_its_end_gives_no_whole_copy() -> None:
    async def given() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b"x" * 1024 * 1024

    async def killed_half_way() -> None:
        async with strip_apart("text/plain", given()) as made:
            assert await anext(made.content)
            for child in children():
                os.kill(child, signal.SIGKILL)
            async for _ in made.content:
                pass

    with pytest.raises(CannotStrip) as refused:
        await killed_half_way()
    assert refused.value.reason == "too large"


def children() -> list[int]:
    """The processes of ours that strip."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            said = path.read_text().rpartition(")")[2].split()
            command = (path.parent / "cmdline").read_bytes()
            if int(said[1]) == os.getpid() and b"stripping.apart" in command:
                found.append(int(path.parent.name))
    return found


async def test_what_takes_too_much_ends_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.complaints.stripping.apart.WALL_SECONDS", 0.01)
    with pytest.raises(CannotStrip) as refused:
        await apart("application/zip", samples.docx())
    assert refused.value.reason == "too large"
