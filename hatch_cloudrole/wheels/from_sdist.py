"""From a pinned sdist to a verified wheel in the store that fits the target, or to the reason why not."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import partial as partial_call
from typing import TYPE_CHECKING

from hatch_cloudrole.lock.alternatives import Alternatives
from hatch_cloudrole.wheels.advice import unbuildable
from hatch_cloudrole.wheels.build import BuildError, build_wheel, rewrite_wheel
from hatch_cloudrole.wheels.fetch import FetchError, safe_filename
from hatch_cloudrole.wheels.model import Provenance
from hatch_cloudrole.wheels.native import (
    AuditError,
    Interpreter,
    audit,
    find_interpreter,
    holds_compiled_code,
)
from hatch_cloudrole.wheels.sdist import BadSdistError, read_build_requires
from hatch_cloudrole.wheels.verify import BadWheelError, read_wheel, tags_fit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hatch_cloudrole.errors import Fault
    from hatch_cloudrole.lock.indexes import Indexes
    from hatch_cloudrole.lock.model import Artifact, Pin
    from hatch_cloudrole.process import Runner
    from hatch_cloudrole.target import Target
    from hatch_cloudrole.wheels.model import Wheel
    from hatch_cloudrole.wheels.native import Host
    from hatch_cloudrole.wheels.store import Store

__all__ = ["SdistBuilder", "UnbuildableError"]

PURE_SECONDS = 600
"""How long a build may take whose result counts only if it is pure: compiling would be for nothing."""

COMPILE_SECONDS = 3600
"""How long a build may take that may compile."""


class UnbuildableError(Exception):
    """A package has no wheel that fits; holds the fault, with what was found and what helps."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(str(fault))


class _RefusedError(Exception):
    """What an sdist came to, in words, and the remedies that this suggests."""

    def __init__(self, outcome: str, *first: str) -> None:
        self.outcome = outcome
        self.first = first
        super().__init__(outcome)


@dataclass(frozen=True, kw_only=True, slots=True)
class SdistBuilder:
    """Builds sdists on `host`. `bring` writes an artifact, whose hash it has checked, to a path.

    May be called from several threads.
    """

    store: Store
    bring: Callable[[Artifact, Path], object]
    run: Runner
    env: Mapping[str, str]
    indexes: Indexes
    root: Path
    offline: bool
    exclude_newer: str
    host: Host
    cancelled: threading.Event = field(default_factory=threading.Event)
    """Set it, and builds that run are stopped."""

    def build(self, pin: Pin, target: Target) -> Wheel:
        """The wheel of `pin` for `target`, built from its sdist and kept in the store.

        :raises UnbuildableError: there is no sdist, or it builds to nothing that fits.
        :raises FetchError: the sdist did not arrive.
        :raises OSError: the store cannot be written.
        """
        try:
            if pin.sdist is None:
                raise _RefusedError("")
            return self._build(pin, pin.sdist, target)
        except _RefusedError as error:
            alternatives = Alternatives(
                run=self.run,
                env=self.env,
                indexes=self.indexes,
                root=self.root,
                offline=self.offline,
                exclude_newer=self.exclude_newer,
            )
            found = alternatives.find(str(pin.name), str(pin.version), target)
            raise UnbuildableError(
                unbuildable(pin, target, error.outcome, found, first=error.first)
            ) from None

    def _build(self, pin: Pin, sdist: Artifact, target: Target) -> Wheel:
        compiles = self.host.compiles_for(target)
        own = find_interpreter(self.host, target, run=self.run, env=self.env) if compiles else None
        python = own or self.host.interpreter
        with self.store.partial(safe_filename(sdist.filename)) as partial:
            self.bring(sdist, partial)
            try:
                requires = read_build_requires(partial)
                built = build_wheel(
                    partial,
                    partial.parent / "built",
                    run=partial_call(self.run, cancelled=self.cancelled),
                    env=self.env,
                    indexes=self.indexes,
                    root=self.root,
                    offline=self.offline,
                    exclude_newer=self.exclude_newer,
                    python=python.path,
                    seconds=COMPILE_SECONDS if own else PURE_SECONDS,
                )
                path, audited = self._fitting(built.path, target, python, compiles=compiles)
                anew = partial.parent / "anew" / path.name
                anew.parent.mkdir()
                wheel = read_wheel(
                    anew,
                    anew.name,
                    content=rewrite_wheel(path, anew),
                    expect=(pin.name, pin.version),
                    built_from=sdist.sha256,
                )
            except BuildError as error:
                if error.transport:
                    raise FetchError(error.fault) from None
                first = (
                    [f"install on this host what the build lacks{_no_python(target, own)}"]
                    if compiles
                    else []
                )
                raise _RefusedError(error.fault.what, *first) from None
            except BadSdistError as error:
                raise _RefusedError(f"refused: {error}") from None
            except BadWheelError as error:
                raise _RefusedError(f"the wheel that it builds to is refused: {error}") from None
            kept = self.store.add_wheel(anew, wheel)
        provenance = Provenance(
            sdist=sdist.filename,
            sha256=sdist.sha256,
            wheel=kept.filename,
            requires=requires,
            used=built.used,
            host=str(self.host),
            python=python.version,
            audited=audited,
        )
        self.store.add_built(target, kept, provenance)
        return kept

    def _fitting(
        self, built: Path, target: Target, python: Interpreter, *, compiles: bool
    ) -> tuple[Path, bool]:
        """The wheel as it fits the target, and whether auditwheel made it fit.

        :raises _RefusedError: it does not fit.
        """
        where = f"built here (CPython {python.minor}, {self.host}) it gives {built.name}"
        if not holds_compiled_code(built.name):
            if tags_fit(built.name, target.tags()):
                return built, False
            raise _RefusedError(f"{where}, which is for another Python")
        if not target.is_linux and tags_fit(built.name, target.tags()):
            return built, False
        if not compiles:
            raise _RefusedError(f"{where}, which holds code compiled for this host")
        if python.minor != target.minor and "-abi3-" not in built.name:
            raise _RefusedError(
                f"{where}, with code compiled for another Python: this host has no CPython {target.minor}",
                f"install CPython {target.minor} with its headers on this host: then it is compiled here",
            )
        try:
            repaired = audit(built, built.parent / "repaired", target, run=self.run, env=self.env)
        except AuditError as error:
            raise _RefusedError(f"{where}; auditwheel finds: {error}") from None
        if not tags_fit(repaired.name, target.tags()):
            raise _RefusedError(f"{where}, and auditwheel makes {repaired.name} of it")
        return repaired, True


def _no_python(target: Target, own: Interpreter | None) -> str:
    """What is lacking of Python, when this host might compile for `target` but has not its interpreter."""
    return " (see its output)" if own else f", and CPython {target.minor} with its headers"
