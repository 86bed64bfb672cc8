"""Reports of messages, users and chats to the moderators."""

from chatapp.feature import Feature
from chatapp.features.reports import jobs, views
from chatapp.features.reports.events import ReportCreated

feature = Feature(
    "reports",
    resources=(views.resource, views.moderation_resource),
    # None yet: it is recorded for `once` subscribers.
    subscribers={ReportCreated: ()},
    jobs=jobs.JOBS,
    capabilities=("reports",),
)
