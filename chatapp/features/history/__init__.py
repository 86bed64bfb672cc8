"""Single messages, the files of a chat, and the mentions of a user."""

from chatapp.feature import Feature
from chatapp.features.history import views

feature = Feature(
    "history",
    resources=(views.resource, views.mentions_resource),
    capabilities=("files",),
)
