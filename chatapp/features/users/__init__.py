"""User profiles and search."""

from chatapp.feature import Feature
from chatapp.features.users import views

feature = Feature(
    "users",
    resources=(views.resource,),
)
