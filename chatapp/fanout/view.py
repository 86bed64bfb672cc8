"""Whether this worker is in step with the others."""

from chatapp.core.application import PerApplication


class WorkerView:
    """What this worker knows of the other workers.

    `connected` is False while their events don't arrive: a member may have been removed, or a session ended, without
    this worker's knowledge. `epoch` counts what makes an actor that was read before out of date: ended sessions, changed
    accounts, and reconnections. `outages` counts disconnections: data of all kinds that was read before the last one is
    out of date.
    """

    def __init__(self) -> None:
        self.connected = True
        self.epoch = 0
        self.outages = 0

    def disconnect(self) -> None:
        """The bus is disconnected."""
        self.connected = False
        self.outages += 1

    def connect(self) -> None:
        """The bus is connected again, and what was missed is known."""
        self.connected = True
        self.epoch += 1


# The view of the application.
view = PerApplication(WorkerView).get
