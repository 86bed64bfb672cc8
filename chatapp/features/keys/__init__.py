"""API keys: create, list, change, rotate, revoke, verify."""

from chatapp.feature import Feature
from chatapp.features.keys import subscribers, views

feature = Feature(
    "keys",
    resources=(views.resource,),
    subscribers=subscribers.SUBSCRIBERS,
    capabilities=("server_keys", "act_as", "bots"),
)
