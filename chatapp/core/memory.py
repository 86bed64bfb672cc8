"""Returns freed memory to the operating system (glibc)."""

import ctypes

_M_MMAP_THRESHOLD = -3  # From glibc's malloc.h.
LARGE = 128 * 1024


def return_large_blocks() -> None:
    """Return blocks of more than 128 KiB to the system as soon as they are freed.

    By default glibc raises that threshold whenever a large block is freed, per thread: after some uploads and images a
    worker would hold 120 MB of unused memory. Does nothing on other systems.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_MMAP_THRESHOLD, LARGE)
