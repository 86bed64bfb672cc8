"""Column types and defaults that several tables share."""

from datetime import datetime
from typing import Annotated

from sqlalchemy import BigInteger, ForeignKey, Uuid, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import mapped_column

# Milliseconds, as in the API: clients sort like the database.
Moment = TIMESTAMP(timezone=True, precision=3)

Id = Annotated[str, mapped_column(Uuid(as_uuid=False), primary_key=True)]
UserRef = Annotated[str, mapped_column(Uuid(as_uuid=False), ForeignKey("users.id"))]
ChatRef = Annotated[str, mapped_column(Uuid(as_uuid=False), ForeignKey("chats.id", ondelete="CASCADE"))]
CreatedAt = Annotated[datetime, mapped_column(Moment, server_default=text("now()"))]
SomeTime = Annotated[datetime | None, mapped_column(Moment)]
Counter = Annotated[int, mapped_column(BigInteger, server_default=text("0"))]
MessageRef = Annotated[str, mapped_column(Uuid(as_uuid=False), ForeignKey("messages.id", ondelete="CASCADE"))]
