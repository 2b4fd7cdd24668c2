"""Ends the program when this process is killed, so that no orphan keeps the role's ports and files."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

__all__ = ["before_start", "bind"]

if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _EXTENDED_LIMITS = 9
    _KILL_ON_CLOSE = 0x2000

    class _BasicLimits(ctypes.Structure):
        _fields_ = (
            ("PerProcessUserTimeLimit", ctypes.c_int64),
            ("PerJobUserTimeLimit", ctypes.c_int64),
            ("LimitFlags", wintypes.DWORD),
            ("MinimumWorkingSetSize", ctypes.c_size_t),
            ("MaximumWorkingSetSize", ctypes.c_size_t),
            ("ActiveProcessLimit", wintypes.DWORD),
            ("Affinity", ctypes.c_size_t),
            ("PriorityClass", wintypes.DWORD),
            ("SchedulingClass", wintypes.DWORD),
        )

    class _ExtendedLimits(ctypes.Structure):
        _fields_ = (
            ("BasicLimitInformation", _BasicLimits),
            ("IoInfo", ctypes.c_uint64 * 6),
            ("ProcessMemoryLimit", ctypes.c_size_t),
            ("JobMemoryLimit", ctypes.c_size_t),
            ("PeakProcessMemoryUsed", ctypes.c_size_t),
            ("PeakJobMemoryUsed", ctypes.c_size_t),
        )

    def bind(process: subprocess.Popen[bytes]) -> bool:
        """Put the program into a job that Windows ends with its last handle, ours; say whether it is in.

        The handle is never closed: it ends with this process, however that ends.
        """
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.CreateJobObjectW.restype = wintypes.HANDLE
        job = kernel.CreateJobObjectW(None, None)
        if not job:
            return False
        limits = _ExtendedLimits()
        limits.BasicLimitInformation.LimitFlags = _KILL_ON_CLOSE
        size = ctypes.sizeof(limits)
        handle = wintypes.HANDLE(job)
        if not kernel.SetInformationJobObject(handle, _EXTENDED_LIMITS, ctypes.byref(limits), size):
            return False
        program = wintypes.HANDLE(int(getattr(process, "_handle")))  # noqa: B009 - typeshed has it not
        return bool(kernel.AssignProcessToJobObject(handle, program))

    def before_start() -> Callable[[], None] | None:
        """What the program's process has to do first: nothing on Windows."""
        return None

else:
    _PR_SET_PDEATHSIG = 1

    def bind(_process: subprocess.Popen[bytes]) -> bool:
        """Nothing is left to do once the program runs."""
        return True

    def before_start() -> Callable[[], None] | None:
        """What the program's process has to do first: ask Linux for SIGTERM at our death."""
        if not sys.platform.startswith("linux"):
            return None
        try:
            import ctypes

            prctl = ctypes.CDLL(None).prctl
        except (ImportError, OSError, AttributeError):
            return None  # a Python without ctypes: whoever supervises us ends what is left
        return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
