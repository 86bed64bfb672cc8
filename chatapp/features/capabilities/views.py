"""REST endpoint of the capabilities."""

from chatapp.features.capabilities import queries
from chatapp.features.capabilities.schemas import Capabilities, CapabilitiesSchema
from chatapp.rest.resource import Resource

resource = Resource("capabilities", "/capabilities", "What this server can do.")
# As long as clients and proxies may keep the response.
CACHE_SECONDS = 60


@resource.endpoint("GET", "", public=True, returns=CapabilitiesSchema, cache_seconds=CACHE_SECONDS)
def get_capabilities() -> Capabilities:
    """Get what this server can do.

    Use it to show only what is available. A server of version 1 returns 404.
    """
    return queries.read()
