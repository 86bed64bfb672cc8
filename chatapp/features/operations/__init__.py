"""The state of the server and its jobs, for operators and backends."""

from chatapp.feature import Feature
from chatapp.features.operations import views

feature = Feature("operations", resources=(views.resource, views.server_jobs))
