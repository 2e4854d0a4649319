"""PDF: written anew without its properties, XMP, earlier versions, scripts, attachments and authors of notes."""

import zlib
from io import BytesIO

import pikepdf
from pikepdf import Dictionary, Name, Object, Pdf, Stream

from services.complaints.stripping.pictures import without_notes
from services.complaints.stripping.shapes import CannotStrip, Stripped

MAX_PICTURE = 200 * 1024 * 1024
_PRIVATE = (Name.Metadata, Name.PieceInfo, Name.LastModified, Name.Thumb, Name.AA)
_OF_THE_FILE = (Name.OpenAction, Name.Collection, Name.Perms, Name.DSS)
_OF_A_NOTE = (Name.T, Name.M, Name.NM, Name.CreationDate, Name.RC)
_RUNS = (Name.JavaScript, Name.Launch, Name.SubmitForm, Name.ImportData, Name.GoToE, Name.Rendition)
_WHAT_RUNS = (Name.JS, Name.F, Name.Win, Name.Mac, Name.Unix, Name.T, Name.R)
_ATTACHED = (Name.FileAttachment, Name.Movie, Name.Sound, Name.Screen, Name.RichMedia)


def strip(kind: str, data: bytes) -> Stripped:
    """Raises CannotStrip: broken, or locked by a password."""
    try:
        with pikepdf.open(BytesIO(data)) as pdf:
            _file(pdf)
            for one in pdf.objects:
                _object(one)
            for page in pdf.pages:
                _notes(page.obj)
            out = BytesIO()
            # Only what is still reached is written; what was put into the file earlier goes with its revisions.
            pdf.save(out, deterministic_id=True, encryption=False)
            return Stripped(out.getvalue(), kind, ".pdf")
    except pikepdf.PasswordError as error:
        raise CannotStrip("locked") from error
    except (pikepdf.PdfError, ValueError, TypeError, KeyError, RecursionError, zlib.error) as error:
        raise CannotStrip("broken") from error


def _file(pdf: Pdf) -> None:
    for name in (Name.Info, Name.ID):
        if name in pdf.trailer:
            del pdf.trailer[name]
    for name in _OF_THE_FILE:
        if name in pdf.Root:
            del pdf.Root[name]
    names = pdf.Root.get(Name.Names)
    if isinstance(names, Dictionary):
        for name in (Name.JavaScript, Name.EmbeddedFiles):
            if name in names:
                del names[name]
    if Name.AF in pdf.Root:
        del pdf.Root.AF


def _object(one: Object) -> None:
    if not isinstance(one, Dictionary | Stream):
        return
    for name in _PRIVATE:
        if name in one:
            del one[name]
    _still(one)
    if isinstance(one, Stream) and _is_jpeg(one):
        bare = without_notes(_unpacked(one))
        how = one.get(Name.DecodeParms)
        one.write(bare, filter=Name.DCTDecode, decode_parms=how if isinstance(how, Dictionary) else None)


def _still(one: Dictionary | Stream) -> None:
    """Nothing in it runs: an action of its own is emptied, one that it holds is taken out."""
    held = one.get(Name.A)
    if isinstance(held, Dictionary) and held.get(Name.S) in _RUNS:
        del one[Name.A]
    if one.get(Name.S) in _RUNS:
        for name in _WHAT_RUNS:
            if name in one:
                del one[name]


def _is_jpeg(one: Stream) -> bool:
    return one.get(Name.Subtype) == Name.Image and Name.DCTDecode in _filters(one)


def _filters(one: Stream) -> list[Object]:
    given = one.get(Name.Filter)
    if given is None:
        return []
    return list(given) if isinstance(given, pikepdf.Array) else [given]


def _unpacked(one: Stream) -> bytes:
    """The JPEG in a stream, which some writers pack once more."""
    content = one.read_raw_bytes()
    *outer, _ = _filters(one)
    for each in outer:
        if each != Name.FlateDecode:
            raise CannotStrip("unknown kind")
        unpacked = zlib.decompressobj()
        content = unpacked.decompress(content, MAX_PICTURE)
        if unpacked.unconsumed_tail:
            raise CannotStrip("too large")
    return content


def _notes(page: Dictionary) -> None:
    notes = page.get(Name.Annots)
    if notes is None:
        return
    kept = pikepdf.Array()
    for note in notes:
        if not isinstance(note, Dictionary) or note.get(Name.Subtype) in _ATTACHED:
            continue
        # A form's field has its name where a note has its author's.
        if note.get(Name.Subtype) != Name.Widget:
            for name in _OF_A_NOTE:
                if name in note:
                    del note[name]
        _still(note)
        kept.append(note)
    page.Annots = kept
