"""API keys, reports, and jobs of the server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Unpack

from chatapp_client._async import waiting
from chatapp_client._async.transport import AsyncPart, segment
from chatapp_client.types import ApiKey, CreateKey, Job, NewApiKey, PatchKey, PatchReport, Report

POLL_SECONDS = 1.0


class AsyncKeys(AsyncPart):
    """API keys; needs the scope `keys`."""

    async def create(self, **fields: Unpack[CreateKey]) -> NewApiKey:
        """Create a key; `secret` in the response is the complete key, and is never shown again."""
        key: NewApiKey = await self._transport.call("POST", "/admin/keys", body=fields)
        return key

    def list(self) -> AsyncIterator[ApiKey]:
        """All keys, also those revoked in the last 90 days."""
        return self._transport.pages("/admin/keys")

    async def update(self, key_id: str, **changes: Unpack[PatchKey]) -> ApiKey:
        """Change a key."""
        key: ApiKey = await self._transport.call("PATCH", f"/admin/keys/{segment(key_id)}", body=changes)
        return key

    async def rotate(self, key_id: str, *, overlap: str = "24h") -> NewApiKey:
        """Give a key a new secret; the old one stays valid for `overlap` (`0s` to `7d`)."""
        path = f"/admin/keys/{segment(key_id)}/rotate"
        key: NewApiKey = await self._transport.call("POST", path, body={"overlap": overlap})
        return key

    async def revoke(self, key_id: str) -> None:
        """Refuse a key from now on."""
        await self._transport.call("DELETE", f"/admin/keys/{segment(key_id)}")


class AsyncReports(AsyncPart):
    """Reports of users to the moderators; needs the scope `moderation`."""

    def list(self, *, status: str | None = None, expand: str | None = None) -> AsyncIterator[Report]:
        """Reports, newest first; `expand="target"` adds the reported user and chat."""
        return self._transport.pages("/admin/reports", {"status": status, "expand": expand})

    async def update(self, report_id: str, **changes: Unpack[PatchReport]) -> Report:
        """Close or reopen a report, or change its note."""
        report: Report = await self._transport.call("PATCH", f"/admin/reports/{segment(report_id)}", body=changes)
        return report


class AsyncJobs(AsyncPart):
    """Work of the server that takes a while, such as the erasure of a user."""

    async def get(self, job_id: str) -> Job:
        """A job that this key started."""
        job: Job = await self._transport.call("GET", f"/server/jobs/{segment(job_id)}")
        return job

    async def wait(self, job: Job) -> Job:
        """The job, once it is `done` or `failed`."""
        while job["status"] in ("queued", "running"):
            await waiting.sleep(POLL_SECONDS)
            job = await self.get(job["id"])
        return job
