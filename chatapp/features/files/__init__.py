"""Uploads, their storage, and their download by members."""

from chatapp.feature import Feature
from chatapp.features.files import jobs, views

feature = Feature(
    "files",
    resources=(views.resource,),
    tasks=jobs.TASKS,
    jobs=jobs.JOBS,
    limits={"upload": lambda settings: settings.max_upload_bytes},
)
