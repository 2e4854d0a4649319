"""Sound and film: the packets as they are in a new container, without tags, covers, chapters, places and times."""

from io import BytesIO

import av
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError

from services.complaints.stripping.shapes import CannotStrip, Stripped

MUXERS = {
    "audio/mpeg": ("mp3", "mp3", ".mp3", {"id3v2_version": "0", "write_id3v1": "0"}),
    "audio/wav": ("wav", "wav", ".wav", {}),
    "audio/amr": ("amr", "amr", ".amr", {}),
    "audio/mp4": ("mov", "ipod", ".m4a", {}),
    "video/mp4": ("mov", "mp4", ".mp4", {}),
}
"""Media type → how it is read, how it is written, its extension, options of the writer."""


def strip(kind: str, data: bytes) -> Stripped:
    """Sound and picture are copied bit by bit; streams of other kinds (places, captions, covers) are left out.

    Raises CannotStrip.
    """
    reader, writer, extension, options = MUXERS[kind]
    out = BytesIO()
    try:
        with (
            av.open(BytesIO(data), format=reader) as given,
            av.open(out, "w", format=writer, options={"fflags": "+bitexact", **options}) as made,
        ):
            assert isinstance(given, InputContainer)
            assert isinstance(made, OutputContainer)
            streams = {
                stream.index: made.add_stream_from_template(stream)
                for stream in given.streams
                if stream.type in ("audio", "video") and not stream.disposition & av.stream.Disposition.attached_pic
            }
            if not streams:
                raise CannotStrip("broken")
            for packet in given.demux([given.streams[index] for index in streams]):
                if packet.dts is None:
                    continue
                packet.stream = streams[packet.stream.index]
                made.mux(packet)
    except (FFmpegError, ValueError, IndexError) as error:
        raise CannotStrip("broken") from error
    return Stripped(out.getvalue(), kind, extension)
