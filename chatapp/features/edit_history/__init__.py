"""Earlier texts of edited messages."""

from chatapp.feature import Feature
from chatapp.features.edit_history import views

feature = Feature(
    "edit_history",
    resources=(views.resource,),
    capabilities=("edit_history",),
    is_on=lambda settings: settings.edit_history != "off",
)
