"""Avatars by upload: of users and of groups."""

from chatapp.feature import Feature
from chatapp.features.avatars import jobs, views

feature = Feature(
    "avatars",
    resources=(views.resource, views.servers, views.images),
    jobs=jobs.JOBS,
    capabilities=("avatars",),
)
