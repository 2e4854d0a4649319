"""Shows log files side by side, and follows them while they grow or are cut."""

from __future__ import annotations

import os
import time
from collections import deque
from pathlib import Path


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
        self._place = 0
        self._rest = b""

    def new_lines(self) -> list[str]:
        """Complete lines added since the last call."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            if os.fstat(file.fileno()).st_size < self._place:
                self._place, self._rest = 0, b""
            file.seek(self._place)
            *lines, self._rest = (self._rest + file.read()).split(b"\n")
            self._place = file.tell()
        return [line.decode(errors="replace") for line in lines]
