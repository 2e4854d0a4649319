"""The README's examples work as printed, one shell from the first to the last."""

import asyncio
import re
import subprocess
from pathlib import Path

import pytest

from deploy.demo.client import Officers, Reporters
from deploy.stack import Stack

ROOT = Path(__file__).parents[2]


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.timeout(200)
async def test_the_examples_work_as_printed(stack: Stack, people: tuple[Reporters, Officers]) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert len(blocks) >= 5
    script = "set -eu\n" + "\n".join(blocks)
    for printed, port in (("8101", "complaints"), ("8103", "referrals"), ("8104", "notifications")):
        script = script.replace(f"http://127.0.0.1:{printed}", stack.url(port))
    script = script.replace(".huiyin/demo", f"{stack.state_dir}/demo")
    script = script.replace(".venv/bin/huiyin", f".venv/bin/huiyin --state-dir {stack.state_dir}")
    done = await asyncio.to_thread(
        subprocess.run, ["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "problem" not in done.stdout
    assert '"status":4' not in done.stdout.replace(" ", "")
    assert "TRIAGE" in done.stdout, "the claim is done"
    assert "床位费收了十二天" in done.stdout, "the officer read the text by grant"
