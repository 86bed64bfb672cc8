"""How the memory of this process is handed back."""

import ctypes

_M_MMAP_THRESHOLD = -3  # As in glibc's malloc.h.
LARGE = 128 * 1024


def return_large_blocks() -> None:
    """Have blocks of more than 128 KiB go back to the system as soon as they are free.

    Left alone, glibc takes a large block that was freed as a sign that such blocks should be kept, by each thread for
    itself: after some uploads and images a worker would hold 120 MB that nothing is in. Elsewhere it changes nothing.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_MMAP_THRESHOLD, LARGE)
