"""Limits the uploads in progress of a user, and the bytes that they upload per day (UTC).

Both are counted in the database for all workers. Uploads of a dead worker no longer count.
"""

from collections import Counter

import structlog
from sqlalchemy import text

from chatapp.core import settings
from chatapp.core.application import PerApplication
from chatapp.core.errors import ChatError, RateLimited
from chatapp.core.unit_of_work import unit_of_work

log = structlog.get_logger()

# Uploads in progress on other workers; this worker's own are counted here and replace its part of the row.
_OTHERS = """
    ARRAY(
        SELECT p.worker_id FROM unnest(u.in_progress) p (worker_id) WHERE p.worker_id <> CAST(:worker AS uuid)
        AND EXISTS (SELECT FROM workers w WHERE w.id = p.worker_id AND w.expires_at > now())
    )
"""
_OWN = "array_fill(CAST(:worker AS uuid), ARRAY[CAST(:own AS integer)])"
_START = text(
    f"""
    INSERT INTO upload_usage AS u (user_id, day, bytes, in_progress)
    VALUES (:user_id, (now() AT TIME ZONE 'UTC')::date, 0, {_OWN})
    ON CONFLICT (user_id) DO UPDATE SET day = excluded.day, in_progress = {_OTHERS} || {_OWN},
        bytes = CASE WHEN u.day = excluded.day THEN u.bytes ELSE 0 END
    WHERE cardinality({_OTHERS}) + :place <= :limit AND (u.day < excluded.day OR u.bytes < :quota)
    RETURNING bytes
    """
)
_FINISH = text(
    f"UPDATE upload_usage u SET bytes = bytes + :size, in_progress = {_OTHERS} || {_OWN} WHERE user_id = :user_id"
)
_REFUSED = text(
    """
    SELECT day = (now() AT TIME ZONE 'UTC')::date AND bytes + :size >= :quota AS used_up,
           86400 - date_part('epoch', now())::bigint % 86400 AS until_tomorrow
    FROM upload_usage WHERE user_id = :user_id
    """
)

# The id of this worker; set by the factory.
worker = PerApplication[str]()
# Uploads in progress on this worker, by user.
_own = PerApplication[Counter[str]](Counter)


class UploadInProgress:
    """The allowance for one upload, from the first byte of its file to the response.

    Raises RateLimited for too many uploads at a time, and when the bytes of the day are used up.
    """

    def __init__(self, user_id: str) -> None:
        config = settings.current()
        self.size = 0
        self._user_id = user_id
        self._quota = config.upload_quota_bytes
        self._counts = config.ratelimit_enabled
        self._left = self._quota
        if self._counts:
            self._limit = config.max_uploads
            self._start()

    def _start(self) -> None:
        own = _own.get()
        own[self._user_id] += 1
        self._place = own[self._user_id]
        try:
            if self._place > self._limit:
                raise self._limit_error(busy=True)
            with unit_of_work() as work:
                used = work.db.scalar(_START, self._values())
                if used is None:
                    refused = work.db.execute(_REFUSED, self._values()).one()
                    raise self._limit_error(not refused.used_up, refused.until_tomorrow)
        except BaseException:
            self._forget()
            raise
        self._left = self._quota - used

    def add(self, size: int) -> None:
        """Count `size` more bytes; raises RateLimited, without counting them, beyond the rest of the day's quota."""
        self.size += size
        if self._counts and self.size > self._left:
            self.size = 0
            with unit_of_work() as work:
                refused = work.db.execute(_REFUSED, self._values()).one()
            raise self._limit_error(False, refused.until_tomorrow)

    def close(self) -> None:
        """End the upload; a second call does nothing."""
        if not self._counts:
            return
        self._counts = False
        self._forget()
        try:
            with unit_of_work(single=True) as work:
                work.db.execute(_FINISH, self._values())
        except ChatError as error:
            log.warning("upload_not_counted", user_id=self._user_id, size=self.size, error=error.code)

    def _forget(self) -> None:
        own = _own.get()
        own[self._user_id] -= 1
        if not own[self._user_id]:
            del own[self._user_id]

    def _values(self) -> dict[str, object]:
        return {
            "user_id": self._user_id,
            "worker": worker.get(),
            "own": _own.get()[self._user_id],
            "place": self._place,
            "limit": self._limit,
            "quota": self._quota,
            "size": self.size,
        }

    def _limit_error(self, busy: bool, until_tomorrow: int = 0) -> RateLimited:
        if busy:
            return RateLimited(
                1, self._limit, f"Too many uploads in progress: {self._limit} at a time. Try again soon."
            )
        megabytes = self._quota // 2**20
        return RateLimited(until_tomorrow, self._quota, f"The {megabytes} MB a day (UTC) for uploads are used up.")
