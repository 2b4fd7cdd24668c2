"""What can go wrong on an instance, one class for each exit code of `role.py`."""

from __future__ import annotations

__all__ = [
    "BusyError",
    "DiskError",
    "HandlerError",
    "IisError",
    "InterpreterError",
    "NotConfiguredError",
    "ProgramError",
    "RoleError",
    "SettingsError",
    "WheelhouseError",
]


class RoleError(Exception):
    """A fault with a known cause; its text is the last line of the log.

    The codes lie above 100, where few programs have their own, and below 126, where shells have theirs.
    """

    exit_code = 1


class SettingsError(RoleError):
    """role.json is missing, unreadable, or of another schema."""

    exit_code = 101


class InterpreterError(RoleError):
    """The interpreter is not the one that the wheels are for."""

    exit_code = 102


class WheelhouseError(RoleError):
    """A wheel is missing, is not what was packaged, or is refused for what it holds."""

    exit_code = 103


class DiskError(RoleError):
    """The disk is full, or something may not be read or written."""

    exit_code = 104


class IisError(RoleError):
    """The site's web.config, a Windows feature or the registration with IIS."""

    exit_code = 105


class NotConfiguredError(RoleError):
    """The packages are not installed as role.json has them: `configure` has to run first."""

    exit_code = 106


class ProgramError(RoleError):
    """The program of the role cannot be started."""

    exit_code = 107


class HandlerError(RoleError):
    """The WSGI or ASGI handler cannot be loaded."""

    exit_code = 108


class BusyError(RoleError):
    """Another `configure` works for longer than anybody waits."""

    exit_code = 109
