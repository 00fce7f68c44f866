"""Names as pictures: a label upon a tile, and the tile of someone without a picture."""

from __future__ import annotations

import colorsys
import unicodedata
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from archives.media.layout import even

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "/System/Library/Fonts")
_FILES = (
    "DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "FreeSans.ttf", "NotoSansCJK-Regular.ttc",
    "NotoSansArabic-Regular.ttf", "NotoSansHebrew-Regular.ttf", "NotoSansDevanagari-Regular.ttf",
    "NotoSansThai-Regular.ttf",
    "wqy-zenhei.ttc", "wqy-microhei.ttc", "fonts-japanese-gothic.ttf", "DroidSansFallbackFull.ttf",
)  # fmt: skip
BACKGROUND = (16, 128, 128)
"""Y, U, V behind everything."""
_MAX_NAME = 80
_GOLDEN = 0.6180339887498949
_INK, _BEHIND_LABEL = (240, 240, 240), (20, 20, 22)


class Plate:
    """A still picture in planes, ready to be laid into another: even width and height, Y whole, U and V half."""

    __slots__ = ("height", "u", "v", "width", "y")

    def __init__(self, image: Image.Image) -> None:
        rgb = np.ascontiguousarray(np.asarray(image.convert("RGB"), dtype=np.uint8))
        frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format="yuv420p", dst_colorspace="ITU601")
        self.width, self.height = frame.width, frame.height
        self.y, self.u, self.v = (plane_of(frame, at) for at in range(3))


def plane_of(frame: av.VideoFrame, at: int) -> NDArray[np.uint8]:
    """Return a plane of a picture as rows of bytes, without what pads them."""
    plane = frame.planes[at]
    rows: NDArray[np.uint8] = np.frombuffer(cast(Any, plane), np.uint8)
    return rows.reshape(-1, plane.line_size)[: plane.height, : plane.width]


@lru_cache(maxsize=1)
def font_files() -> tuple[str, ...]:
    """Return the fonts that this machine has of those we know, the widest first."""
    found = {path.name: str(path) for folder in _FOLDERS for path in sorted(Path(folder).rglob("*.tt[fc]"))}
    return tuple(found[name] for name in _FILES if name in found)


@lru_cache(maxsize=256)
def _font(file: str, size: int) -> Font:
    return ImageFont.truetype(file, size) if file else ImageFont.load_default(size)


@lru_cache(maxsize=4096)
def _shows(file: str, character: str) -> bool:
    """Return whether a font has a character, seen by its not looking like the one for what is missing."""
    if not file:
        return character.isascii() and character.isprintable()
    font = _font(file, 24)
    return bytes(font.getmask(character)) != bytes(font.getmask("\U0010fffe")) or character.isspace()


def readable(name: str) -> tuple[str, str]:
    """Return what of a name can be drawn, on one line, and the font file that shows most of it (`""`: Pillow's own)."""
    clean = " ".join(
        "".join(c if unicodedata.category(c)[0] not in "CZ" else " " for c in name[: _MAX_NAME * 4]).split()
    )
    files = (*font_files(), "")
    file = max(files, key=lambda file: (sum(_shows(file, c) for c in clean), -files.index(file)))
    shown = " ".join("".join(c for c in clean if _shows(file, c)).split())
    return shown[:_MAX_NAME], file


def initials(name: str) -> str:
    """Return one or two letters for a name."""
    words = [word for word in name.split() if word[0].isalnum()]
    letters = [word[0] for word in (words[:1] + words[1:][-1:])]
    return "".join(letters).upper()


@lru_cache(maxsize=128)
def label(name: str, width: int, height: int) -> Plate | None:
    """Return a name's label for a tile of that size; `None` if there is nothing to show or no room for it."""
    text, file = readable(name)
    size = max(11, min(int(height * 0.06), 34))
    if not text or height < 3 * size:
        return None
    font = _font(file, size)
    room = width - size * 2
    text = _cut(text, font, room)
    if not text:
        return None
    box = font.getbbox(text)
    image = Image.new("RGB", (max(even(box[2] + size), 2), max(even(size * 1.6), 2)), _BEHIND_LABEL)
    ImageDraw.Draw(image).text((size // 2, image.height // 2), text, fill=_INK, font=font, anchor=_anchor(font, "lm"))
    return Plate(image)


def _cut(text: str, font: Font, room: float) -> str:
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(text + "…") > room:
        text = text[:-1]
    return text + "…" if text else ""


def _anchor(font: Font, anchor: str) -> str | None:
    return anchor if isinstance(font, ImageFont.FreeTypeFont) else None


def _hue(person: str) -> float:
    """Return the colour of a person, from 0 to 1; those who came one after the other are far apart."""
    number = person.removeprefix("a")
    key = int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else zlib.crc32(person.encode())
    return key * _GOLDEN % 1


@lru_cache(maxsize=32)
def name_tile(person: str, name: str, width: int, height: int) -> Plate:
    """Return the tile of someone without a picture: initials on a colour of her own."""
    hue = _hue(person)
    back, disc = (tuple(int(part * 255) for part in colorsys.hls_to_rgb(hue, light, 0.35)) for light in (0.16, 0.34))
    image = Image.new("RGB", (width, height), back)
    draw = ImageDraw.Draw(image)
    radius = int(min(width, height) * 0.24)
    middle = (width // 2, height // 2)
    draw.ellipse([middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius], fill=disc)
    text, file = readable(name)
    letters = initials(text)
    if letters and radius >= 10:
        font = _font(file, int(radius * 0.8))
        draw.text(middle, letters, fill=_INK, font=font, anchor=_anchor(font, "mm"))
    return Plate(image)
