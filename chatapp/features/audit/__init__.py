"""The audit log."""

from chatapp.feature import Feature
from chatapp.features.audit import jobs, views

feature = Feature("audit", resources=(views.resource,), jobs=jobs.JOBS)
