"""Register, log in, refresh tokens."""

from chatapp.feature import Feature
from chatapp.features.auth import jobs, subscribers, views

feature = Feature(
    "auth",
    resources=(views.resource, views.server),
    subscribers=subscribers.SUBSCRIBERS,
    jobs=jobs.JOBS,
)
