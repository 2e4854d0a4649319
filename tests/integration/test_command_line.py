"""`huiyin` as an operator uses it: up, up again, status, logs, doctor, down with data kept, reset."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from deploy.config import PROJECT
from deploy.ports import free_ports
from deploy.processes import ENGINES


def test_from_up_to_reset() -> None:
    folder = PROJECT / ".huiyin" / "test" / f"cli-{os.getpid()}"
    env = {name: value for name, value in os.environ.items() if not name.startswith("HUIYIN_")}
    env |= {f"HUIYIN_{name.upper()}_PORT": str(port) for name, port in free_ports().items()}
    env |= {"HUIYIN_STATE_DIR": str(folder), "HUIYIN_PROCESSES": ",".join(ENGINES)}

    def huiyin(*arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "deploy.cli", *arguments], env=env, cwd=PROJECT, capture_output=True, text=True
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    try:
        assert "Huiyin is up" in huiyin("up")
        before = json.loads(huiyin("status", "--json"))
        assert {process["state"] for process in before["processes"].values()} == {"ready"}
        assert "running already" in huiyin("up")
        assert json.loads(huiyin("status", "--json"))["pid"] == before["pid"]
        assert "process is ready" in huiyin("logs", "supervisor", "-n", "200")
        verdicts = {found["what"]: found["verdict"] for found in json.loads(huiyin("doctor", "--json"))}
        assert "fail" not in verdicts.values()
        assert verdicts["PostgreSQL"] == verdicts["Kafka"] == verdicts["Temporal"] == "ok"
        assert "data stays" in huiyin("down")
        assert "not running" in huiyin("status", code=1)
        assert "was not running" in huiyin("down")
        assert (folder / "postgres").exists()
    finally:
        huiyin("reset", "--yes")
    assert list(folder.iterdir()) == []
    folder.rmdir()
