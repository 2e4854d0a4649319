"""Office documents (OOXML, OpenDocument, the old binary format) without properties, authors and thumbnails."""

import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Final

import olefile
from lxml import etree

from services.complaints.stripping import pictures
from services.complaints.stripping.shapes import CannotStrip, Stripped

OOXML: Final = {
    "wordprocessingml.document.main+xml": (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ".docx",
    ),
    "spreadsheetml.sheet.main+xml": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx"),
    "presentationml.presentation.main+xml": (
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        ".pptx",
    ),
}
ODF: Final = {
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    "application/vnd.oasis.opendocument.presentation": ".odp",
}
OLE = "application/x-ole-storage"
KINDS = ("application/zip", OLE, *(kind for kind, _ in OOXML.values()), *ODF)

MAX_ENTRIES = 10_000
MAX_UNPACKED = 600 * 1024 * 1024
_DEPTH = 3
_TIME = (1980, 1, 1, 0, 0, 0)

_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_EMPTY: Final = {
    "docProps/core.xml": b"<?xml version='1.0' encoding='UTF-8' standalone='yes'?><cp:coreProperties xmlns:cp="
    b'"http://schemas.openxmlformats.org/package/2006/metadata/core-properties"/>',
    "docProps/app.xml": b"<?xml version='1.0' encoding='UTF-8' standalone='yes'?><Properties xmlns="
    b'"http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"/>',
    "docProps/custom.xml": b"<?xml version='1.0' encoding='UTF-8' standalone='yes'?><Properties xmlns="
    b'"http://schemas.openxmlformats.org/officeDocument/2006/custom-properties"/>',
    "meta.xml": b"<?xml version='1.0' encoding='UTF-8'?><office:document-meta xmlns:office="
    b'"urn:oasis:names:tc:opendocument:xmlns:office:1.0" office:version="1.3"/>',
}
_PEOPLE = frozenset({"author", "initials", "userId", "providerId", "userName", "lastModifiedBy"})
"""Attributes, by local name, that name who wrote."""
_PEOPLE_PARTS = ("word/people", "xl/persons/", "ppt/commentAuthors", "ppt/authors")
"""Where a plain ``name`` or ``displayName`` is a person's too."""
_NAMING = frozenset(
    {"author", "creator", "initials", "creator-initials", "sender-initials", "printed-by", "lastModifiedBy", "manager",
     "company"}
)  # fmt: skip
"""Elements, by local name, whose text does."""
_DROPPED = frozenset({"rsids", "rsid", "absPath", "attachedTemplate", "fileSharing", "docVars"})
"""Elements that tell of machines, folders and sessions."""
_PICTURES = {
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".gif": "image/gif", ".webp": "image/webp",
    ".heic": "image/heic", ".tif": "image/tiff", ".tiff": "image/tiff",
}  # fmt: skip
_CORE = "metadata/core-properties"
"""What the type of a relationship to the core properties ends with; their part may have any name."""
_SUMMARIES = ("\x05SummaryInformation", "\x05DocumentSummaryInformation")


def strip(kind: str, data: bytes) -> Stripped:
    """What the document is follows from its content. Raises CannotStrip: broken, too large, macros, unknown kind.

    A Word file of the old format may still name who saved it within its text's tables, which nothing but Word can
    write anew.
    """
    if kind == OLE:
        return _old(data)
    return _packed(data, _DEPTH)


def _old(data: bytes) -> Stripped:
    changed = BytesIO(data)
    try:
        with olefile.OleFileIO(changed, write_mode=True) as file:
            if any(path[-1].upper() in ("VBA", "_VBA_PROJECT_CUR", "MACROS") for path in file.listdir(storages=True)):
                raise CannotStrip("macros")
            if file.exists("EncryptedPackage"):
                raise CannotStrip("locked")
            for name in _SUMMARIES:
                if file.exists(name):
                    file.write_stream(name, bytes(file.get_size(name)))
            extension = next((end for name, end in _OLD.items() if file.exists(name)), None)
    except (OSError, ValueError, IndexError) as error:
        raise CannotStrip("broken") from error
    if extension is None:
        raise CannotStrip("unknown kind")
    return Stripped(changed.getvalue(), OLE, extension)


_OLD = {"WordDocument": ".doc", "Workbook": ".xls", "Book": ".xls", "PowerPoint Document": ".ppt"}


