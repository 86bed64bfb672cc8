"""What a user alone sees of chats: muted, archived, hidden, pinned, marked as unread, cleared, and single messages hidden."""

from chatapp.feature import Feature
from chatapp.features.chat_states import server_events, views
from chatapp.features.chat_states.actions import MAX_HIDDEN, MAX_PINNED

feature = Feature(
    "chat_states",
    resources=(views.resource,),
    server_events=server_events.SERVER_EVENTS,
    capabilities=("personal_state",),
    limits={"pinnedChats": lambda _: MAX_PINNED, "hiddenPerChat": lambda _: MAX_HIDDEN},
)
