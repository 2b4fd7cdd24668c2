"""Sdists on their way to wheels, with the real uv, real builds and a local index."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import wheelmaker as make

from hatch_cloudrole.wheels import from_sdist
from hatch_cloudrole.wheels import sdist as sdist_module

if TYPE_CHECKING:
    from tests.functional.conftest import Ran, Shop

STATIC = {"PKG-INFO": "Metadata-Version: 2.2\nName: {name}\nVersion: 1.0\n"}
LINUX_HERE = f"manylinux_2_28_{os.uname().machine}" if sys.platform == "linux" else ""
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"

# A backend that compiles, with the host's compiler alone.
COMPILES = """
import os, subprocess, sys, sysconfig, zipfile
def build_wheel(directory, config_settings=None, metadata_directory=None):
    plat = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    abi = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    tag = f"{abi}-{abi}-{plat}"
    module = "NAME" + sysconfig.get_config_var("EXT_SUFFIX")
    include = sysconfig.get_paths()["include"]
    subprocess.run(["gcc", "-shared", "-fPIC", "-I", include, "NAME.c", "-o", module, *LINK], check=True)
    wheel = f"NAME-1.0-{tag}.whl"
    info = "NAME-1.0.dist-info"
    with zipfile.ZipFile(os.path.join(directory, wheel), "w") as archive:
        archive.write(module, module)
        archive.writestr(info + "/METADATA", "Metadata-Version: 2.1\\nName: NAME\\nVersion: 1.0\\n")
        archive.writestr(info + "/WHEEL", f"Wheel-Version: 1.0\\nRoot-Is-Purelib: false\\nTag: {tag}\\n")
        archive.writestr(info + "/RECORD", f"{module},,\\n{info}/METADATA,,\\n{info}/WHEEL,,\\n{info}/RECORD,,\\n")
    return wheel
