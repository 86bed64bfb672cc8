"""Accept tokens that the operator's app issued: in exchange for a session, and in place of access tokens."""

from chatapp.feature import Feature
from chatapp.features.app_tokens import views

feature = Feature("app_tokens", resources=(views.resource,))
