"""Looks at images: whether they can be shown, how large they are, and what they are at a glance."""

from dataclasses import dataclass
from io import BytesIO
from typing import IO

from PIL import Image, ImageOps

from chatapp.files.kinds import Kind, unsupported
from chatapp.files.metadata import SIDEWAYS, strip

# What a camera makes has fewer pixels; decoding takes up to four bytes for each.
MOST_PIXELS = 50_000_000
THUMBNAIL = (320, 320)
THUMBNAIL_TYPE = "image/webp"
Image.MAX_IMAGE_PIXELS = MOST_PIXELS


@dataclass(frozen=True, slots=True)
class Picture:
    """An image without metadata, its size in pixels as it is shown, and a small copy of it (WebP)."""

    content: bytes
    width: int
    height: int
    thumbnail: bytes


def prepare(kind: Kind, file: IO[bytes]) -> Picture:
    """What is kept of an image. It takes a while and much memory: off the loop, one at a time.

    Raises UnsupportedType for what is none of its kind, is damaged, or has more than `MOST_PIXELS`.
    """
    assert kind.format
    file.seek(0)
    try:
        content, orientation = strip(kind.format, file.read())
        with Image.open(BytesIO(content), formats=[kind.format]) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise Image.DecompressionBombError
            thumbnail = _thumbnail(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise unsupported(f"An image has at most {MOST_PIXELS // 1_000_000} million pixels.") from None
    except Exception:  # Damaged, and Pillow raises whatever comes of broken bytes.
        raise unsupported(f"The file is damaged, or not what its name says ({kind.media_type}).") from None
    if orientation >= SIDEWAYS:
        width, height = height, width
    return Picture(content, width, height, thumbnail)


def _thumbnail(image: Image.Image) -> bytes:
    """A small copy, upright; all of the image is decoded for it."""
    if image.format == "JPEG":
        image.draft("RGB", THUMBNAIL)  # In its own way of decoding to a fraction of the size.
    image.load()
    profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA") else None
    small: Image.Image = image
    if image.mode in ("P", "1"):
        small = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif image.mode.startswith("I"):  # 16 bits of grey.
        small = image.point(lambda value: value / 256).convert("L")
    small.thumbnail(THUMBNAIL)
    small = ImageOps.exif_transpose(small)
    if small.mode not in ("RGB", "RGBA"):
        small = small.convert("RGBA" if small.has_transparency_data else "RGB")
    out = BytesIO()
    small.save(out, "WEBP", quality=75, icc_profile=profile, exif=b"")
    return out.getvalue()
