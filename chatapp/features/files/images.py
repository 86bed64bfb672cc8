"""Validates images, strips metadata and creates thumbnails."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from math import ceil, sqrt
from typing import IO, Any

from PIL import Image, ImageCms, ImageOps

from chatapp.core.errors import UnsupportedType
from chatapp.features.files.kinds import Kind, mismatch, unsupported
from chatapp.features.files.metadata import SIDEWAYS, Stripped, strip

MAX_PIXELS = 100_000_000
MAX_SIDE = 65_535
# Pixels decoded over all scans: each scan of a progressive JPEG covers the whole image; encoders write about ten.
MAX_WORK = 1_000_000_000
# Bytes for decoding, estimated from the header.
MAX_MEMORY = 400_000_000
Box = tuple[int, int, int, int]  # Left, upper, right, lower.
Resize = Callable[[Image.Image], Image.Image]
THUMBNAIL = (320, 320)
THUMBNAIL_TYPE = "image/webp"
_STRIP_PIXELS = 2**20
# Pixels of a JPEG that are enough for a small part of it.
_MAX_DRAFT = 20_000_000
# Bytes per pixel while an image is decoded: Pillow's, and for WebP the canvases of its decoder. Measured.
_PIXEL_BYTES = {"1": 1, "L": 1, "P": 1, "LA": 4, "I;16": 2}
_WEBP_BYTES = 16
# Pillow scales the pixels of these PNG modes to 8 bits, but not the transparent grey or colour in the header.
_TRANSPARENT: dict[str, Callable[[int], int]] = {
    "L;2": lambda value: 85 * value,
    "L;4": lambda value: 17 * value,
    "I;16B": lambda value: value >> 8,
    "RGB;16B": lambda value: value >> 8,
}
Image.MAX_IMAGE_PIXELS = MAX_PIXELS


@dataclass(frozen=True, slots=True)
class Examined:
    """An image without metadata that is within all bounds, not decoded yet.

    `size` is in pixels as stored; `work` is the number of pixels to decode over all scans.
    """

    kind: Kind
    stripped: Stripped
    size: tuple[int, int]
    work: int


@dataclass(frozen=True, slots=True)
class Picture:
    """An image without metadata, its displayed size in pixels, and its thumbnail (WebP)."""

    content: bytes
    width: int
    height: int
    thumbnail: bytes


def examine(kind: Kind, file: IO[bytes]) -> Examined:
    """Strip an image of metadata and estimate the work to decode it, from its structure and its header.

    Raises UnsupportedType if it is of another type, damaged, or needs too much work or memory.
    """
    assert kind.format
    file.seek(0)
    try:
        stripped = strip(kind.format, file.read())
        with Image.open(BytesIO(stripped.content), formats=[kind.format]) as image:
            work = image.width * image.height * stripped.scans
            if image.width * image.height > MAX_PIXELS or max(image.size) > MAX_SIDE:
                raise Image.DecompressionBombError
            if work > MAX_WORK or _memory(image, stripped.scans) > MAX_MEMORY:
                raise unsupported("The image takes too much work or memory to decode.")
            return Examined(kind, stripped, image.size, work)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise unsupported(f"Images can have up to {MAX_PIXELS // 1_000_000} million pixels.") from None
    except UnsupportedType:
        raise
    except Exception:  # Damaged data can make Pillow raise anything.
        raise mismatch(kind) from None


def render(examined: Examined) -> Picture:
    """Decode an image for its thumbnail, with at most `MAX_WORK` and `MAX_MEMORY`.

    Raises UnsupportedType if it is damaged.
    """
    content, (width, height) = examined.stripped.content, examined.size
    try:
        with Image.open(BytesIO(content), formats=[examined.kind.format or ""]) as image:
            thumbnail = encode(upright(image, (0, 0, *image.size), THUMBNAIL, _within_thumbnail))
    except Exception:
        raise mismatch(examined.kind) from None
    if examined.stripped.orientation >= SIDEWAYS:
        width, height = height, width
    return Picture(content, width, height, thumbnail)


def _memory(image: Any, scans: int) -> int:
    """The approximate peak memory for decoding, beyond what any image needs."""
    pixels = image.width * image.height
    if image.format == "JPEG":
        if scans == 1:
            return 0  # Reduced row by row.
        # The two-byte coefficients of all samples are held until the last scan.
        horizontal, vertical = (max(layer[at] for layer in image.layer) for at in (1, 2))
        return int(2 * pixels * sum(layer[1] * layer[2] for layer in image.layer) / (horizontal * vertical))
    return int(pixels * (_WEBP_BYTES if image.format == "WEBP" else _PIXEL_BYTES.get(image.mode, 4)))


def upright(image: Any, box: Box, limits: tuple[int, int], resize: Resize) -> Image.Image:
    """The part `box` (in pixels as stored) of an image that `resize` scales to `limits` or less, upright, in sRGB; decodes
    the whole image."""
    if image.format == "JPEG":
        # JPEG decodes directly to a fraction of the size.
        width, height = image.size
        sides = (box[2] - box[0], box[3] - box[1])
        enough = sqrt(_MAX_DRAFT / (width * height))
        wanted = [
            min(ceil(whole * limit / side), ceil(whole * enough))
            for whole, limit, side in zip(image.size, limits, sides, strict=True)
        ]
        image.draft("RGB", wanted)
        scales = (image.width / width, image.height / height) * 2
        left, upper, right, lower = (round(at * scale) for at, scale in zip(box, scales, strict=True))
        box = (left, upper, right, lower)
    scale = _TRANSPARENT.get(_raw_mode(image))
    image.load()
    if scale:
        _rescale_transparency(image, scale)
    small = ImageOps.exif_transpose(resize(_reduced(image, box, limits)))
    return _in_srgb(small, image.info.get("icc_profile") or b"")


def encode(image: Image.Image, quality: int = 75) -> bytes:
    """An image as WebP, without metadata."""
    out = BytesIO()
    image.save(out, "WEBP", quality=quality, icc_profile=b"", exif=b"")
    return out.getvalue()


def _within_thumbnail(image: Image.Image) -> Image.Image:
    image.thumbnail(THUMBNAIL)
    return image


def _raw_mode(image: Any) -> str:
    """The mode to which Pillow will unpack a PNG."""
    return str(image.tile[0].args) if image.format == "PNG" and image.tile else ""


def _rescale_transparency(image: Image.Image, scale: Callable[[int], int]) -> None:
    transparent = image.info.get("transparency")
    if isinstance(transparent, tuple):
        image.info["transparency"] = tuple(map(scale, transparent))
    elif isinstance(transparent, int):
        image.info["transparency"] = scale(transparent)


def _reduced(image: Image.Image, box: Box, limits: tuple[int, int]) -> Image.Image:
    """A part of an image in RGB, or RGBA if it has transparent pixels, reduced to at least twice the size `limits`.

    A transparent colour is exact only before scaling, and a converted copy of the whole image would take four more
    bytes per pixel: so it is converted in strips.
    """
    mode = "RGBA" if image.has_transparency_data else "RGB"
    left, upper, right, lower = box
    width, height = right - left, lower - upper
    across, down = (max(1, side // (2 * limit)) for side, limit in zip((width, height), limits, strict=True))
    small = Image.new(mode, (ceil(width / across), ceil(height / down)))
    rows = down * max(1, _STRIP_PIXELS // (width * down))
    for top in range(0, height, rows):
        strip = image.crop((left, upper + top, right, upper + min(top + rows, height)))
        small.paste(_coloured(strip, mode).reduce((across, down)), (0, top // down))
    small.info = {name: value for name, value in image.info.items() if name == "exif"}
    return small


def _coloured(image: Image.Image, mode: str) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey.
        info, image = image.info, image.point(lambda value: value / 256).convert("L")
        image.info = info
    return image if image.mode == mode else image.convert(mode)


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert the colours of an RGB or RGBA image from `profile` to sRGB; unchanged if the profile has another colour
    model."""
    if profile[16:20] != b"RGB ":
        return image
    try:
        srgb = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image.convert("RGB"), BytesIO(profile), srgb)
    except (ImageCms.PyCMSError, OSError, ValueError):  # A broken profile counts as none.
        return image
    assert converted
    if image.mode == "RGBA":
        converted.putalpha(image.getchannel("A"))
    return converted