"""
SOURCE = """
#include <Python.h>
BODY
static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "NAME", 0, -1, 0};
PyMODINIT_FUNC PyInit_NAME(void) {
    PyObject *module = PyModule_Create(&def);
    PyModule_AddIntConstant(module, "ANSWER", answer());
    return module;
}
"""


def static_sdist(name: str, setup: str = "", files: dict[str, bytes] | None = None) -> bytes:
    """An sdist whose metadata needs no build, so that what is wrong with its build shows when it is built."""
    own = {f"{name}.py": b"", **(files or {})}
    own["PKG-INFO"] = STATIC["PKG-INFO"].format(name=name).encode()
    data: bytes = make.sdist_bytes(name, setup=setup, files=own)
    return data


def compiled_sdist(
    name: str, body: str = "static int answer(void) { return 42; }", link: str = "[]"
) -> bytes:
    backend = COMPILES.replace("NAME", name).replace("*LINK", f"*{link}")
    source = SOURCE.replace("NAME", name).replace("BODY", body)
    return static_sdist(name, files={"backend.py": backend.encode(), f"{name}.c": source.encode()})


@pytest.fixture
def vendor(shop: Shop) -> Path:
    folder = shop.root / "vendor"
    folder.mkdir()
    return folder


def settle(shop: Shop, *names: str, platform: str = "win_amd64", python: str = "3.13") -> None:
    """One worker that needs `names`."""
    text = (shop.root / "pyproject.toml").read_text()
    head, _, rest = text.partition("[tool.hatch.build.targets.cloudrole.roles.Web]")
    orders = rest.partition("[tool.hatch.build.targets.cloudrole.roles.Orders]")[2]
    text = f"{head}[tool.hatch.build.targets.cloudrole.roles.Orders]{orders}"
    text = text.replace('["flask"]', "[]").replace('["requests"]', json.dumps(names))
    text = text.replace(
        'python = "3.13"', f'python = "{python}"\nplatform = "{platform}"\nfind-links = ["vendor"]'
    )
    (shop.root / "pyproject.toml").write_text(text)


def put(vendor: Path, **sdists: bytes) -> None:
    for name, data in sdists.items():
        (vendor / f"{name}-1.0.tar.gz").write_bytes(data)


def refused(ran: Ran, shop: Shop, code: int = 4) -> str:
    assert ran.code == code, ran.err
    assert "Traceback (most recent call last):\n  File" not in ran.err
    assert shop.artifacts() == []
    return ran.err


def build_report(shop: Shop) -> dict[str, Any]:
    report: dict[str, Any] = shop.report["versions"]["cspkg"]
    return report


@pytest.mark.usefixtures("index")
def test_a_pure_sdist_is_built_once_for_every_target_and_the_report_says_how(
    shop: Shop, vendor: Path
) -> None:
    put(vendor, pure=static_sdist("pure"))
    settle(shop, "pure")
    ran = shop.build()
    assert ran.code == 0, ran.err
    (how,) = build_report(shop)["sdists"]
    assert how["wheel"] == "pure-1.0-py3-none-any.whl"
    assert how["sdist"] == "pure-1.0.tar.gz"
    assert (how["requires"], how["used"], how["audited"]) == ([], [], False)
    assert how["python"] == ".".join(map(str, sys.version_info[:3]))
    settle_text = (shop.root / "pyproject.toml").read_text().replace("win_amd64", "macosx_11_0_arm64")
    (shop.root / "pyproject.toml").write_text(settle_text)
    ran = shop.build()
    assert ran.code == 0, ran.err
    report = build_report(shop)
    assert report["cache"]["built"] == 0
    assert report["sdists"] == [how], "what was built earlier is accounted for too"


@pytest.mark.usefixtures("index")
def test_a_report_is_what_its_schema_says(shop: Shop, vendor: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    put(vendor, pure=static_sdist("pure"))
    settle(shop, "pure", "click")
    assert shop.build().code == 0
    schema = json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    assert list(validator.iter_errors(shop.report)) == []
    wrong = shop.report
    del wrong["versions"]["cspkg"]["sdists"][0]["sha256"]
    assert list(validator.iter_errors(wrong)) != [], "the schema does look at sdists"


@pytest.mark.usefixtures("index")
def test_the_build_requirements_that_were_used_are_known(shop: Shop, vendor: Path) -> None:
    text = b'[build-system]\nrequires = ["click>=8"]\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    (vendor / make.wheel_name("click", "8.3")).write_bytes(make.wheel_bytes("click", "8.3"))
    put(vendor, pure=static_sdist("pure", setup="import click", files={"pyproject.toml": text}))
    settle(shop, "pure")
    ran = shop.build()
    assert ran.code == 0, ran.err
    (how,) = build_report(shop)["sdists"]
    assert how["requires"] == ["click>=8"]
    assert how["used"] == ["click==8.3"]


@pytest.mark.usefixtures("index")
def test_every_package_that_cannot_be_built_is_named_at_once(shop: Shop, vendor: Path) -> None:
    """One fails, one gives a wheel for another machine; what exists besides is said, and what helps."""
    put(
        vendor,
        failing=static_sdist("failing", setup="print('cc: not found'); raise SystemExit('no compiler here')"),
        foreign=static_sdist("foreign", setup='TAG = "cp311-cp311-linux_x86_64"'),
    )
    newer = make.wheel_name("foreign", "0.9", "cp313-cp313-win_amd64")
    (vendor / newer).write_bytes(make.wheel_bytes("foreign", "0.9", tag="cp313-cp313-win_amd64"))
    other = make.wheel_name("failing", "1.0", "cp312-cp312-win_amd64")
    (vendor / other).write_bytes(make.wheel_bytes("failing", tag="cp312-cp312-win_amd64"))
    settle(shop, "failing", "foreign")
    message = refused(shop.build(), shop)
    assert "failing 1.0: no wheel fits cp313-win_amd64" in message
    assert "no compiler here" in message
    assert 'set python = "3.12", for which this version has a wheel' in message
    assert "foreign 1.0: no wheel fits cp313-win_amd64" in message
    assert (
        "it gives foreign-1.0-cp311-cp311-linux_x86_64.whl, which holds code compiled for this host"
        in message
    )
    assert "require foreign==0.9, an older version, which has a wheel for cp313-win_amd64" in message
    assert "pip wheel --no-deps foreign==1.0" in message


@pytest.mark.usefixtures("index")
def test_a_sdist_that_does_not_tell_its_metadata_is_named_with_what_helps(shop: Shop, vendor: Path) -> None:
    put(vendor, broken=make.sdist_bytes("broken", setup="raise SystemExit('no such compiler')"))
    settle(shop, "broken")
    message = refused(shop.build(), shop)
    assert "broken 1.0: its sdist does not tell what it needs" in message
    assert "no such compiler" in message
    assert "pip wheel --no-deps broken==1.0" in message
    assert "no version of broken has a wheel" in message


@pytest.mark.parametrize("status", [404, 500])
def test_build_requirements_that_do_not_arrive_are_the_networks_fault(
    shop: Shop, vendor: Path, index: make.IndexServer, status: int
) -> None:
    """An index that fails is exit 6; one that has no such package, exit 4."""
    text = b'[build-system]\nrequires = ["absent"]\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    put(vendor, pure=static_sdist("pure", files={"pyproject.toml": text}))
    settle(shop, "pure")
    index.answers["/simple/absent/"] = lambda handler: handler.send_error(status)
    message = refused(shop.build(), shop, 4 if status == 404 else 6)
    assert "absent" in message


@pytest.mark.usefixtures("index")
def test_a_build_that_does_not_end_is_stopped_with_its_children(
    shop: Shop, vendor: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    child = f"import time; time.sleep(6); open({str(mark)!r}, 'w')"
    setup = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {child!r}])"
    put(vendor, endless=static_sdist("endless", setup=setup))
    settle(shop, "endless")
    monkeypatch.setattr(from_sdist, "PURE_SECONDS", 3)
    started = time.monotonic()
    assert "had not ended" in refused(shop.build(), shop)
    assert time.monotonic() - started < 6
    time.sleep(max(0.0, started + 7 - time.monotonic()))
    assert not mark.exists(), "what the build started was stopped too"


@pytest.mark.usefixtures("index")
def test_a_bomb_is_refused_before_it_is_unpacked(
    shop: Shop, vendor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sdist_module, "BOMB_SLACK", 1 << 20)
    put(vendor, bomb=static_sdist("bomb", files={"zeros": bytes(8 << 20)}))
    settle(shop, "bomb")
    assert "bomb-1.0.tar.gz: refused: it would unpack to far more" in refused(shop.build(), shop)


@pytest.mark.usefixtures("index")
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two processors")
def test_sdists_are_built_side_by_side(shop: Shop, vendor: Path, tmp_path: Path) -> None:
    """Each waits until the other has begun: one after the other, they would wait in vain."""
    setup = (
        "import os, time\n"
        "open(os.path.join({folder!r}, {own!r}), 'w').close()\n"
        "end = time.time() + 20\n"
        "while not os.path.exists(os.path.join({folder!r}, {other!r})):\n"
        "    time.sleep(0.05)\n"
        "    assert time.time() < end, 'alone'\n"
    )
    for own, other in (("one", "two"), ("two", "one")):
        put(
            vendor, **{own: static_sdist(own, setup=setup.format(folder=str(tmp_path), own=own, other=other))}
        )
    settle(shop, "one", "two")
    ran = shop.build()
    assert ran.code == 0, ran.err


# Compiled code


@pytest.fixture
def compiler() -> None:
    if sys.platform != "linux" or not shutil.which("gcc"):
        pytest.skip("needs a Linux host with gcc")
    if not (Path(sysconfig.get_paths()["include"]) / "Python.h").is_file():
        pytest.skip("needs the headers of this Python")


@pytest.mark.usefixtures("index", "compiler")
def test_code_for_this_hosts_own_kind_is_compiled_audited_and_runs(
    shop: Shop, vendor: Path, tmp_path: Path
) -> None:
    put(vendor, native=compiled_sdist("native"))
    settle(shop, "native", platform=LINUX_HERE, python=HERE)
    ran = shop.build()
    assert ran.code == 0, ran.err
    (how,) = build_report(shop)["sdists"]
    assert how["audited"]
    assert "manylinux_2_" in how["wheel"]
    assert not how["wheel"].split("-")[-1].startswith("linux")
    assert shop.run("extract", str(shop.package), str(tmp_path / "out")).code == 0
    approot = tmp_path / "out" / "Roles" / "Orders" / "approot"
    with zipfile.ZipFile(next((approot / "wheels").glob("native-*.whl"))) as archive:
        archive.extractall(tmp_path / "installed")
    done = subprocess.run(
        [sys.executable, "-c", "import native; print(native.ANSWER)"],
        cwd=tmp_path / "installed", capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.strip() == "42", done.stderr
    again = shop.build()
    assert again.code == 0
    assert build_report(shop)["cache"]["hits"] == 1


@pytest.mark.usefixtures("index", "compiler")
@pytest.mark.parametrize("kind", ["win_amd64", "macosx_11_0_x86_64", "musllinux_1_2_x86_64"])
def test_what_is_compiled_here_is_for_no_other_kind_of_machine(shop: Shop, vendor: Path, kind: str) -> None:
    put(vendor, native=compiled_sdist("native"))
    settle(shop, "native", platform=kind, python=HERE)
    assert "which holds code compiled for this host" in refused(shop.build(), shop)


@pytest.mark.usefixtures("index", "compiler")
def test_code_that_needs_a_newer_libc_than_the_target_has_is_refused_as_auditwheel_finds_it(
    shop: Shop, vendor: Path
) -> None:
    if tuple(map(int, platform.libc_ver()[1].split("."))) < (2, 36):
        pytest.skip("needs glibc 2.36, which has the function that older ones lack")
    body = (
        '#include <stdlib.h>\n__asm__(".symver answer_new, arc4random@GLIBC_2.36");\n'
        "extern unsigned answer_new(void);\nstatic int answer(void) { return answer_new() & 1; }"
    )
    put(vendor, native=compiled_sdist("native", body=body))
    settle(shop, "native", platform=LINUX_HERE, python=HERE)
    message = refused(shop.build(), shop)
    assert "auditwheel finds: cannot repair" in message
    assert "too-recent versioned symbols" in message
    assert "auditwheel repair" in message.partition("Next:")[2]


@pytest.mark.usefixtures("index", "compiler")
def test_without_the_targets_python_the_remedy_is_to_install_it(
    shop: Shop, vendor: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = "3.12" if HERE != "3.12" else "3.13"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    if shutil.which(f"python{other}"):
        pytest.skip("the system has that Python")
    put(vendor, native=compiled_sdist("native"))
    settle(shop, "native", platform=LINUX_HERE, python=other)
    message = refused(shop.build(), shop)
    assert f"this host has no CPython {other}" in message
    assert f"install CPython {other} with its headers" in message


# Housekeeping


@pytest.mark.usefixtures("index")
def test_prune_says_what_it_freed_and_the_next_build_fetches_again(shop: Shop) -> None:
    assert shop.build().code == 0
    package = shop.package.read_bytes()
    nothing = json.loads(shop.run("cache", "prune", "--json").out)
    assert (nothing["wheels"], nothing["bytes"]) == (0, 0)
    ran = shop.run("cache", "prune", "--all")
    assert ran.out.startswith("Removed 6 wheels, 1 resolutions"), ran.out
    assert json.loads(shop.run("cache", "info", "--json").out)["files"] == 0
    assert shop.build().code == 0
    assert shop.package.read_bytes() == package


@pytest.mark.usefixtures("index")
def test_a_store_that_is_pruned_while_a_package_is_written_is_told_and_heals(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hatch_cloudrole import pipeline

    trees = pipeline.Build.trees

    def meanwhile(self: pipeline.Build, *args: object) -> object:
        found = trees(self, *args)  # type: ignore[arg-type]
        assert shop.run("cache", "prune", "--all").code == 0
        return found

    monkeypatch.setattr(pipeline.Build, "trees", meanwhile)
    message = refused(shop.build(), shop)
    assert "flask-3.0-py3-none-any.whl" in message
    assert "build again" in message
    monkeypatch.undo()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.usefixtures("index")
def test_a_build_that_is_killed_at_any_moment_leaves_a_sound_store(shop: Shop, tmp_path: Path) -> None:
    """CLOUDROLE_TEST_KILLS says how often (10)."""
    import hashlib
    import random

    started = time.monotonic()
    argv = [sys.executable, "-m", "hatch_cloudrole", "build", str(shop.root), "-q"]
    subprocess.run(argv, check=True, env={**os.environ, "HATCH_CLOUDROLE_CACHE_DIR": str(tmp_path / "first")})
    usual = time.monotonic() - started
    package = shop.package.read_bytes()
    moments = random.Random(5)
    for number in range(int(os.environ.get("CLOUDROLE_TEST_KILLS", "10"))):
        shutil.rmtree(shop.root / "dist")
        cache = tmp_path / f"killed-{number}"
        env = {**os.environ, "HATCH_CLOUDROLE_CACHE_DIR": str(cache)}
        process = subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        moment = moments.uniform(0.3, 1.0) * usual
        time.sleep(moment)
        process.kill()
        process.wait()
        assert not shop.package.exists() or shop.package.read_bytes() == package, (
            f"killed after {moment:.2f} s"
        )
        for path in (cache / "v1" / "files").glob("*/*"):
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name, f"killed after {moment:.2f} s"
        ran = shop.build("--cache-dir", str(cache))
        assert ran.code == 0, ran.err
        assert shop.package.read_bytes() == package, f"killed after {moment:.2f} s"
        for path in (cache / "v1" / "files").glob("*/*"):
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
