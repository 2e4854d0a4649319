"""Papers: PDF in embedded Chinese type; every page says who printed it, for which unit, when, and which print it is."""

import asyncio
import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape  # it writes, and parses nothing  # nosec B406

from reportlab.graphics.barcode import createBarcodeDrawing
from reportlab.lib import textsplit
from reportlab.lib.colors import Color, black
from reportlab.lib.enums import TA_CENTER, TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    KeepTogether,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
    paragraph,
)

from services.chassis.web.assets import HERE, MissingAsset

# Noto Serif SC (宋体, the type of official letters): 30,000 characters, so that rare characters of names are there;
# embedded, so that a paper looks and reads alike on every viewer and in ten years. SIL Open Font License 1.1.
_FACES = HERE / "node_modules/@expo-google-fonts/noto-serif-sc"
_FONTS = {"Text": "400Regular/NotoSerifSC_400Regular.ttf", "Bold": "700Bold/NotoSerifSC_700Bold.ttf"}
_MISSING = "〓"
"""Stands for a character that the type does not have, as printers do: nothing is left out unseen."""

_MARGIN = 25 * mm
_WIDTH = A4[0] - 2 * _MARGIN
_FAINT = Color(0, 0, 0, alpha=0.07)
_LINE = Color(0.45, 0.45, 0.45)
BLANK = "\u00a0"
"""A space that is printed as it is: several of them leave room to write by hand."""

# The library knows what begins no line in Japanese; Chinese has these marks besides (GB/T 15834, 5.1).
for _module in (paragraph, textsplit):
    _module.ALL_CANNOT_START += "，；：？！》〉％"  # type: ignore[attr-defined]
# Fonts and their subsets are state of the library's own: one paper at a time, in a thread of its own, so that those
# that wait hold up no other work.
_press = ThreadPoolExecutor(max_workers=1, thread_name_prefix="press")
_LINE_CHARACTERS = 37
"""Of running text; Latin letters are narrower, so a line holds more of them."""
TEXT_LINES = 600
"""The longest text that an officer or a reporter can write, 20,000 characters, fits when it is not mostly line ends."""
_REST = "（篇幅所限，以下从略；需要全文的，请与出具单位联系。）"


@dataclass(frozen=True)
class Imprint:
    """Who printed a paper: stands on every page. ``at`` in words; ``number`` is the print's own."""

    officer: str
    unit: str
    at: str
    number: str


class Paper:
    """A document as it is put together, from the top. Texts may hold anything: nothing in them is taken as markup."""

    def __init__(self, title: str, imprint: Imprint) -> None:
        """Raises MissingAsset when npm's files were not fetched."""
        _fonts()
        self._title = title
        self._imprint = imprint
        self._story: list[Flowable] = []
        self.title(title)

    def title(self, text: str) -> None:
        """The name of the document, or of a part that is a sheet of its own."""
        self._story.append(Paragraph(_clean(text), _style("title", "Bold", 20, 30, alignment=TA_CENTER, spaceAfter=10)))

    def heading(self, text: str) -> None:
        """The heading of a section; begins a page rather than ending one."""
        self._story.append(CondPageBreak(35 * mm))
        self._story.append(Paragraph(_clean(text), _style("heading", "Bold", 12.5, 22, spaceBefore=6)))

    def text(self, text: str, *, indent: bool = True, most: int = TEXT_LINES) -> None:
        """Paragraphs of running text, each with two characters' indent; what goes beyond ``most`` printed lines is left
        out, and it is said."""
        style = _style("body", "Text", 12, 21, firstLineIndent=24 if indent else 0)
        kept, cut = _beginning(text, most)
        self._story.extend(Paragraph(_clean(line), style) for line in kept)
        if cut:
            self.small(_REST)

    def small(self, text: str) -> None:
        """A remark."""
        self._story.append(Paragraph(_clean(text), _style("small", "Text", 9, 14, textColor=_LINE)))

    def fields(self, pairs: Sequence[tuple[str, str]], *, height: float | None = None) -> None:
        """Labels and values in a ruled table; ``height`` in mm leaves room to write by hand."""
        rows = [[_cell(label, bold=True), _cell(value)] for label, value in pairs]
        self._ruled(rows, [36 * mm, _WIDTH - 36 * mm], heights=height)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[float]) -> None:
        """A ruled table with a head that is repeated on every page; ``widths`` are shares of the line."""
        cells = [
            [_cell(text, bold=True, size=9) for text in head],
            *([_cell(text, size=9) for text in row] for row in rows),
        ]
        self._ruled(cells, [_WIDTH * width / sum(widths) for width in widths], head=True)

    def signature(self, lines: Sequence[str]) -> None:
        """Unit, seal and date at the right, kept on one page."""
        style = _style("right", "Text", 12, 24, alignment=TA_RIGHT)
        block: list[Flowable] = [Spacer(0, 8 * mm), *(Paragraph(_clean(line), style) for line in lines)]
        self._story.append(KeepTogether(block))

    def barcode(self, value: str) -> None:
        """A Code 128 of an ASCII value, to be scanned instead of typed."""
        drawing = createBarcodeDrawing(  # type: ignore[no-untyped-call]
            "Code128", value=value, barHeight=11 * mm, humanReadable=False
        )
        drawing.hAlign = "RIGHT"
        self._story.append(drawing)

    def next_sheet(self) -> None:
        """What follows stands on a sheet of its own."""
        self._story.append(PageBreak())

    def pdf(self) -> bytes:
        """The finished document. Takes processor time, and no two at once: a service calls `printed`."""
        out = BytesIO()
        pages = BaseDocTemplate(out, pagesize=A4, title=self._title, author=self._imprint.unit, lang="zh-CN")
        frame = Frame(_MARGIN, 24 * mm, _WIDTH, A4[1] - 46 * mm, 0, 0, 0, 0)
        pages.addPageTemplates(PageTemplate(frames=[frame], onPage=self._mark))
        pages.build(self._story, canvasmaker=_NumberedPages)
        return out.getvalue()

    def _mark(self, canvas: Canvas, _: object) -> None:
        who = self._imprint
        mark = _plain(f"{who.unit} {who.officer} {who.at}")
        canvas.saveState()
        canvas.setFont("Text", 15)
        canvas.setFillColor(_FAINT)
        canvas.translate(A4[0] / 2, A4[1] / 2)
        canvas.rotate(35)
        for row in range(-3, 4):
            canvas.drawCentredString(0, row * 42 * mm, mark)
        canvas.restoreState()
        canvas.setFont("Text", 8)
        canvas.setFillColor(_LINE)
        foot = f"打印人 {who.officer} · {who.unit} · {who.at} · 打印编号 {who.number}"
        canvas.drawString(_MARGIN, 13 * mm, _plain(foot))

    def _ruled(
        self,
        rows: list[list[Paragraph]],
        widths: Sequence[float],
        *,
        head: bool = False,
        heights: float | None = None,
    ) -> None:
        made = Table(
            rows,
            colWidths=list(widths),
            rowHeights=[heights * mm] * len(rows) if heights else None,
            repeatRows=int(head),
            splitInRow=0 if heights else 1,
        )
        made.setStyle(
            TableStyle(
                [
                    ("GRID", (0, 0), (-1, -1), 0.5, _LINE),
                    ("VALIGN", (0, 0), (-1, -1), "MIDDLE" if heights else "TOP"),
                    ("TOPPADDING", (0, 0), (-1, -1), 3),
                    ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
                ]
            )
        )
        self._story += [made, Spacer(0, 3 * mm)]


