"""Users of the operator's app, for servers: create, change, deactivate and look up."""

from chatapp.feature import Feature
from chatapp.features.server_users import views

feature = Feature(
    "server_users",
    resources=(views.users, views.others),
)
