"""Uploads, their storage, and their download by members."""

from chatapp.feature import Feature
from chatapp.features.files import views

feature = Feature(
    "files",
    resources=(views.resource,),
)
