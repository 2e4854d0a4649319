"""Files of every kind that is stripped, each telling in every place that it has for it of one who must stay unknown."""

import struct
import zipfile
import zlib
from fractions import Fraction
from io import BytesIO
from typing import Any

import av
import pikepdf
import pillow_heif
from pikepdf import Array, Dictionary, Name, String
from PIL import Image, PngImagePlugin

WHO = "Canary Zhang San"
_WHO = WHO.encode()


def picture(name: str, *, turned: bool = False) -> bytes:
    """A red and blue picture, 40 by 20, with an author, a place and a comment."""
    image = Image.new("RGB", (40, 20), "red")
    image.paste("blue", (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x013B] = WHO  # Artist
    exif[0x0112] = 6 if turned else 1
    exif.get_ifd(0x8825)[2] = (36.0, 39.0, 1.0)
    how: dict[str, Any] = {"exif": exif}
    if name == "PNG":
        notes = PngImagePlugin.PngInfo()
        notes.add_text("Author", WHO)
        notes.add_itxt("XML:com.adobe.xmp", f"<x>{WHO}</x>")
        how["pnginfo"] = notes
    if name in ("JPEG", "GIF"):
        how["comment"] = _WHO
    if name in ("JPEG", "WEBP"):
        how["xmp"] = f"<x>{WHO}</x>".encode()
    out = BytesIO()
    if name == "HEIF":
        pillow_heif.register_heif_opener()
    if name == "GIF":
        how = {"comment": _WHO, "save_all": True, "append_images": [image.rotate(180)], "duration": 100}
    image.save(out, name, **how)
    return out.getvalue()


def pdf() -> bytes:
    """A page with a picture and a note, with properties, a script, an attachment, and a version before this one."""
    made = pikepdf.new()
    page = made.add_blank_page(page_size=(200, 200))
    photo = made.make_stream(
        picture("JPEG"),
        Type=Name.XObject, Subtype=Name.Image, Width=40, Height=20, ColorSpace=Name.DeviceRGB, BitsPerComponent=8,
        Filter=Name.DCTDecode,
    )  # fmt: skip
    packed_again = made.make_stream(
        zlib.compress(picture("JPEG") + picture("JPEG")),
        Type=Name.XObject, Subtype=Name.Image, Width=40, Height=20, ColorSpace=Name.DeviceRGB, BitsPerComponent=8,
        Filter=Array([Name.FlateDecode, Name.DCTDecode]),
    )  # fmt: skip
    page.obj.Resources = Dictionary(XObject=Dictionary(Im=photo, In=packed_again))
    page.obj.Contents = made.make_stream(b"q 100 0 0 50 20 20 cm /Im Do Q")
    page.obj.PieceInfo = Dictionary(App=Dictionary(Private=String(WHO)))
    note = Dictionary(
        Type=Name.Annot, Subtype=Name.Text, Rect=Array([0, 0, 9, 9]), Contents=String("see here"), T=String(WHO),
        A=Dictionary(S=Name.JavaScript, JS=String(f"app.alert('{WHO}')")),
    )  # fmt: skip
    page.obj.Annots = Array([made.make_indirect(note)])
    made.Root.OpenAction = Dictionary(S=Name.JavaScript, JS=String(f"app.alert('{WHO}')"))
    made.attachments["who.txt"] = pikepdf.AttachedFileSpec(made, _WHO, filename="who.txt")
    made.docinfo["/Author"] = WHO
    with made.open_metadata() as xmp:
        xmp["dc:creator"] = [WHO]
    out = BytesIO()
    made.save(out, compress_streams=False, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    return out.getvalue() + f"% {WHO}\n".encode()


def packed(files: dict[str, bytes | str], comment: bytes = b"") -> bytes:
    """A zip archive."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
        made.comment = comment
    return out.getvalue()


_TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">{}</Types>'
_OVERRIDE = '<Override PartName="/{}" ContentType="application/vnd.openxmlformats-officedocument.{}.main+xml"/>'
_CORE = (
    '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"'
    f' xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:creator>{WHO}</dc:creator></cp:coreProperties>'
)
_RELS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://x/officeDocument" Target="word/document.xml"/>'
    '<Relationship Id="r2" Type="http://x/metadata/thumbnail" Target="docProps/thumbnail.jpeg"/></Relationships>'
)


def docx() -> bytes:
    """A Word document with a comment, a tracked change, a template's path, a picture and a workbook inside."""
    w = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    settings_rels = _RELS.replace("officeDocument", "attachedTemplate").replace(
        "word/document.xml", f"file:///C:/Users/{WHO}/Normal.dotm"
    )
    return packed(
        {
            "[Content_Types].xml": _TYPES.format(_OVERRIDE.format("word/document.xml", "wordprocessingml.document")),
            "_rels/.rels": _RELS,
            "docProps/core.xml": _CORE,
            "package/services/metadata/core-properties/1.psmdcp": _CORE,
            "docProps/app.xml": f"<Properties><Company>{WHO}</Company></Properties>",
            "docProps/custom.xml": f"<Properties><property>{WHO}</property></Properties>",
            "docProps/thumbnail.jpeg": picture("JPEG"),
            "word/document.xml": f'<w:document {w}><w:body><w:p w:rsidR="00AB12CD"><w:ins w:author="{WHO}" w:id="1">'
            "<w:r><w:t>收了红包</w:t></w:r></w:ins></w:p></w:body></w:document>",
            "word/comments.xml": f'<w:comments {w}><w:comment w:author="{WHO}" w:initials="{WHO}"/></w:comments>',
            "word/people.xml": f'<p:people xmlns:p="x"><p:person p:author="{WHO}"/></p:people>',
            "word/settings.xml": f'<w:settings {w}><w:attachedTemplate w:id="r1"/><w:rsids/></w:settings>',
            "word/_rels/settings.xml.rels": settings_rels,
            "word/media/image1.jpeg": picture("JPEG"),
            "word/media/image2.png": picture("PNG"),
            "word/media/image3.tiff": picture("TIFF"),
            "word/media/image4.jpg": picture("JPEG") + picture("JPEG"),
            "customXml/item1.xml": f"<cover><reviewer>{WHO}</reviewer></cover>",
            "word/embeddings/book.xlsx": xlsx(),
        },
        comment=_WHO,
    )


def xlsx() -> bytes:
    """A workbook with comments' authors, persons, and the path where it was saved."""
    return packed(
        {
            "[Content_Types].xml": _TYPES.format(_OVERRIDE.format("xl/workbook.xml", "spreadsheetml.sheet")),
            "docProps/core.xml": _CORE,
            "xl/workbook.xml": f'<workbook xmlns:x="y"><x:absPath url="C:/{WHO}/"/><fileSharing userName="{WHO}"/>'
            '<sheets><sheet name="账目"/></sheets></workbook>',
            "xl/comments1.xml": f"<comments><authors><author>{WHO}</author></authors></comments>",
            "xl/persons/person.xml": f'<personList><person displayName="{WHO}" userId="{WHO}"/></personList>',
            "xl/tables/table1.xml": '<table displayName="Table1" name="Table1"/>',
        }
    )


def pptx() -> bytes:
    """A presentation with the authors of its comments."""
    kind = _OVERRIDE.format("ppt/presentation.xml", "presentationml.presentation")
    return packed(
        {
            "[Content_Types].xml": _TYPES.format(kind),
            "docProps/core.xml": _CORE,
            "ppt/presentation.xml": "<presentation/>",
            "ppt/commentAuthors.xml": f'<cmAuthorLst><cmAuthor name="{WHO}" initials="{WHO}"/></cmAuthorLst>',
        }
    )


def odt() -> bytes:
    """An OpenDocument text with a note."""
    dc = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'
    return packed(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "meta.xml": f"<m {dc}><dc:creator>{WHO}</dc:creator></m>",
            "content.xml": f"<c {dc}><annotation><dc:creator>{WHO}</dc:creator></annotation>收了红包</c>",
            "Thumbnails/thumbnail.png": picture("PNG"),
            "Pictures/1.jpg": picture("JPEG"),
        }
    )


def doc() -> bytes:
    """A file of the old binary format ([MS-CFB], version 3) with a text stream and its summary."""
    sector, end, free = 512, 0xFFFFFFFE, 0xFFFFFFFF
    streams = {
        "WordDocument": "收了红包".encode("utf-16-le").ljust(4096, b"\0"),
        "\x05SummaryInformation": _WHO.ljust(4096),
    }
    table, body = [0xFFFFFFFD, end], b""  # sector 0 the table itself, 1 the directory
    entries = [_entry("Root Entry", 5, end, 0, child=1)]
    for number, (name, content) in enumerate(streams.items(), 1):
        first, count = len(table), len(content) // sector
        table += [*range(first + 1, first + count), end]
        entries.append(_entry(name, 2, first, len(content), right=2 if number == 1 else free))
        body += content
    table += [free] * (sector // 4 - len(table))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    head += struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    head += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, end, 0, end, 0)
    head += struct.pack("<109I", 0, *([free] * 108))
    directory = b"".join(entries).ljust(sector, b"\0")
    return head + struct.pack(f"<{sector // 4}I", *table) + directory + body


def _entry(name: str, kind: int, start: int, size: int, *, child: int = 0xFFFFFFFF, right: int = 0xFFFFFFFF) -> bytes:
    coded = name.encode("utf-16-le") + b"\0\0"
    head = coded.ljust(64, b"\0") + struct.pack("<HBBIII", len(coded), kind, 1, 0xFFFFFFFF, right, child)
    return head + bytes(36) + struct.pack("<IQ", start, size)


def recording(writer: str, codec: str, rate: int = 16_000) -> bytes:
    """Half a second of silence with tags."""
    out = BytesIO()
    with av.open(out, "w", format=writer) as made:
        made.metadata.update({"title": WHO, "artist": WHO, "comment": WHO, "location": "+36.6510+117.1201/"})
        stream = made.add_stream(codec, rate=rate, layout="mono")
        for number in range(16):
            frame = av.AudioFrame(format=stream.format.name, layout="mono", samples=stream.frame_size or 512)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.sample_rate, frame.pts = rate, number * (stream.frame_size or 512)
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    return out.getvalue()


def film() -> bytes:
    """Ten frames with the tags that a telephone writes."""
    out = BytesIO()
    with av.open(out, "w", format="mp4", options={"movflags": "use_metadata_tags"}) as made:
        made.metadata.update({"artist": WHO, "com.apple.quicktime.author": WHO})
        stream = made.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt, stream.time_base = 64, 32, "yuv420p", Fraction(1, 10)
        for number in range(10):
            frame = av.VideoFrame(64, 32, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.pts = number
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    return out.getvalue()
