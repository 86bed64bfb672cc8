"""The sessions of users: list them and end them, also for servers."""

from chatapp.feature import Feature
from chatapp.features.sessions import cache, subscribers, views

feature = Feature(
    "sessions",
    resources=(views.resource, views.server),
    capabilities=("sessions",),
    subscribers=subscribers.SUBSCRIBERS,
    tasks=((cache.NOTE_SECONDS, cache.note_used),),
)
