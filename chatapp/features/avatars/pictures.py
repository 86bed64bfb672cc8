"""Crops and scales the pictures of avatars."""

from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from chatapp.core.errors import Invalid
from chatapp.features.files.images import Box, Examined, encode, upright
from chatapp.features.files.kinds import mismatch
from chatapp.features.files.metadata import SIDEWAYS

# The sides of the stored pictures in pixels.
LARGE, SMALL = 512, 96
_QUALITY = 82
_FILTER = Image.Resampling.LANCZOS


@dataclass(frozen=True, slots=True)
class Crop:
    """A square of an upright image, in pixels."""

    x: int
    y: int
    size: int


def render(examined: Examined, crop: Crop | None) -> dict[int, bytes]:
    """The square `crop` of an image (by default the centred one) in both sizes, as WebP without metadata: side → content.

    Raises Invalid for a square that is not inside the image, UnsupportedType if the image is damaged.
    """
    width, height = examined.size
    orientation = examined.stripped.orientation
    if orientation >= SIDEWAYS:
        width, height = height, width
    crop = crop or _centred(width, height)
    if crop.x + crop.size > width or crop.y + crop.size > height:
        raise Invalid(
            "A field is not valid.", errors={"crop": [f"Must be inside the image ({width} × {height} pixels)."]}
        )
    try:
        with Image.open(BytesIO(examined.stripped.content), formats=[examined.kind.format or ""]) as image:
            box = _as_stored(crop, width, height, orientation)
            large = upright(image, box, (LARGE, LARGE), lambda part: part.resize((LARGE, LARGE), _FILTER))
    except Exception:  # Damaged data can make Pillow raise anything.
        raise mismatch(examined.kind) from None
    return {LARGE: encode(large, _QUALITY), SMALL: encode(large.resize((SMALL, SMALL), _FILTER), _QUALITY)}


def _centred(width: int, height: int) -> Crop:
    size = min(width, height)
    return Crop((width - size) // 2, (height - size) // 2, size)


def _as_stored(crop: Crop, width: int, height: int, orientation: int) -> Box:
    """The square in the pixels as stored, of an image that is upright `width` × `height`."""
    x, y, size = crop.x, crop.y, crop.size
    to_right, to_bottom = width - x - size, height - y - size
    left, upper = {
        2: (to_right, y),
        3: (to_right, to_bottom),
        4: (x, to_bottom),
        5: (y, x),
        6: (y, to_right),
        7: (to_bottom, to_right),
        8: (to_bottom, x),
    }.get(orientation, (x, y))
    return left, upper, left + size, upper + size
