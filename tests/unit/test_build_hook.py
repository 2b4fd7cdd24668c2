"""When the build hook runs; what it does is tested with real front ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hatch_cloudrole.hatch import build_hook, builder
from hatch_cloudrole.hatch.build_hook import CloudRoleBuildHook
from hatch_cloudrole.hatch.plugin import hatch_register_build_hook, hatch_register_builder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ON = {"enable-by-default": True}


class App:
    """Hatch's voice, and its way of ending."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def display_info(self, text: str) -> None:
        self.said.append(text)

    def abort(self, text: str, code: int) -> None:
        self.said.append(text)
        raise SystemExit(code)


@pytest.fixture
def finalize(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Run the hook's last step; gives the folders that packages were built into."""
    built: list[str] = []

    def fake(_builder: Any, directory: Path) -> list[str]:
        built.append(str(directory))
        return []

    monkeypatch.setattr(builder, "build_all", fake)

    def run(
        table: dict[str, Any], *, target: str = "wheel", version: str = "standard", app: Any = None
    ) -> list[str]:
        built.clear()
        hook = CloudRoleBuildHook(
            str(tmp_path), table, None, None, str(tmp_path / "out"), target, app or App()  # type: ignore[arg-type]
        )  # fmt: skip
        hook.finalize(version, {}, str(tmp_path / "x.whl"))
        return list(built)

    return run


def test_both_are_registered() -> None:
    assert hatch_register_build_hook().PLUGIN_NAME == hatch_register_builder().PLUGIN_NAME == "cloudrole"


def test_it_builds_into_the_wheels_folder(finalize: Callable[..., list[str]], tmp_path: Path) -> None:
    assert finalize(ON) == [str(tmp_path / "out")]


@pytest.mark.parametrize("table", [{}, {"enable-by-default": False}, {"dependencies": ["x"]}])
def test_it_is_off_unless_turned_on(finalize: Callable[..., list[str]], table: dict[str, Any]) -> None:
    assert finalize(table) == []


@pytest.mark.parametrize("value", ["0", "false", "yes", ""])
def test_only_what_hatch_takes_for_true_turns_it_on(
    finalize: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("HATCH_BUILD_HOOK_ENABLE_CLOUDROLE", value)
    assert finalize({}) == []
    monkeypatch.setenv("HATCH_BUILD_HOOK_ENABLE_CLOUDROLE", "1")
    assert finalize({}) != []


@pytest.mark.parametrize(
    ("target", "version"), [("wheel", "editable"), ("sdist", "standard"), ("cloudrole", "cspkg"), ("app", "standard")]
)  # fmt: skip
def test_it_runs_for_the_ordinary_wheel_alone(
    finalize: Callable[..., list[str]], target: str, version: str
) -> None:
    assert finalize(ON, target=target, version=version) == []


def test_a_wheel_that_is_built_for_a_role_builds_no_roles(
    finalize: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With install-project a role needs the project's wheel, whose build would come here again."""
    monkeypatch.setenv(builder.BUILDING, "1")
    assert finalize(ON) == []


def test_the_mark_is_set_while_roles_are_built_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.delenv(builder.BUILDING, raising=False)
    with builder._building():
        with builder._building():
            pass
        assert os.environ[builder.BUILDING] == "1"
    assert builder.BUILDING not in os.environ


def test_a_fault_ends_the_build_and_takes_the_wheel_along(
    finalize: Callable[..., list[str]], tmp_path: Path
) -> None:
    (tmp_path / "x.whl").write_bytes(b"wheel")
    app = App()
    with pytest.raises(SystemExit) as end:
        finalize({**ON, "platfrom": "win32"}, app=app)
    assert end.value.code == 2
    assert "hooks.cloudrole.platfrom: unknown key" in app.said[0]
    assert not (tmp_path / "x.whl").exists()


def test_in_an_sdist_the_message_says_where_to_look(tmp_path: Path) -> None:
    from hatch_cloudrole.errors import Fault, ProjectError, WheelError

    error = ProjectError("No", [Fault("a", "b")])
    assert build_hook._from_sdist(error, tmp_path) is error
    (tmp_path / "PKG-INFO").write_text("")
    told = build_hook._from_sdist(error, tmp_path)
    assert (type(told), told.faults[0]) == (ProjectError, Fault("a", "b"))
    assert "[tool.hatch.build.targets.sdist]" in str(told)
    other = WheelError("No")
    assert build_hook._from_sdist(other, tmp_path) is other
