"""Administration of accounts."""

from chatapp.feature import Feature
from chatapp.features.admin import views

feature = Feature(
    "admin",
    resources=(views.resource,),
)
