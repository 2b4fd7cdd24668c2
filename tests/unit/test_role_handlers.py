"""Handler expressions, and whether a package has what they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hatch_cloudrole.content import Content
from hatch_cloudrole.role.handlers import Handler, installed_modules, missing_names
from tests.role_samples import contents, web, wheel, worker

if TYPE_CHECKING:
    from hatch_cloudrole.settings.model import Role


def nothing(_name: str) -> bool:
    return False


def messages(role: Role, files: dict[str, Content]) -> list[str]:
    return [fault.what for fault in missing_names(role, files, nothing)]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a:b", [("a", ("b",))]),
        ("a.b:c.d", [("a.b", ("c", "d"))]),
        ("a.b", [("a", ("b",))]),
        ("a.b.c.d", [("a.b.c", ("d",)), ("a.b", ("c", "d")), ("a", ("b", "c", "d"))]),
        ("a.b()", [("a", ("b()",))]),
        ("a.b.c()", [("a.b", ("c()",)), ("a", ("b", "c()"))]),
        ("a.b().c", [("a", ("b()", "c"))]),
    ],
)
def test_the_modules_that_may_be_meant_longest_first(expression: str, expected: list[object]) -> None:
    assert list(Handler.parse(expression).candidates()) == expected


@pytest.mark.parametrize(
    ("handler", "files"),
    [
        ("app:app", contents(app_py="app = 1")),
        ("app.app", contents(app_py="def app(): ...")),
        ("app:make()", contents(app_py="class make: ...")),
        ("app:app", contents(app_py="from other import app")),
        ("app:app", contents(app_py="import x as app")),
        ("app:app", contents(app_py="from other import *")),
        ("app:app", contents(app_py="def __getattr__(name): ...")),
        ("app:app", contents(app_py="exec(code)")),
        ("app:app", contents(app_py="globals().update(x)")),
        ("app:app", contents(app_py="if x:\n    try:\n        with y as app: ...\n    finally: ...")),
        ("app:app.inner", contents(app_py="app = 1")),
        ("app:app", contents(app_py="def other(:")),
        ("app:app", contents(app_py="s = '\\d'\napp = 1")),
        ("app:app", {"app.cp313-win_amd64.pyd": Content.of_bytes(b"")}),
        ("shop.wsgi:app", {"shop/wsgi.py": Content.of_bytes(b"app = 1")}),
        (
            "shop.wsgi.app",
            {"shop/__init__.py": Content.of_bytes(b""), "shop/wsgi.py": Content.of_bytes(b"app=1")},
        ),
        ("shop:wsgi", {"shop/__init__.py": Content.of_bytes(b""), "shop/wsgi.py": Content.of_bytes(b"")}),
        ("shop.sub.app.call", {"shop/sub.py": Content.of_bytes(b"app = 1")}),
        ("wsgiref.simple_server:demo_app", {}),
    ],
)
def test_what_is_there_or_may_be_made_at_import_is_no_warning(
    handler: str, files: dict[str, Content]
) -> None:
    assert messages(web(wsgi_handler=handler), files) == []


@pytest.mark.parametrize(
    ("handler", "files", "expected"),
    [
        ("app:app", {}, "there is no module 'app' among the role's files, nor in its wheels"),
        (
            "app:app",
            contents("app.txt"),
            "there is no module 'app' among the role's files, nor in its wheels",
        ),
        ("app:app", contents(app_py="application = 1"), "the module 'app' has no 'app'"),
        ("app.app", contents(app_py="# app\n'app'"), "the module 'app' has no 'app'"),
        ("shop.wsgi:app", contents("shop/asgi.py"), "the role's files have 'shop' but no module 'shop.wsgi'"),
        (
            "shop.wsgi.app",
            {"shop/__init__.py": Content.of_bytes(b"x = 1")},
            "the module 'shop' has no 'wsgi'",
        ),
    ],
)
def test_what_is_surely_missing_is_a_warning(handler: str, files: dict[str, Content], expected: str) -> None:
    (fault,) = missing_names(web(wsgi_handler=handler), files, nothing)
    assert fault.what == expected
    assert fault.where == "tool.hatch.build.targets.cloudrole.roles.Web.wsgi-handler"


def test_search_paths_and_the_working_directory_are_looked_in() -> None:
    files = contents("lib/shop.py", "run/tasks.py")
    assert messages(web(wsgi_handler="shop:shop_py", search_paths=("lib",)), files) == [
        "the module 'shop' has no 'shop_py'"
    ]
    assert messages(worker(startup_module="tasks", working_directory="run"), files) == []
    assert len(messages(worker(startup_module="tasks"), files)) == 1


def test_a_module_of_a_wheel_is_there() -> None:
    wheels = [wheel("flask"), wheel("odd", files={"odd-1.0.data/purelib/inner.py": b"", "_single.py": b""})]
    installed = installed_modules(wheels)
    assert [name for name in ("flask", "inner", "_single", "other") if installed(name)] == [
        "flask",
        "inner",
        "_single",
    ]
    assert missing_names(web(wsgi_handler="flask.app:main"), {}, installed) == []


def test_a_namespace_that_a_wheel_shares_is_given_the_benefit_of_the_doubt() -> None:
    files = contents("azure/shop/app.py")
    installed = installed_modules([wheel("azure-core", files={"azure/core/__init__.py": b""})])
    assert missing_names(web(wsgi_handler="azure.core:app"), files, installed) == []


def test_wheels_that_cannot_be_read_are_not_judged_here() -> None:
    broken = wheel("a")
    object.__setattr__(broken, "content", Content.of_bytes(b"no zip"))
    assert installed_modules([broken])("anything")


def test_wheels_are_not_read_when_the_role_has_the_module_itself() -> None:
    def refuse(_name: str) -> bool:
        raise AssertionError("asked")

    assert missing_names(web(), contents(app_py="app = 1"), refuse) == []


def test_an_asgi_handler_and_a_startup_module_are_looked_at_too() -> None:
    (fault,) = missing_names(web(wsgi_handler="", asgi_handler="live:app"), {}, nothing)
    assert fault.where.endswith(".asgi-handler")
    (fault,) = missing_names(worker(startup_module="orders.worker"), contents("orders/other.py"), nothing)
    assert fault.where.endswith(".startup-module")
    assert missing_names(worker(startup_file="worker.py"), {}, nothing) == []
