"""Handler expressions: what they find, and how their faults are told apart."""

from __future__ import annotations

import importlib
import re
import sys
from typing import TYPE_CHECKING

import pytest

from hatch_cloudrole.instance._cloudrole.fastcgi import telling
from hatch_cloudrole.instance._cloudrole.faults import HandlerError
from hatch_cloudrole.instance._cloudrole.handler import load_handler

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHOP = """\
def app(environ, start_response): ...
def make_app(debug=False): return app
class Site:
    wsgi = staticmethod(app)
    def __call__(self, environ, start_response): ...
site = Site()
class Holder:
    def create(self): return app
def holder(): return Holder()
async def asgi(scope, receive, send): ...
nothing = None
number = 3
def fails(): raise LookupError("no settings")
"""


@pytest.fixture(autouse=True)
def _shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    package = tmp_path / "zshop"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "wsgi.py").write_text(SHOP)
    (package / "broken.py").write_text("import zshop_gone\n")
    (package / "raising.py").write_text("raise RuntimeError('at import')\n")
    (package / "exiting.py").write_text("raise SystemExit(0)\n")
    (package / "attribute.py").write_text("import zshop\nzshop.nowhere\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in [each for each in sys.modules if each.startswith("zshop")]:
        del sys.modules[name]


@pytest.mark.parametrize(
    "expression",
    [
        "zshop.wsgi:app",
        "zshop.wsgi.app",
        "zshop.wsgi:make_app()",
        "zshop.wsgi.make_app()",
        "zshop.wsgi:site.wsgi",
        "zshop.wsgi.Site.wsgi",
        "zshop.wsgi.Site().wsgi",
        "zshop.wsgi:holder().create()",
        "zshop.wsgi.holder().create()",
    ],
)
def test_every_form_finds_the_application(expression: str) -> None:
    assert load_handler(expression, arguments=2).__name__ == "app"


@pytest.mark.parametrize("expression", ["zshop.wsgi:site", "zshop.wsgi.Site()"])
def test_object_with_call_is_an_application(expression: str) -> None:
    assert type(load_handler(expression, arguments=2)).__name__ == "Site"


def test_asgi_application_takes_three() -> None:
    assert load_handler("zshop.wsgi:asgi", arguments=3).__name__ == "asgi"


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("zshop_x:app", "there is no module 'zshop_x'"),
        ("zshop.wsgj:app", "there is no module 'zshop.wsgj'"),
        ("zshop_x.wsgi.app", "there is no module 'zshop_x.wsgi'"),
        ("zshop.wsgi:ap", "zshop.wsgi has no 'ap'; did you mean 'app'"),
        ("zshop.wsgi.ap", "zshop.wsgi has no 'ap'"),
        ("zshop.wsgi:nothing", "zshop.wsgi.nothing is None, not an application"),
        ("zshop.wsgi:number", "is of type int, not an application"),
        ("zshop.wsgi:number()", "which cannot be called; leave () away"),
        ("zshop.wsgi:make_app", "makes the application; write zshop.wsgi:make_app()"),
        ("zshop.wsgi:app()", "is the application already; leave () away"),
        ("zshop.wsgi:fails()", "calling zshop.wsgi.fails raised LookupError: no settings"),
        (
            "zshop.broken:app",
            "importing 'zshop.broken' raised ModuleNotFoundError: No module named 'zshop_gone'",
        ),
        (
            "zshop.broken.app",
            "importing 'zshop.broken' raised ModuleNotFoundError: No module named 'zshop_gone'",
        ),
        ("zshop.raising.app", "importing 'zshop.raising' raised RuntimeError: at import"),
        ("zshop.exiting:app", "importing 'zshop.exiting' raised SystemExit: 0"),
        ("zshop.attribute:app", "importing 'zshop.attribute' raised AttributeError"),
        ("zshop", "names a module only; write zshop:app or zshop.app"),
        ("zshop.wsgi:", "'' is not a name"),
        ("zshop.wsgi:app(1)", "is not a name"),
        ("zshop():app", "a module cannot be called"),
        ("", "is not a name"),
    ],
)
def test_each_fault_has_words_of_its_own(expression: str, said: str) -> None:
    with pytest.raises(HandlerError, match=re.escape(said)) as caught:
        load_handler(expression, arguments=2)
    assert ("Traceback" in str(caught.value)) == ("raised" in said)


