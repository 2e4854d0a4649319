"""Pictures: decoded and written anew, upright and in sRGB, without EXIF, XMP, comments, profiles or thumbnails."""

from io import BytesIO
from typing import Any

import pillow_heif
from PIL import Image, ImageCms, ImageOps, ImageSequence
from PIL.Image import DecompressionBombError, DecompressionBombWarning

from services.complaints.stripping.shapes import CannotStrip, Stripped

FORMATS = {
    "image/jpeg": ("JPEG", ".jpg"),
    "image/png": ("PNG", ".png"),
    "image/gif": ("GIF", ".gif"),
    "image/webp": ("WEBP", ".webp"),
    "image/heic": ("HEIF", ".heic"),
    "image/tiff": ("TIFF", ".tiff"),
}
MAX_PIXELS = 120_000_000
MAX_FRAMES = 2_000
_SEEN = ("transparency", "background", "duration", "loop", "disposal")
"""What a picture's side notes say of how it looks."""
_QUALITY = 95


def strip(kind: str, data: bytes) -> Stripped:
    """HEIC becomes JPEG, which every officer's machine shows. Raises CannotStrip."""
    name, extension = FORMATS[kind]
    pillow_heif.register_heif_opener(thumbnails=False)
    try:
        with Image.open(BytesIO(data), formats=(name,)) as picture:
            if picture.width * picture.height > MAX_PIXELS or getattr(picture, "n_frames", 1) > MAX_FRAMES:
                raise CannotStrip("too large")
            if name == "HEIF":
                return Stripped(_still(picture, "JPEG"), "image/jpeg", ".jpg")
            if getattr(picture, "is_animated", False) and name != "JPEG":
                return Stripped(_moving(picture, name), kind, extension)
            return Stripped(_still(picture, name), kind, extension)
    except (DecompressionBombError, DecompressionBombWarning) as error:
        raise CannotStrip("too large") from error
    except (OSError, ValueError, SyntaxError, EOFError, ImageCms.PyCMSError) as error:
        raise CannotStrip("broken") from error


def _still(picture: Image.Image, name: str) -> bytes:
    upright = _in_srgb(ImageOps.exif_transpose(picture))
    if name == "JPEG" and upright.mode not in ("L", "RGB", "CMYK"):
        upright = upright.convert("RGB")
    _forget(upright)
    out = BytesIO()
    upright.save(out, name, **_how(name))
    return out.getvalue()


def _moving(picture: Image.Image, name: str) -> bytes:
    frames, durations, pixels = [], [], 0
    for frame in ImageSequence.Iterator(picture):
        pixels += frame.width * frame.height
        if pixels > MAX_PIXELS:
            raise CannotStrip("too large")
        durations.append(frame.info.get("duration", 0))
        one = frame.copy()
        _forget(one)
        frames.append(one)
    out = BytesIO()
    more = {"save_all": True, "append_images": frames[1:], "duration": durations, "loop": picture.info.get("loop", 0)}
    frames[0].save(out, name, **_how(name), **more)
    return out.getvalue()


def _in_srgb(picture: Image.Image) -> Image.Image:
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in ("RGB", "L", "CMYK"):
        return picture
    try:
        turned = ImageCms.profileToProfile(
            picture,
            ImageCms.ImageCmsProfile(BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture  # a profile that can't be used: the colours are as the file has them
    return turned or picture


def _forget(picture: Image.Image) -> None:
    picture.info = {name: value for name, value in picture.info.items() if name in _SEEN}
    picture.getexif().clear()


def _how(name: str) -> dict[str, Any]:
    if name == "JPEG":
        return {"quality": _QUALITY, "subsampling": 0, "optimize": True}
    if name == "WEBP":
        return {"quality": _QUALITY, "exif": b"", "xmp": b"", "icc_profile": None}
    return {"optimize": True} if name == "PNG" else {}


def without_notes(jpeg: bytes) -> bytes:
    """A JPEG's stream as it is, but for its notes: APP1 to APP13, APP15 and comments. Raises CannotStrip.

    For pictures inside a document, which must keep their size and colours. APP14 says how colours are coded.
    """
    if jpeg[:2] != b"\xff\xd8":
        raise CannotStrip("broken")
    out, at = bytearray(jpeg[:2]), 2
    while at + 4 <= len(jpeg):
        if jpeg[at] != 0xFF:
            raise CannotStrip("broken")
        marker = jpeg[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker == 0xDA:  # the picture itself follows; telephones put further ones behind it
            end = _end_of_picture(jpeg, at)
            return bytes(out) + jpeg[at:end]
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4])
        if not (0xE1 <= marker <= 0xED or marker in (0xEF, 0xFE)):
            out += jpeg[at:end]
        at = end
    raise CannotStrip("broken")


def _end_of_picture(jpeg: bytes, at: int) -> int:
    """Behind the end marker of the picture whose first scan begins at ``at``; scans hold no other marker unescaped."""
    while True:
        at = jpeg.find(b"\xff", at + 2)
        if at < 0 or at + 1 >= len(jpeg):
            return len(jpeg)
        marker = jpeg[at + 1]
        if marker == 0xD9:
            return at + 2
        if marker in (0x00, 0xFF) or 0xD0 <= marker <= 0xD7:  # data, a fill byte, a restart
            at -= 1 if marker == 0xFF else 0
            continue
        at += int.from_bytes(jpeg[at + 2 : at + 4])  # tables between scans, and a further scan's head
