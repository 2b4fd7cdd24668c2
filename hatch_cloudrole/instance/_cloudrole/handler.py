"""Finds the WSGI or ASGI application that an expression names, and tells its faults apart.

The expressions are `module:attribute` and the dotted form of wfastcgi, in which every name below the module
may be called: `shop.wsgi.app`, `shop.make_app()`, `shop.site:factory().app`.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
import traceback
from typing import Any

from .faults import HandlerError

__all__ = ["check_application", "load_handler", "raised"]

_LONGEST = 2000
"""Characters of what an exception says that go into the last line."""
_NAME = re.compile(r"([^\W\d]\w*)(\(\))?")


def load_handler(expression: str, *, arguments: int) -> Any:
    """Import what `expression` names; an application is called with `arguments` values (WSGI 2, ASGI 3).

    :raises HandlerError: what is wrong with it, with the traceback where code of the role raised.
    """
    module, steps = _import(expression)
    value: Any = module
    said = module.__name__
    for name, call in steps:
        value = _attribute(value, name, said, expression)
        said = f"{said}.{name}"
        if call:
            value = _called(value, said, expression, arguments)
            said += "()"
    check_application(value, expression, arguments, said)
    return value


def _import(expression: str) -> tuple[Any, list[tuple[str, bool]]]:
    """The module, and the names below it with whether each is called."""
    before, colon, after = expression.partition(":")
    if colon:
        names, attributes = _names(before, expression), _names(after, expression)
        if any(call for _, call in names):
            raise HandlerError(
                f"handler {expression!r}: a module cannot be called; write the call behind the colon"
            )
        path = ".".join(name for name, _ in names)
        module = _try_import(path, expression)
        if module is None:
            raise HandlerError(f"handler {expression!r}: there is no module {path!r}{_nearest_module(path)}")
        return module, attributes
    names = _names(expression, expression)
    if len(names) < 2:
        raise HandlerError(
            f"handler {expression!r}: names a module only; write {expression}:app or {expression}.app"
        )
    # The longest importable prefix is the module. The last name never is one, nor is a name that is called.
    longest = next((index for index, (_, call) in enumerate(names) if call), len(names) - 1)
    for length in range(max(longest, 1), 0, -1):
        module = _try_import(".".join(name for name, _ in names[:length]), expression)
        if module is not None:
            return module, names[length:]
    path = ".".join(name for name, _ in names[:-1])
    raise HandlerError(f"handler {expression!r}: there is no module {path!r}{_nearest_module(names[0][0])}")


def _names(text: str, expression: str) -> list[tuple[str, bool]]:
    found = []
    for part in text.split("."):
        match = _NAME.fullmatch(part)
        if match is None:
            raise HandlerError(
                f"handler {expression!r}: {part!r} is not a name; write module:attribute or module:make()"
            )
        found.append((match[1], bool(match[2])))
    return found


def _try_import(path: str, expression: str) -> Any:
    """The module, or None where it does not exist; a module that exists but fails is a fault of its own."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name and (path == error.name or path.startswith(error.name + ".")):
            return None
        raise HandlerError(raised(f"importing {path!r}", expression, error)) from error
    except (Exception, SystemExit) as error:
        raise HandlerError(raised(f"importing {path!r}", expression, error)) from error


def raised(doing: str, expression: str, error: BaseException) -> str:
    """The traceback of `error`, and a last line that says what it means."""
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    last = " ".join(f"{type(error).__name__}: {_text(error)}".split())
    return f"{text.rstrip()}\nhandler {expression!r}: {doing} raised {last}"


def _text(error: BaseException) -> str:
    try:
        return str(error)[:_LONGEST]
    except Exception:  # noqa: BLE001 - the code of the role
        return "without a text"


def _attribute(value: Any, name: str, said: str, expression: str) -> Any:
    try:
        return getattr(value, name)
    except AttributeError:
        near = difflib.get_close_matches(name, [each for each in dir(value) if not each.startswith("__")], 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise HandlerError(f"handler {expression!r}: {said} has no {name!r}{hint}") from None
    except Exception as error:  # a module may find its names in code of its own
        raise HandlerError(raised(f"looking up {name!r} in {said}", expression, error)) from error


def _called(value: Any, said: str, expression: str, arguments: int) -> Any:
    if not callable(value):
        raise HandlerError(
            f"handler {expression!r}: {said} is {_kind(value)}, which cannot be called; leave () away"
        )
    if not _accepts(value, 0) and _accepts(value, arguments):
        raise HandlerError(f"handler {expression!r}: {said} is the application already; leave () away")
    try:
        return value()
    except (Exception, SystemExit) as error:
        raise HandlerError(raised(f"calling {said}", expression, error)) from error


def check_application(value: Any, expression: str, arguments: int, said: str = "it") -> None:
    """See that `value`, of which `said` says what it is, can be called with as many values.

    :raises HandlerError: it cannot.
    """
    if not callable(value):
        raise HandlerError(
            f"handler {expression!r}: {said} is {_kind(value)}, not an application that can be called"
        )
    # ASGI has had applications of one argument, which servers still take.
    if not _accepts(value, arguments) and not (arguments == 3 and _accepts(value, 1)) and _accepts(value, 0):
        raise HandlerError(f"handler {expression!r}: {said} makes the application; write {expression}()")


def _accepts(value: Any, count: int) -> bool:
    """Whether `value` can be called with `count` values; true where nobody knows."""
    try:
        signature = inspect.signature(value)
    except Exception:  # noqa: BLE001 - a stand-in for something else may raise whatever it likes
        return True
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return False
    return True


def _kind(value: Any) -> str:
    return "None" if value is None else f"of type {type(value).__name__}"


def _nearest_module(name: str) -> str:
    import pkgutil

    near = difflib.get_close_matches(name, {each.name for each in pkgutil.iter_modules()}, 1)
    return f"; did you mean {near[0]!r}?" if near and near[0] != name else ""
