"""What a feature adds to the application: declared in `chatapp/features/<name>/__init__.py`, mounted by the factory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from chatapp.core.events import Subscriber
from chatapp.core.jobs import JobType
from chatapp.core.outbox import OnceSubscriber
from chatapp.rest.resource import Resource
from chatapp.sockets.client_events import ClientEvent
from chatapp.sockets.server_events import ServerEvent


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature.

    `subscribers` run on every worker after the commit, at most once for an event; `once_subscribers` on one worker, at
    least once. `tasks` are background tasks of every worker, each with the seconds between two runs; `jobs` run on one.
    """

    name: str
    resources: Sequence[Resource] = ()
    client_events: Sequence[ClientEvent] = ()
    server_events: Sequence[ServerEvent] = ()
    subscribers: Mapping[type, Sequence[Subscriber]] = field(default_factory=dict)
    once_subscribers: Sequence[OnceSubscriber] = ()
    tasks: Sequence[tuple[float, Callable[[], None]]] = ()
    jobs: Sequence[JobType] = ()


def subscribers_of(features: Sequence[Feature]) -> dict[type, list[Subscriber]]:
    """The subscribers of each type of event, in the order of the features."""
    table: dict[type, list[Subscriber]] = {}
    for feature in features:
        for kind, subscribers in feature.subscribers.items():
            table.setdefault(kind, []).extend(subscribers)
    return table
