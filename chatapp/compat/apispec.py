"""Undocumented names of apispec.

- `components.schemas` has the schemas of a document by name. There is no method to look one up or to remove one.
- `converter.spec` is the document that the converter of schemas completes; functions that add attributes to a field get
  only the converter.
"""

from typing import Any

TESTED = ("6.10.1", "6.10.1")


def schemas_of(spec: Any) -> dict[str, Any]:
    """The schemas of a document by name: its own dictionary."""
    schemas: dict[str, Any] = spec.components.schemas
    return schemas


def document_of(converter: Any) -> Any:
    """The document that a converter of schemas completes."""
    return converter.spec
