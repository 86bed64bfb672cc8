"""What a feature adds to the application: declared in `chatapp/features/<name>/__init__.py`, mounted by the factory."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from chatapp.core.events import Subscriber
from chatapp.core.jobs import JobType
from chatapp.core.outbox import OnceSubscriber
from chatapp.core.settings import Settings
from chatapp.rest.resource import Resource
from chatapp.sockets.client_events import ClientEvent
from chatapp.sockets.server_events import ServerEvent


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature.

    `subscribers` run on every worker after the commit, at most once for an event; `commit_subscribers` only on the worker
    that committed it; `once_subscribers` on one worker, at least once. `tasks` are background tasks of every worker, each
    with the seconds between two runs; `last_tasks` run once when a worker ends regularly; `jobs` run on one worker.
    `capabilities` are the names in `features` of `GET /capabilities` that the feature adds, and
    `limits` those in its `limits`; a feature that the configuration turns off (`is_on`) adds no names.
    """

    name: str
    resources: Sequence[Resource] = ()
    client_events: Sequence[ClientEvent] = ()
    server_events: Sequence[ServerEvent] = ()
    subscribers: Mapping[type, Sequence[Subscriber]] = field(default_factory=dict)
    commit_subscribers: Mapping[type, Sequence[Subscriber]] = field(default_factory=dict)
    once_subscribers: Sequence[OnceSubscriber] = ()
    tasks: Sequence[tuple[float, Callable[[], None]]] = ()
    last_tasks: Sequence[Callable[[], None]] = ()
    jobs: Sequence[JobType] = ()
    capabilities: Sequence[str] = ()
    limits: Mapping[str, Callable[[Settings], int]] = field(default_factory=dict)
    is_on: Callable[[Settings], bool] = lambda _: True


def merged(tables: Iterable[Mapping[type, Sequence[Subscriber]]]) -> dict[type, list[Subscriber]]:
    """The subscribers of each type of event, in the order of the tables."""
    table: dict[type, list[Subscriber]] = {}
    for each in tables:
        for kind, subscribers in each.items():
            table.setdefault(kind, []).extend(subscribers)
    return table
