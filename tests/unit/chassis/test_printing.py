"""Papers: what is written is what is read, every page tells who printed it, and the type is in the file."""

import asyncio
import io
import threading

import pytest
from pypdf import PdfReader

from services.chassis.printing import Imprint, Paper, printed

IMPRINT = Imprint("李某某", "临江市医疗保障局", "2026-11-22 15:50:01", "0c7f")


def pages(paper: Paper) -> list[str]:
    return ["".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(paper.pdf())).pages]


def test_every_page_says_who_printed_it_for_whom_and_when() -> None:
    paper = Paper("移送函", IMPRINT)
    paper.text("内容。\n" * 200)
    read = pages(paper)
    assert len(read) > 1
    for number, page in enumerate(read, 1):
        assert "打印人李某某·临江市医疗保障局·2026-11-2215:50:01·打印编号0c7f" in page
        assert f"第{number}页，共{len(read)}页" in page


@pytest.mark.parametrize("text", ["<b>x</b> & <br/>", "赵某喆、朱䶮", "10 < 20 > 5", "％《》「当日24:00」"])
def test_a_text_is_printed_as_it_is(text: str) -> None:
    paper = Paper("函", IMPRINT)
    paper.text(text)
    paper.fields([(text, text)])
    paper.table(("列",), [(text,)], (1,))
    assert pages(paper)[0].count("".join(text.split())) == 4


def test_a_character_that_the_type_lacks_is_shown_as_lacking() -> None:
    paper = Paper("函", IMPRINT)
    paper.text("前😀后\x07\u202e终")
    assert "前〓后终" in pages(paper)[0]


def test_a_long_cell_goes_on_over_the_page() -> None:
    paper = Paper("函", IMPRINT)
    paper.fields([("内容", "很长的内容。" * 1500)])
    read = "".join(pages(paper))
    assert read.count("很") > 1400


def test_the_type_is_in_the_file() -> None:
    paper = Paper("函", IMPRINT)
    paper.text("内容")
    for page in PdfReader(io.BytesIO(paper.pdf())).pages:
        for font in page["/Resources"]["/Font"].values():
            described = font.get_object().get("/FontDescriptor")
            if font.get_object()["/BaseFont"].endswith("Helvetica"):
                continue  # the library names it on every page and sets nothing in it
            assert "/FontFile2" in described.get_object()


def test_a_table_below_a_heading_is_as_long_as_it_has_to_be() -> None:
    paper = Paper("函", IMPRINT)
    paper.heading("一、清单")
    paper.table(("序号", "内容"), [(f"第{number}行", "材料" * 30) for number in range(200)], (1, 4))
    read = pages(paper)
    assert len(read) > 3
    assert "".join(read).count("材料" * 5) > 0
    assert all(f"第{number}行" in "".join(read) for number in range(200))
    assert all("序号" in page for page in read)  # its head stands on every page


def test_what_is_too_long_is_left_out_and_it_is_said() -> None:
    paper = Paper("函", IMPRINT)
    paper.text("首句。" + "很长。" * 200 + "末句。", most=10)
    paper.text("\n".join(f"第{number}段" for number in range(20)), most=10)
    paper.text("十行\n" * 10, most=10)
    read = "".join(pages(paper))
    assert "首句" in read
    assert "末句" not in read
    assert "第9段" in read
    assert "第10段" not in read
    assert read.count("篇幅所限，以下从略") == 2


def test_a_text_of_the_greatest_length_is_printed_whole() -> None:
    paper = Paper("函", IMPRINT)
    paper.text("字" * 19_997 + "末句。")
    read = "".join(pages(paper))
    assert "末句" in read
    assert "从略" not in read


async def test_papers_are_put_together_off_the_event_loop_one_at_a_time() -> None:
    threads = set()

    def compose() -> Paper:
        threads.add(threading.get_ident())
        return Paper("函", IMPRINT)

    made = await asyncio.gather(*(printed(compose) for _ in range(4)))
    assert all(pdf.startswith(b"%PDF") for pdf in made)
    assert len(threads) == 1
    assert threading.get_ident() not in threads
