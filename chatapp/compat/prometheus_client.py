"""Private names of prometheus-client.

- `MmapedDict`, `mmap_key` and `floatToGoString`, and the names of the files of its multiprocess mode
  (`counter_<pid>.db`): metrics are plain numbers (`core/metrics.py`), written to these files once a second, since the
  library's instruments write with each count.
"""

import mmap
import os
from collections.abc import Callable
from pathlib import Path

from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.utils import floatToGoString

__all__ = ["MmapedDict"]

TESTED = ("0.26.0", "0.26.0")

# The key of a sample: the names of metric and sample, the names and values of its labels, and the help text.
sample_key: Callable[[str, str, list[str], list[str], str], str] = mmap_key
# The upper bound of a histogram bucket, as the value of its label `le`.
bound_label: Callable[[float], str] = floatToGoString


def open_values(folder: Path, kind: str) -> MmapedDict:
    """The file of this process with the values of metrics of a kind, as the multiprocess mode reads them."""
    path = folder / f"{kind}_{os.getpid()}.db"
    if not path.exists():
        # Another worker may read the file at any time, so it must never be empty, as the library creates it.
        draft = path.with_suffix(".new")
        draft.write_bytes(bytes(mmap.PAGESIZE))
        draft.rename(path)
    return MmapedDict(str(path))
