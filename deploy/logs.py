"""Shows log files side by side, and follows them while they grow or are cut."""

from __future__ import annotations

import os
import time
from collections import deque
from pathlib import Path
from typing import TextIO


def show(folder: Path, names: tuple[str, ...], lines: int, follow: bool) -> None:
    """Print the last lines of each log with the process's name in front; go on until Ctrl-C when following."""
    width = max(len(name) for name in names)
    readers = {name: Reader(folder / f"{name}.log") for name in names}
    for name, reader in readers.items():
        for line in deque(reader.new_lines(), maxlen=lines):
            emit(name, width, line)
    try:
        while follow:
            for name, reader in readers.items():
                for line in reader.new_lines():
                    emit(name, width, line)
            time.sleep(0.2)
    except KeyboardInterrupt:
        return


def emit(name: str, width: int, line: str) -> None:
    print(f"{name:<{width}} | {line}", flush=True)


class Reader:
    """Reads what was added to a file since the last time; begins again where the file was cut or appears later."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._rest = ""

    def new_lines(self) -> list[str]:
        """Complete lines added since the last call."""
        if self._file is None:
            if not self._path.exists():
                return []
            self._file = self._path.open(encoding="utf-8", errors="replace")
        if os.fstat(self._file.fileno()).st_size < self._file.tell():
            self._file.seek(0)
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        return lines
