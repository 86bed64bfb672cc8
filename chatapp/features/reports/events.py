"""Domain events of reports."""

from dataclasses import dataclass

from chatapp.core.errors import Json
from chatapp.core.events import Announced


@dataclass(frozen=True, slots=True)
class ReportCreated(Announced):
    """A user reported a message, a user or a chat."""

    report_id: str

    def outbox_fields(self) -> tuple[str | None, Json | None]:
        """The id of the report."""
        return self.report_id, None
