"""The audit of the whole running system: clean as it stands, and a row that somebody edits is named."""

import asyncio
import subprocess
from pathlib import Path

import asyncpg
import pytest

from contracts.lifecycle import Act
from deploy.demo.client import Officers, Reporters
from deploy.demo.driver import Driver
from deploy.demo.plan import Sample, Step
from deploy.stack import Stack

HUIYIN = Path(__file__).parents[2] / ".venv" / "bin" / "huiyin"
SAMPLE = Sample(
    title="audit", channel="WEB", category="0704", region="990100", plan="supplement", to="yb-990100",
    narrative="住院九天，床位费收了十二天。", wants="退费", respondents=("云川市第一人民医院收费处",), reporter=None,
    steps=(Step(Act.REQUEST_SUPPLEMENT, {"note": "请补充:日期"}), Step(Act.SUPPLEMENT, {"text": "三月二日"})), rating=5,
)  # fmt: skip


async def huiyin(stack: Stack, *arguments: str) -> tuple[int, str]:
    done = await asyncio.to_thread(
        subprocess.run,
        [HUIYIN, "--state-dir", str(stack.state_dir), "audit", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.timeout(300)
async def test_the_record_of_a_case_is_whole_and_an_edited_row_is_named(
    stack: Stack, people: tuple[Reporters, Officers]
) -> None:
    played = await Driver(*people, progress=lambda played: None).play(SAMPLE)
    assert played.stage == "CLOSED"
    number = played.receipt.case_number
    code, told = await huiyin(stack, "verify")
    assert code == 0, told
    for service in ("complaints", "vault", "referrals", "notifications"):
        assert f"{service}: " in told
    code, told = await huiyin(stack, "show", "--case", number)
    assert code == 0, told
    assert "CASE_VIEWED" in told
    assert "127.0.0.1" in told
    admin = await asyncpg.connect(stack.config.admin_dsn("huiyin_referrals"))
    edit = """
    UPDATE case_history SET transition = replace(transition, $2, $3)
    WHERE case_id = (SELECT case_id FROM cases WHERE case_number = $1) AND act = 'ACCEPT'
    """
    try:
        await admin.execute(edit, number, '"act":"ACCEPT"', '"act":"REJECT"')
        code, told = await huiyin(stack, "verify", "--case", number)
        await admin.execute(edit, number, '"act":"REJECT"', '"act":"ACCEPT"')
    finally:
        await admin.close()
    assert code == 1, told
    assert "TAMPERED  referrals history/" in told
    assert "the row was changed" in told
    code, told = await huiyin(stack, "verify", "--case", number)
    assert code == 0, told
