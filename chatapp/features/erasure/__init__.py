"""Erasure of users: their data, and on request their messages."""

from chatapp.feature import Feature
from chatapp.features.erasure import jobs, views

feature = Feature(
    "erasure",
    resources=(views.resource,),
    jobs=jobs.JOBS,
)
