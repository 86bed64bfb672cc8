"""The version of the server, in the form of Semantic Versioning; each package.json has the same (tests/rest/test_version.py)."""

__version__ = "0.2.0"
