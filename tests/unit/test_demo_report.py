"""The demonstration's end table says everything of a case, on a wide terminal and on one of 80 columns."""

import io

import pytest
from rich.console import Console

from deploy.demo.report import Line, table

CASE = Line(
    case_number="HY261003-GSRADP4X",
    title="红包和服务态度一起反映",
    channel="小程序",
    track="举报",
    way="两次退回,指定管辖",
    path="云川市举报受理专席\n→ 云川市市场监督管理局\n→ 云川市卫生健康委员会",
    days="12.3 / 15 天",
    outcome="部分属实",
    told="已送达 9,不需发送 1",
)


@pytest.mark.parametrize("width", [80, 109, 110, 160])
def test_nothing_of_a_case_is_cut_off(width: int) -> None:
    console = Console(file=io.StringIO(), width=width)
    console.print(table([CASE], console.width))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    for part in (CASE.case_number, CASE.title, CASE.way, CASE.days, CASE.outcome, CASE.told, *CASE.path.split("\n")):
        assert part in shown, part