async def printed(compose: Callable[[], Paper]) -> bytes:
    """The document that ``compose`` puts together, off the event loop from the first font to the last page.

    Raises MissingAsset and whatever ``compose`` raises.
    """
    return await asyncio.get_running_loop().run_in_executor(_press, lambda: compose().pdf())


def _beginning(text: str, most: int) -> tuple[list[str], bool]:
    """The paragraphs of a text as far as they fit so many printed lines, and whether something was left out."""
    kept: list[str] = []
    for line in filter(str.strip, text.splitlines()):
        if most <= 0:
            return kept, True
        kept.append(line[: most * _LINE_CHARACTERS])
        if len(kept[-1]) < len(line):
            return kept, True
        most -= -(-len(line) // _LINE_CHARACTERS)
    return kept, False


class _NumberedPages(Canvas):
    """Writes each page once it is known how many there are."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._kept: list[dict[str, object]] = []

    def showPage(self) -> None:  # noqa: N802 the library's name
        self._kept.append(dict(self.__dict__))
        self._startPage()  # type: ignore[attr-defined]

    def save(self) -> None:
        for number, page in enumerate(self._kept, 1):
            self.__dict__.update(page)
            self.setFont("Text", 8)
            self.setFillColor(_LINE)
            self.drawCentredString(A4[0] / 2, 9 * mm, f"第 {number} 页，共 {len(self._kept)} 页")
            super().showPage()
        super().save()


@cache
def _fonts() -> frozenset[int]:
    """Register the type; the characters that it has. Raises MissingAsset."""
    try:
        made = [TTFont(name, str(_FACES / file)) for name, file in _FONTS.items()]
    except OSError as error:
        raise MissingAsset("the type of papers is missing: run `make setup`") from error
    for font in made:
        pdfmetrics.registerFont(font)
    return frozenset(made[0].face.charToGlyph)


@cache
def _style(name: str, font: str, size: float, leading: float, **more: Any) -> ParagraphStyle:
    settings: dict[str, Any] = {"textColor": black, **more}
    return ParagraphStyle(name, fontName=font, fontSize=size, leading=leading, wordWrap="CJK", **settings)


def _cell(text: str, *, bold: bool = False, size: float = 10.5) -> Paragraph:
    return Paragraph(_clean(text), _style("cell", "Bold" if bold else "Text", size, size * 1.5))


def _plain(text: str) -> str:
    """The text in characters that the type has, without controls."""
    known = _fonts()
    return "".join(
        char if ord(char) in known else _MISSING
        for char in unicodedata.normalize("NFC", text).expandtabs(2)
        if char == "\n" or unicodedata.category(char)[0] != "C"
    )


def _clean(text: str) -> str:
    """As markup of the library's that stands for the text itself."""
    return escape(_plain(text)).replace("\n", "<br/>")
