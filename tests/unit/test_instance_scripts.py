"""The commands that packages bring, for either kind of system."""

from __future__ import annotations

from hatch_cloudrole.instance._cloudrole.scripts import entry_script, wheel_script
from hatch_cloudrole.instance._cloudrole.wheel import EntryPoint

POINT = EntryPoint("tool", "alpha.cli", "App.run")


def test_posix_command_names_its_interpreter() -> None:
    (name, data), *rest = entry_script(POINT, "/usr/bin/python3", windows=False).items()
    assert (name, rest) == ("tool", [])
    first, *lines = data.decode().splitlines()
    assert first == "#!/usr/bin/python3"
    assert "from alpha.cli import App" in lines
    assert lines[-1] == "sys.exit(App.run())"


def test_interpreter_that_a_shebang_cannot_name_is_started_by_sh() -> None:
    for python in ("/opt/my python/bin/python", "/" + "x" * 200):
        data = entry_script(POINT, python, windows=False)["tool"].decode()
        assert data.startswith("#!/bin/sh\n'''exec' '" + python + "' \"$0\" \"$@\"\n' '''\n")
        compile(data, "tool", "exec")


def test_apostrophe_in_the_interpreters_path_is_quoted_for_sh() -> None:
    data = entry_script(POINT, "/it's here/python", windows=False)["tool"].decode()
    assert "'/it'\"'\"'s here/python'" in data


def test_windows_command_is_a_batch_file_beside_a_script() -> None:
    files = entry_script(POINT, r"D:\my %Python%\python.exe", windows=True)
    assert set(files) == {"tool.cmd", "tool-script.py"}
    assert files["tool.cmd"].splitlines() == [
        b"@setlocal DisableDelayedExpansion",
        rb'@if not defined CLOUDROLE_PYTHON set "CLOUDROLE_PYTHON=D:\my %%Python%%\python.exe"',
        rb'@"%CLOUDROLE_PYTHON%" "%~dp0tool-script.py" %*',
        b"@exit /b %ERRORLEVEL%",
    ]
    assert b"\r\n" in files["tool.cmd"]
    compile(files["tool-script.py"], "tool-script.py", "exec")


def test_python_script_of_a_wheel_gets_the_interpreter() -> None:
    assert wheel_script("x.py", b"#!python\nprint()\n", "/p", windows=False) == {"x.py": b"#!/p\nprint()\n"}
    files = wheel_script("x.py", b"#!pythonw -E\r\nprint()\n", r"C:\p.exe", windows=True)
    assert set(files) == {"x.cmd", "x-script.py"}
    assert files["x-script.py"] == b"print()\n"


def test_other_scripts_stay_as_they_are() -> None:
    data = b"#!/bin/sh\nexit\n"
    assert wheel_script("x", data, "/p", windows=True) == {"x": data}