def test_module_that_only_has_to_be_named_is_not_imported() -> None:
    """A bare module name is refused for what it is, without running it."""
    with pytest.raises(HandlerError, match="names a module only"):
        load_handler("zshop", arguments=2)
    assert "zshop" not in sys.modules


class TestTellingUnderFastCgi:
    """What wfastcgi finds or raises stays as it is; what is wrong with it is told beside."""

    @staticmethod
    def load(name: str) -> object:
        """Much as wfastcgi does."""
        module, _, attribute = name.rpartition(".")
        try:
            return getattr(importlib.import_module(module), attribute)
        except ImportError:
            raise ValueError(f"{name} could not be imported") from None

    def test_right_one_is_passed_on_in_silence(self) -> None:
        told: list[str] = []
        found = telling(self.load, told.append)("zshop.wsgi.app")
        assert (getattr(found, "__name__", ""), told) == ("app", [])

    @pytest.mark.parametrize(
        ("name", "raises", "said"),
        [
            ("zshop.wsgi.ap", AttributeError, "zshop.wsgi has no 'ap'"),
            ("zshop.gone.app", ValueError, "zshop has no 'gone'"),
            ("zshop_x.gone.app", ValueError, "there is no module 'zshop_x.gone'"),
            ("zshop.raising.app", RuntimeError, "loading it raised RuntimeError: at import"),
            ("zshop.exiting.app", SystemExit, "loading it raised SystemExit: 0"),
            ("zshop.broken.app", ValueError, "raised ModuleNotFoundError: No module named 'zshop_gone'"),
            ("zshop.wsgi:app", Exception, "wfastcgi knows dots alone; write zshop.wsgi.app"),
            ("", Exception, "there is no handler"),
        ],
    )
    def test_what_is_raised_is_raised_and_told(
        self, name: str, raises: type[BaseException], said: str
    ) -> None:
        told: list[str] = []
        with pytest.raises(raises):
            telling(self.load, told.append)(name)
        assert said in told[0].splitlines()[-1]
        assert ("Traceback" in told[0]) == ("raised" in said)

    def test_code_that_raised_is_not_run_again(self, tmp_path: Path) -> None:
        runs = tmp_path / "runs"
        text = f"with open({str(runs)!r}, 'a') as file:\n    file.write('x')\nraise RuntimeError\n"
        (tmp_path / "zshop" / "counting.py").write_text(text)
        with pytest.raises(RuntimeError):
            telling(self.load, lambda _: None)("zshop.counting.app")
        assert runs.read_text() == "x"

    @pytest.mark.parametrize(
        ("name", "said"),
        [("zshop.wsgi.make_app", "write zshop.wsgi.make_app()"), ("zshop.wsgi.number", "it is of type int")],
    )
    def test_what_wfastcgi_takes_but_cannot_serve_is_told(self, name: str, said: str) -> None:
        told: list[str] = []
        telling(self.load, told.append)(name)
        assert said in told[0]

    def test_telling_that_fails_stops_nobody(self) -> None:
        def tell(text: str) -> None:
            raise OSError("disk full")

        with pytest.raises(AttributeError):
            telling(self.load, tell)("zshop.wsgi.ap")
        assert telling(self.load, tell)("zshop.wsgi.number") == 3


def test_what_an_exception_says_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "zlines.py").write_text("raise ValueError('two\\nlines')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(HandlerError) as caught:
        load_handler("zlines:app", arguments=2)
    assert str(caught.value).splitlines()[-1].endswith("importing 'zlines' raised ValueError: two lines")


def test_module_whose_names_are_code_may_fail_as_it_likes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "zlazy.py").write_text("def __getattr__(name): raise KeyError(name)\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(HandlerError, match="looking up 'app' in zlazy raised KeyError: 'app'"):
        load_handler("zlazy:app", arguments=2)


def test_stand_in_that_cannot_be_looked_at_is_taken_for_an_application(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        "class Proxy:\n    def __call__(self, environ, start_response): ...\n"
        "    @property\n    def __signature__(self): raise RuntimeError('outside of a context')\n"
        "app = Proxy()\n"
    )
    (tmp_path / "zproxy.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    assert callable(load_handler("zproxy:app", arguments=2))
