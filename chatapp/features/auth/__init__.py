"""Register, log in, refresh tokens, log out."""

from chatapp.feature import Feature
from chatapp.features.auth import jobs, subscribers, views

feature = Feature(
    "auth",
    resources=(views.resource,),
    subscribers=subscribers.SUBSCRIBERS,
    jobs=jobs.JOBS,
)
