"""Returning freed memory to the operating system."""

from __future__ import annotations

import contextlib
import ctypes


def release_freed_memory() -> None:
    """Asks the C library to return freed memory to the system; glibc keeps it, and resident memory grows.

    Does nothing with C libraries that have no such call.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
