"""Sealed frames: whatever is changed in a file, it does not open."""

import io
import os
import struct
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.chassis.crypto import SealBroken
from services.complaints import frames
from services.complaints.frames import FRAME_BYTES, MAGIC, FrameWriter, in_frames, read_frames, write_frames
from services.complaints.sealing import ComplaintCipher, Frames

COMPLAINT, EVIDENCE, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
KEY = bytes(range(32))
CIPHER = ComplaintCipher(KEY, COMPLAINT)
SEAL = CIPHER.frames(EVIDENCE, "original")


def sealed(pieces: list[bytes], seal: Frames = SEAL) -> bytes:
    """A file with a frame for each piece."""
    file = io.BytesIO()
    writer = FrameWriter(file, seal)
    for piece in pieces[:-1]:
        writer.write(piece)
        writer.flush()
    writer.write(pieces[-1])
    writer.finish()
    return file.getvalue()


def opened(blob: bytes, seal: Frames = SEAL) -> bytes:
    return b"".join(read_frames(io.BytesIO(blob), seal))


def split(blob: bytes) -> list[bytes]:
    """The frames of a file, each with its length."""
    found, at = [], len(MAGIC)
    while at < len(blob):
        (size,) = struct.unpack(">I", blob[at : at + 4])
        found.append(blob[at : at + 4 + size])
        at += 4 + size
    return found


@pytest.mark.parametrize("size", [0, 1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 3 * FRAME_BYTES])
@pytest.mark.parametrize("step", [70_000, FRAME_BYTES, 5 * FRAME_BYTES])
def test_a_stream_comes_back_as_it_went_in(size: int, step: int) -> None:
    data = os.urandom(size)
    file = io.BytesIO()
    write_frames(file, SEAL, (data[at : at + step] for at in range(0, size, step)))
    blob = file.getvalue()
    assert opened(blob) == data
    assert len(split(blob)) == max(1, -(-size // FRAME_BYTES)), "no frame is larger than one, nor is one empty"
    assert in_frames(io.BytesIO(blob))


def test_a_file_that_is_written_with_breaks_is_gone_on_with() -> None:
    file = io.BytesIO()
    for number, piece in enumerate((b"one", b"two", b"three")):
        writer = FrameWriter(file, SEAL, index=number)
        writer.write(piece)
        writer.flush() if number < 2 else writer.finish()
    assert opened(file.getvalue()) == b"onetwothree"


PIECES = st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=6)


@given(PIECES, st.data())
def test_any_flipped_bit_is_found(pieces: list[bytes], data: st.DataObject) -> None:
    blob = bytearray(sealed(pieces))
    at = data.draw(st.integers(0, len(blob) * 8 - 1))
    blob[at // 8] ^= 1 << at % 8
    with pytest.raises(SealBroken):
        opened(bytes(blob))


@given(PIECES, st.data())
def test_any_cut_is_found(pieces: list[bytes], data: st.DataObject) -> None:
    blob = sealed(pieces)
    with pytest.raises(SealBroken):
        opened(blob[: data.draw(st.integers(0, len(blob) - 1))])


@given(PIECES, st.binary(min_size=1, max_size=80))
def test_anything_put_behind_it_is_found(pieces: list[bytes], more: bytes) -> None:
    with pytest.raises(SealBroken):
        opened(sealed(pieces) + more)


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=2, max_size=6), st.data())
def test_frames_in_any_other_order_or_number_are_found(pieces: list[bytes], data: st.DataObject) -> None:
    parts = split(sealed(pieces))
    chosen = data.draw(st.lists(st.sampled_from(range(len(parts))), max_size=8))
    if chosen == list(range(len(parts))):
        return
    with pytest.raises(SealBroken):
        opened(MAGIC + b"".join(parts[number] for number in chosen))


@given(PIECES)
@settings(max_examples=20)
def test_a_file_opens_in_no_other_place(pieces: list[bytes]) -> None:
    blob = sealed(pieces)
    others = (
        CIPHER.frames(OTHER, "original"),
        CIPHER.frames(EVIDENCE, "copy"),
        ComplaintCipher(KEY, uuid4()).frames(EVIDENCE, "original"),
        ComplaintCipher(os.urandom(32), COMPLAINT).frames(EVIDENCE, "original"),
    )
    for seal in others:
        with pytest.raises(SealBroken):
            opened(blob, seal)


def test_a_frame_of_another_file_is_found() -> None:
    mine, other = split(sealed([b"a", b"b"])), split(sealed([b"a", b"b"], CIPHER.frames(OTHER, "original")))
    with pytest.raises(SealBroken):
        opened(MAGIC + mine[0] + other[1])


def test_a_length_that_lies_takes_no_memory() -> None:
    with pytest.raises(SealBroken):
        opened(MAGIC + b"\xff\xff\xff\xff")


def test_no_more_than_a_frame_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "FRAME_BYTES", 1000)
    largest = 0

    class Watched(io.BytesIO):
        def write(self, data: "bytes", /) -> int:  # type: ignore[override]
            nonlocal largest
            largest = max(largest, len(data))
            return super().write(data)

    file = Watched()
    write_frames(file, SEAL, (bytes(333) for _ in range(1_000)))
    assert opened(file.getvalue()) == bytes(333_000)
    assert largest < 1_100
