"""Pinned messages of chats."""

from chatapp.feature import Feature
from chatapp.features.pins import views
from chatapp.features.pins.actions import MAX_PINS

feature = Feature("pins", resources=(views.resource,), capabilities=("pins",), limits={"pins": lambda _: MAX_PINS})
