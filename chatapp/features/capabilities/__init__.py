"""The features and limits of this server, for clients and backends."""

from chatapp.feature import Feature
from chatapp.features.capabilities import views

feature = Feature("capabilities", resources=(views.resource,))
