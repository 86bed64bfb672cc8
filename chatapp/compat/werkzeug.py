"""Undocumented names of Werkzeug.

- `werkzeug.sansio.multipart` is the parser behind `request.files`. It is used directly, so that the fields before a file
  are checked before the file is read, and a file is written where it will stay (`rest/multipart.py`).
"""

from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

__all__ = ["Data", "Epilogue", "Event", "Field", "File", "MultipartDecoder", "NeedData"]

TESTED = ("3.1.9", "3.1.9")
