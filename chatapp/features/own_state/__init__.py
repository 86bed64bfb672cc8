"""What only one user sees: the counter `meRev` of its changes, their events, and `me` of `sync`."""

from chatapp.feature import Feature
from chatapp.features.own_state import subscribers

feature = Feature("own_state", subscribers=subscribers.SUBSCRIBERS)