def _packed(data: bytes, depth: int) -> Stripped:
    if depth == 0:
        raise CannotStrip("too large")
    try:
        with zipfile.ZipFile(BytesIO(data)) as given:
            kind, extension = _kind(given)
            core = _core_parts(given)
            out = BytesIO()
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
                for name, content in _contents(given):
                    how = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
                    made.writestr(zipfile.ZipInfo(name, _TIME), _part(name, content, depth, core), how)
            return Stripped(out.getvalue(), kind, extension)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError, RuntimeError) as error:
        raise CannotStrip("locked" if "encrypted" in str(error) else "broken") from error
    except etree.XMLSyntaxError as error:
        raise CannotStrip("broken") from error


def _kind(given: zipfile.ZipFile) -> tuple[str, str]:
    names = given.namelist()
    if "mimetype" in names:
        kind = given.read("mimetype")[:100].decode("ascii", "replace").strip()
        if kind in ODF:
            return kind, ODF[kind]
    if "[Content_Types].xml" in names:
        said = given.read("[Content_Types].xml")
        if any("vbaProject" in name for name in names) or b"macroEnabled" in said:
            raise CannotStrip("macros")
        for mark, found in OOXML.items():
            if mark.encode() in said:
                return found
    raise CannotStrip("unknown kind")


def _contents(given: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    entries = given.infolist()
    if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise CannotStrip("too large")
    left = MAX_UNPACKED
    for entry in entries:
        if entry.is_dir():
            continue
        with given.open(entry) as file:
            content = file.read(left + 1)  # what an entry says of its size may be a lie
        left -= len(content)
        if left < 0:
            raise CannotStrip("too large")
        yield entry.filename, content


def _core_parts(given: zipfile.ZipFile) -> frozenset[str]:
    if "_rels/.rels" not in given.namelist():
        return frozenset()
    root = _parsed(given.read("_rels/.rels"))
    found = root.findall(f"{{{_RELATIONS}}}Relationship")
    return frozenset(one.get("Target", "").lstrip("/") for one in found if one.get("Type", "").endswith(_CORE))


def _part(name: str, content: bytes, depth: int, core: frozenset[str]) -> bytes:
    if name in _EMPTY:
        return _EMPTY[name]
    if name in core or name.endswith(".psmdcp"):
        return _EMPTY["docProps/core.xml"]
    lower = name.lower()
    if lower.startswith("customxml/item") and lower.endswith(".xml"):
        return b"<empty/>"  # what programs keep of a document for themselves: cover pages, reviewers, sources
    if lower.startswith(("thumbnails/", "docprops/thumbnail")):
        return b""
    if lower.endswith((".xml", ".rels", ".vml")):
        return _xml(name, content)
    if lower.endswith((".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp")):
        return _packed(content, depth - 1).data
    kind = next((kind for end, kind in _PICTURES.items() if lower.endswith(end)), None)
    if kind == "image/jpeg" and content[:2] == b"\xff\xd8":
        return pictures.without_notes(content)
    if kind is not None and content:
        return pictures.strip(kind, content).data
    return content


def _parsed(content: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    root = etree.fromstring(content, parser)
    if root.getroottree().docinfo.internalDTD is not None:
        raise CannotStrip("broken")  # office writes none: it is there to grow
    return root


def _xml(name: str, content: bytes) -> bytes:
    root = _parsed(content)
    people = _PEOPLE | {"name", "displayName"} if name.startswith(_PEOPLE_PARTS) else _PEOPLE
    for element in list(root.iter("*")):  # elements alone, no instructions to programs
        local, parent = etree.QName(element).localname, element.getparent()
        if local in _DROPPED and parent is not None:
            parent.remove(element)
            continue
        if local in _NAMING and not len(element):
            element.text = ""
        for attribute in list(element.attrib):
            if etree.QName(attribute).localname in people:
                element.attrib[attribute] = ""
            elif etree.QName(attribute).localname.startswith("rsid"):
                del element.attrib[attribute]
    if name.endswith(".rels"):
        _relations(root)
    made: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
    return made


def _relations(root: etree._Element) -> None:
    for relation in root.findall(f"{{{_RELATIONS}}}Relationship"):
        if relation.get("Type", "").endswith(("/thumbnail", "/metadata/thumbnail", "/attachedTemplate")):
            root.remove(relation)
