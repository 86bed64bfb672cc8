"""Draws the files of the demo data: an evening at a lake, and a page with a list."""

import math
from collections.abc import Sequence
from io import BytesIO

from PIL import Image, ImageChops, ImageDraw, ImageOps

SIZE = (1280, 854)
# A4 at 100 dots per inch.
PAGE, MARGIN = (827, 1169), 90
SHORE = 500
# From far to near: height above the shore, roughness, colour.
HILLS = ((210, 1.0, "#8d7fa3"), (140, 1.7, "#5d5f86"), (70, 2.9, "#33415f"))


def lake() -> bytes:
    """The picture, as JPEG."""
    width, height = SIZE
    gradient = Image.linear_gradient("L").resize((width, SHORE))
    picture = Image.new("RGB", SIZE)
    picture.paste(ImageOps.colorize(gradient, "#3f6fa8", "#ffd8a3", mid="#d99aa5"))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((820, 330, 920, 430), fill="#fff1cf")
    for high, rough, colour in HILLS:
        ridge = [(x, SHORE - high * (0.55 + 0.45 * _wave(x / width * rough + high))) for x in range(0, width + 8, 8)]
        draw.polygon([(0, SHORE), *ridge, (width, SHORE)], fill=colour)
    # The water: a darker, slightly distorted mirror image.
    mirrored = ImageOps.flip(picture.crop((0, 2 * SHORE - height, width, SHORE)))
    for y in range(mirrored.height):
        shift = round(3 * math.sin(y * 0.9) * (1 + y / 60))
        line = ImageChops.offset(mirrored.crop((0, y, width, y + 1)), shift, 0)
        picture.paste(
            Image.blend(line, Image.new("RGB", line.size, "#24406b"), 0.25 + 0.35 * y / mirrored.height), (0, SHORE + y)
        )
    content = BytesIO()
    picture.save(content, "JPEG", quality=88)
    return content.getvalue()


def _wave(x: float) -> float:
    """Hills between 0 and 1."""
    return 0.5 + 0.3 * math.sin(6.1 * x) + 0.15 * math.sin(13.7 * x + 1) + 0.05 * math.sin(41 * x)


def page(lines: Sequence[str]) -> bytes:
    """A page with these lines, as a PDF."""
    sheet = Image.new("L", PAGE, "white")
    ImageDraw.Draw(sheet).multiline_text((MARGIN, MARGIN), "\n".join(lines), "black", font_size=28, spacing=12)
    file = BytesIO()
    sheet.save(file, "PDF")
    return file.getvalue()
