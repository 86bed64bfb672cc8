"""Change passwords, and reset forgotten ones with a code."""

from chatapp.feature import Feature
from chatapp.features.passwords import views

feature = Feature("passwords", resources=(views.resource,))
