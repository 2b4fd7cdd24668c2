"""Small parts of the instance side: places, interpreter, environment, log, addresses, IIS commands."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path, PurePath
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from hatch_cloudrole.instance._cloudrole import configure, embeddable, environment, iis, launch, serve
from hatch_cloudrole.instance._cloudrole.faults import InterpreterError, ProgramError, RoleError
from hatch_cloudrole.instance._cloudrole.interpreter import Interpreter, check_interpreter, this_interpreter
from hatch_cloudrole.instance._cloudrole.log import Log, RotatingFile
from hatch_cloudrole.instance._cloudrole.places import Places
from hatch_cloudrole.instance._cloudrole.settings import Settings, parse_settings
from hatch_cloudrole.instance._cloudrole.startup import sitecustomize
from hatch_cloudrole.instance._cloudrole.webconfig import Processor, edited

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path("/roles/orders")
WINDOWS = Interpreter("python.exe", "cpython", (3, 13, 2), "win-amd64", "AMD64", ("", (0, 0)))
LINUX = Interpreter("python", "cpython", (3, 13, 2), "linux-x86_64", "x86_64", ("glibc", (2, 36)))


def settings(**changed: Any) -> Settings:
    plain = {
        "schema": 1,
        "role": "Orders",
        "service": "Contoso",
        "version": "1",
        "type": "worker",
        "python": "3.13.17",
        "platform": "win_amd64",
    }
    return parse_settings({**plain, **changed}, "role.json")


def places(**env: str) -> Places:
    return Places.of(ROOT, env)


def test_every_fault_has_an_exit_code_of_its_own() -> None:
    codes = [each.exit_code for each in RoleError.__subclasses__()]
    assert len(set(codes)) == len(codes) == 9
    assert all(100 < code < 126 for code in codes)


class TestPlaces:
    def test_usual_places_lie_below_approot(self) -> None:
        assert (places().home, places().logs) == (ROOT / ".cloudrole", ROOT / "logs")

    def test_instance_names_the_place_of_logs(self) -> None:
        assert places(DiagnosticStore="/resources/d").logs == Path("/resources/d/LogFiles")

    def test_variables_win_and_may_be_relative(self) -> None:
        moved = places(DiagnosticStore="/d", CLOUDROLE_LOG_DIR="my logs", CLOUDROLE_HOME="/var/home")
        assert (moved.home, moved.logs) == (Path("/var/home"), ROOT / "my logs")


class TestInterpreter:
    def test_this_one_is_described(self) -> None:
        found = this_interpreter()
        assert (found.path, found.version) == (sys.executable, sys.version_info[:3])

    @pytest.mark.parametrize(
        ("found", "platform"),
        [
            (WINDOWS, "win_amd64"),
            (LINUX, "manylinux_2_36_x86_64"),
            (LINUX, "manylinux_2_17_x86_64"),
            (replace(LINUX, libc=("musl", (sys.maxsize, 0))), "musllinux_1_2_x86_64"),
            (
                replace(LINUX, platform="macosx-11.0-arm64", machine="arm64", libc=("", (0, 0))),
                "macosx_11_0_arm64",
            ),
        ],
    )
    def test_fitting_one_is_accepted(self, found: Interpreter, platform: str) -> None:
        check_interpreter(found, "3.13", platform)

    @pytest.mark.parametrize(
        ("found", "platform", "said"),
        [
            (replace(WINDOWS, version=(3, 12, 1)), "win_amd64", "it is Python 3.12, the wheels are for 3.13"),
            (replace(WINDOWS, version=(3, 1, 3)), "win_amd64", "it is Python 3.1,"),
            (replace(WINDOWS, implementation="pypy"), "win_amd64", "it is pypy"),
            (replace(WINDOWS, free_threaded=True), "win_amd64", "free-threaded"),
            (
                replace(WINDOWS, platform="win32"),
                "win_amd64",
                "built for win32, the wheels are for win-amd64",
            ),
            (LINUX, "win_amd64", "built for linux-x86_64"),
            (WINDOWS, "manylinux_2_28_x86_64", "built for win-amd64"),
            (LINUX, "manylinux_2_37_x86_64", "the system has glibc 2.36, the wheels need 2.37"),
            (LINUX, "musllinux_1_2_x86_64", "the system has glibc, the wheels need musl"),
            (LINUX, "manylinux_2_28_aarch64", "the machine is x86_64"),
            (LINUX, "amiga", "nothing is known about the platform amiga"),
        ],
    )
    def test_other_ones_are_refused_with_the_reason(
        self, found: Interpreter, platform: str, said: str
    ) -> None:
        with pytest.raises(InterpreterError) as caught:
            check_interpreter(found, "3.13", platform)
        assert said in str(caught.value)
        assert "PYTHON variable" in str(caught.value)


class TestEnvironment:
    def test_role_wins_and_python_finds_the_packages(self) -> None:
        made = environment.program_environment(
            settings(environment={"MODE": "live"}, search_paths=["lib", "."]),
            places(),
            {"MODE": "x", "PATH": "/bin", "PYTHONPATH": "/mine"},
        )
        assert made["MODE"] == "live"
        assert made["PYTHONPATH"].split(os.pathsep) == [str(places().startup), "/mine"]
        assert made["PATH"].split(os.pathsep) == [str(places().scripts), "/bin"]
        assert sitecustomize.decode(made[sitecustomize.SEARCH_PATHS]) == [str(ROOT / "lib"), str(ROOT)]

    def test_applying_it_twice_changes_nothing(self) -> None:
        once = environment.program_environment(settings(environment={"A": "b"}), places(), {"PATH": "/bin"})
        assert environment.program_environment(settings(environment={"A": "b"}), places(), once) == once

    def test_output_settings_are_the_roles_if_it_has_any(self) -> None:
        assert launch._with_output_settings({"PYTHONIOENCODING": "latin-1"})["PYTHONIOENCODING"] == "latin-1"
        assert launch._with_output_settings({})["PYTHONUNBUFFERED"] == "1"

    @pytest.mark.parametrize(
        "paths", [[], ["/a"], ["/a b", "/c:d;e", "/100%", "/%0A", "/new\nline", "/%250A"]]
    )
    def test_any_character_of_a_path_survives(self, paths: list[str]) -> None:
        assert sitecustomize.decode(sitecustomize.encode(paths)) == paths


class TestSearchPaths:
    @pytest.fixture(autouse=True)
    def _own_path(self) -> Iterator[None]:
        kept = list(sys.path)
        yield
        sys.path[:] = kept

    def test_they_stand_where_our_folder_stood(self) -> None:
        ours = str(Path(sitecustomize.__file__).parent)
        sys.path[:] = ["/script", ours, "/stdlib"]
        sitecustomize.add_search_paths(["/b", "/a"])
        assert sys.path == ["/script", "/b", "/a", "/stdlib"]

    def test_site_packages_come_behind_the_standard_library(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("site.getsitepackages", lambda: ["/own/site-packages"])
        (tmp_path / "extra").mkdir()
        (tmp_path / "x.pth").write_text("extra\n")
        sys.path[:] = ["/script", "/stdlib", "/own/site-packages"]
        sitecustomize.add_site_packages(str(tmp_path))
        assert sys.path == [
            "/script",
            "/stdlib",
            str(tmp_path),
            str(tmp_path / "extra"),
            "/own/site-packages",
        ]


class TestEmbeddable:
    """The copy of an interpreter that ignores its environment; elsewhere than on Windows there is none."""

    @pytest.fixture
    def python(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(embeddable, "_path_files", lambda python: [python.with_name("python313._pth")])
        files = ("python.exe", "python313._pth", "Lib/os.py", "Lib/json/__init__.py", "DLLs/_socket.pyd")
        for name in files:
            path = tmp_path / "embedded" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        return tmp_path / "embedded" / "python.exe"

    def copied(self, home: Path) -> set[str]:
        return {path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()}

    def test_copy_has_everything_but_the_file_that_blinds_it(self, python: Path, tmp_path: Path) -> None:
        home = tmp_path / "home"
        home.mkdir()
        assert embeddable.prepare(str(python), home) == str(home / "python" / "python.exe")
        expected = {"python.exe", "Lib/os.py", "Lib/json/__init__.py", "DLLs/_socket.pyd", ".cloudrole.json"}
        assert self.copied(home) == {f"python/{name}" for name in expected}

    def test_interpreter_that_holds_the_home_is_not_copied_into_itself(self, python: Path) -> None:
        home = python.parent / "home"
        home.mkdir()
        embeddable.prepare(str(python), home)
        assert (home / "python" / "Lib" / "os.py").is_file()
        assert not (home / "python" / "home").exists()

    def test_full_disk_is_told_as_that_and_nothing_is_left(
        self, python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        home = tmp_path / "home"
        home.mkdir()
        embeddable.prepare(str(python), home)
        whole = self.copied(home)
        (python.parent / "new.dll").write_text("another build of it")
        calls = []

        def full(source: object, target: object) -> None:
            calls.append(source)
            if len(calls) == 3:
                raise OSError(errno.ENOSPC, "No space left on device", str(target))

        monkeypatch.setattr("shutil.copyfile", full)
        with pytest.raises(OSError, match="No space left") as caught:
            embeddable.prepare(str(python), home)
        assert caught.value.errno == errno.ENOSPC
        assert len(calls) == 3
        assert self.copied(home) == whole
        assert [path.name for path in home.iterdir()] == ["python"]

    def test_what_a_killed_run_left_is_gone_before_room_is_needed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / ".cloudrole" / "new.abc" / "python").mkdir(parents=True)
        found: list[str] = []

        def prepare(python: str, home: Path) -> str:
            found.extend(path.name for path in home.iterdir())
            return python

        monkeypatch.setattr(configure, "prepare", prepare)
        monkeypatch.setattr(configure, "check_interpreter", lambda *_: None)
        log = Log(tmp_path / "logs", "x", echo=False)
        configure.configure(settings(), Places.of(tmp_path, {}), {}, log)
        assert found == ["lock"]


class TestLog:
    def test_file_is_put_aside_when_it_has_grown(self, tmp_path: Path) -> None:
        file = RotatingFile(tmp_path / "x.log", limit=10, keep=2)
        for number in range(8):
            file.write(f"line {number}\n".encode())
        file.close()
        assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
            "x.log": "line 6\nline 7\n",
            "x.log.1": "line 4\nline 5\n",
            "x.log.2": "line 2\nline 3\n",
        }

    def test_file_that_somebody_holds_costs_none_of_those_put_aside(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in (1, 2):
            (tmp_path / f"x.log.{number}").write_text(f"old {number}")

        def held(source: Path, target: Path) -> None:
            raise PermissionError(errno.EACCES, "held", str(source))

        file = RotatingFile(tmp_path / "x.log", limit=10, keep=2)
        file.write(b"line that is long enough\n")
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", held)
            file.write(b"two\n")
            file.write(b"three\n")
        file.close()
        assert [(tmp_path / f"x.log.{number}").read_text() for number in (1, 2)] == ["old 1", "old 2"]
        assert (tmp_path / "x.log").read_text().endswith("two\nthree\n")

    def test_place_that_cannot_be_written_stops_nobody(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        log = Log(tmp_path / "file" / "logs", "x", echo=False)
        log.say("heard anyway")
        log.output(b"x")
        log.event("start")

    def test_place_that_cannot_be_written_is_told_where_one_still_listens(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "file").write_text("")
        Log(tmp_path / "file" / "logs", "x", echo=False)
        assert f"{tmp_path / 'file' / 'logs' / 'x.log'}: cannot be written" in capsys.readouterr().err

    def test_line_of_ours_begins_where_the_program_ended_none(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        log = Log(tmp_path, "x", echo=False)
        log.say("one")
        log.output(b"dying")
        log.say("two")
        log.output(b"whole\n")
        log.say("three")
        lines = [line.split("Z ")[-1] for line in (tmp_path / "x.log").read_text().splitlines()]
        assert lines == ["one", "dying", "two", "whole", "three"]
        assert not [line for line in capsys.readouterr().err.splitlines() if not line.startswith("20")]

    def test_file_that_has_been_put_aside_begins_with_a_line(self, tmp_path: Path) -> None:
        file = RotatingFile(tmp_path / "x.log", limit=5, keep=1)
        file.write(b"torn apart")
        file.write_line(b"next\n")
        file.write(b"torn again")
        file.write_line(b"last\n")
        file.close()
        assert (tmp_path / "x.log").read_text() == "last\n"

    def test_line_begins_anew_in_a_file_that_another_process_left_torn(self, tmp_path: Path) -> None:
        (tmp_path / "x.log").write_bytes(b"killed amid")
        file = RotatingFile(tmp_path / "x.log")
        file.write_line(b"next\n")
        file.close()
        assert (tmp_path / "x.log").read_bytes() == b"killed amid\nnext\n"

    def test_lines_have_the_time_and_events_are_json(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        log = Log(tmp_path, "x", echo=True)
        log.say("one\ntwo")
        log.output(b"raw\n")
        log.event("start", path="gr\u00fc\u00df")
        out, err = capsys.readouterr()
        assert out == "raw\n"
        assert [line.split("Z ")[1] for line in err.splitlines()] == ["one", "two"]
        assert (tmp_path / "x.log").read_text() == err + "raw\n"
        event = json.loads((tmp_path / "x.events.jsonl").read_text())
        assert (event["schema"], event["event"], event["path"]) == (1, "start", "gr\u00fc\u00df")


class TestServeAddress:
    DIRECT = settings(server="direct", endpoint={"name": "Http", "protocol": "http", "port": 8080})

    @pytest.mark.parametrize(
        ("handler", "server", "said"),
        [
            ("wsgi_handler", "serve", "port 8080: Address already in use; free that port"),
            ("asgi_handler", "run", "uvicorn says above why"),
        ],
    )
    def test_address_that_is_taken_is_no_defect(
        self, monkeypatch: pytest.MonkeyPatch, handler: str, server: str, said: str
    ) -> None:
        failure = OSError(98, "Address already in use") if server == "serve" else SystemExit(1)

        def fail(*_: object, **__: object) -> None:
            raise failure

        changed: dict[str, Any] = {handler: "app:app"}
        role = replace(self.DIRECT, **changed)
        monkeypatch.setattr(serve, "load_application", lambda *_: None)
        monkeypatch.setattr(serve, "_server", lambda *_: SimpleNamespace(**{server: fail}))
        with pytest.raises(ProgramError, match=re.escape(said)):
            serve.serve(role, places())

    def test_variables_of_the_role_count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        used: dict[str, object] = {}
        role = replace(self.DIRECT, wsgi_handler="app:app", environment={"CLOUDROLE_PORT": "8099"})
        monkeypatch.setattr(serve, "load_application", lambda *_: None)
        server = SimpleNamespace(serve=lambda _, **address: used.update(address))
        monkeypatch.setattr(serve, "_server", lambda *_: server)
        serve.serve(role, places())
        assert used["port"] == 8099

    def test_endpoint_is_open_to_all(self) -> None:
        assert serve.address(self.DIRECT, {}) == ("0.0.0.0", 8080)

    def test_iis_is_the_only_one_to_ask(self) -> None:
        assert serve.address(self.DIRECT, {"HTTP_PLATFORM_PORT": "1234", "CLOUDROLE_PORT": "5"}) == (
            "127.0.0.1",
            1234,
        )

    def test_instance_may_say_otherwise(self) -> None:
        env = {"CLOUDROLE_PORT": "81", "CLOUDROLE_ADDRESS": "10.0.0.4"}
        assert serve.address(self.DIRECT, env) == ("10.0.0.4", 81)

    @pytest.mark.parametrize("port", ["x", "0", "65536", "-1", "\u0661"])
    def test_port_that_is_none_is_refused(self, port: str) -> None:
        with pytest.raises(ProgramError, match="is no port"):
            serve.address(self.DIRECT, {"CLOUDROLE_PORT": port})

    def test_no_port_at_all_is_told(self) -> None:
        with pytest.raises(ProgramError, match="no port to listen on"):
            serve.address(settings(), {})

    def test_https_without_iis_is_refused(self) -> None:
        https = settings(endpoint={"name": "Https", "protocol": "https", "port": 443})
        with pytest.raises(ProgramError, match="endpoint is https"):
            serve.address(https, {})


class TestIis:
    def test_words_of_the_emulator_stay_whole(self) -> None:
        text = r'"C:\Program Files\IIS Express\appcmd.exe" /apphostconfig:"C:\my site\x.config"'
        assert iis.command_words(text) == [
            r"C:\Program Files\IIS Express\appcmd.exe",
            r"/apphostconfig:C:\my site\x.config",
        ]

    def test_path_with_spaces_that_exists_is_one_word(self, tmp_path: Path) -> None:
        file = tmp_path / "app cmd.exe"
        file.write_text("")
        assert iis.command_words(str(file)) == [str(file)]

    def test_our_variable_wins_over_the_emulators(self) -> None:
        assert iis.appcmd_program({"CLOUDROLE_APPCMD": "ours", "APPCMD": "theirs"}) == ["ours"]
        assert iis.appcmd_program({"APPCMD": "theirs /x"}) == ["theirs", "/x"]

    def test_without_any_the_systems_is_used(self) -> None:
        (found,) = iis.appcmd_program({"SystemRoot": r"C:\Windows", "PATH": ""})
        assert PurePath(found).name == "appcmd.exe"
        assert "inetsrv" in found

    def test_apostrophes_are_doubled(self) -> None:
        (*_, entry, _) = iis.registration("+", r"C:\it's\python.exe", '"C:\\a b.py"')
        assert entry == (
            "/+[fullPath='C:\\it''s\\python.exe',arguments='\"C:\\a b.py\"',signalBeforeTerminateSeconds='30']"
        )


class TestWebConfig:
    PROGRAM = Processor(r"C:\P & Q\python.exe", '"C:\\a b\\wfastcgi.py"', '"C:\\a b\\role.py" serve')

    def edited(self, handler: str, more: str = "") -> str:
        text = f"<configuration><!--x--><system.webServer><handlers>{handler}</handlers>{more}</system.webServer></configuration>"
        return edited(text.encode(), self.PROGRAM, Path("web.config")).decode()

    def test_values_are_escaped_and_all_else_stays(self) -> None:
        text = self.edited('<remove name="x"/><add name="pythonhandler" verb="*" modules="FastCgiModule"/>')
        assert 'scriptProcessor="C:\\P &amp; Q\\python.exe|&quot;C:\\a b\\wfastcgi.py&quot;"' in text
        assert "<!--x-->" in text
        assert '<remove name="x"/>' in text

    def test_what_is_right_keeps_its_very_bytes(self) -> None:
        once = self.edited('<add name="PythonHandler" modules="FastCgiModule"/>').encode()
        assert edited(once, self.PROGRAM, Path("web.config")) is once

    def test_other_handlers_are_not_touched(self) -> None:
        other = '<add name="Other" modules="FastCgiModule" scriptProcessor="keep"/>'
        assert other in self.edited(other + '<add name="PythonHandler" modules="FastCgiModule"/>')

    def test_http_platform_has_no_script_processor(self) -> None:
        text = self.edited('<add name="PythonHandler" modules="httpPlatformHandler"/>', "<httpPlatform/>")
        assert "scriptProcessor" not in text
        assert 'arguments="&quot;C:\\a b\\role.py&quot; serve"' in text

    def test_app_settings_are_made_what_wfastcgi_can_use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LOGS_HERE", "D:\\logs")
        program = Processor("p", "a", "s", "C:\\role\\startup")
        keys = '<add key="PythonPath" value=".;lib"/><add key="WSGI_LOG" value="%LOGS_HERE%\\a.log"/><add key="X" value="%Y%"/>'
        handlers = '<system.webServer><handlers><add name="PythonHandler"/></handlers></system.webServer>'
        text = f"<configuration><appSettings>{keys}</appSettings>{handlers}</configuration>".encode()
        once = edited(text, program, Path("web.config"))
        assert b'value="C:\\role\\startup;.;lib"' in once
        assert b'value="D:\\logs\\a.log"' in once
        assert b'value="%Y%"' in once
        assert edited(once, program, Path("web.config")) == once


@pytest.mark.skipif(os.name == "nt", reason="codes of POSIX")
@pytest.mark.parametrize(("code", "ends"), [(0, 0), (3, 3), (255, 255), (-9, 137), (-15, 143)])
def test_exit_code_of_a_signal_is_what_shells_have(code: int, ends: int) -> None:
    assert launch.exit_code(code) == ends
