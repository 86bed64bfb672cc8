"""REST endpoint of the capabilities."""

from chatapp.features.capabilities import queries
from chatapp.features.capabilities.schemas import Capabilities, CapabilitiesSchema
from chatapp.rest.resource import Resource

resource = Resource("capabilities", "/capabilities", "The features and limits of the server.")
# As long as clients and proxies may keep the response.
CACHE_SECONDS = 60


@resource.endpoint("GET", "", public=True, returns=CapabilitiesSchema, cache_seconds=CACHE_SECONDS)
def get_capabilities() -> Capabilities:
    """Get the features and limits of this server.

    Use it to show only what is available. A server of version 1 returns 404.
    """
    return queries.read()
