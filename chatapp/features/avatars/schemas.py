"""Schemas of avatars."""

from typing import Any

from marshmallow import ValidationError, fields, validate

from chatapp.core.json_input import decode_json
from chatapp.core.schemas import Digits, Input, Whole, absent
from chatapp.features.avatars.pictures import LARGE, SMALL, Crop
from chatapp.features.files.images import MAX_SIDE
from chatapp.features.files.schemas import File


class CropSchema(Input):
    """A square of the upright image, in pixels."""

    x = Whole(required=True, validate=validate.Range(0, MAX_SIDE))
    y = Whole(required=True, validate=validate.Range(0, MAX_SIDE))
    size = Whole(required=True, validate=validate.Range(1, MAX_SIDE))


_CROP = CropSchema()


class CropField(fields.Field[Crop]):
    """A crop, as JSON in a text part of a form."""

    def __init__(self, **kwargs: Any) -> None:
        side = {"type": "integer", "minimum": 0, "maximum": MAX_SIDE}
        metadata = {
            "type": "object",
            "description": "The square of the upright image to show, in pixels, as JSON; by default the centred square.",
            "properties": {"x": side, "y": side, "size": side | {"minimum": 1}},
            "required": ["x", "y", "size"],
            "additionalProperties": False,
            "example": {"x": 0, "y": 40, "size": 640},
        }
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Crop:
        try:
            return Crop(**_CROP.load(decode_json(value if isinstance(value, str) else "")))
        except ValueError:
            raise ValidationError("Must be JSON: {x, y, size}.") from None


class AvatarForm(Input):
    """A picture. Put the file last in the form, so that a refused request fails before the upload."""

    crop = CropField(load_default=absent)
    file = File(
        required=True,
        metadata={"description": "A JPEG, PNG, GIF (its first frame) or WebP of up to 10 MB, with a file name."},
    )


class SizeQuery(Input):
    """The size of the picture."""

    size = Digits(
        load_default=LARGE,
        validate=validate.OneOf((SMALL, LARGE)),
        metadata={"description": "Its width and height in pixels.", "example": SMALL},
    )
