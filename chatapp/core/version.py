"""The version of the server, in the form of Semantic Versioning."""

__version__ = "0.2.0"
