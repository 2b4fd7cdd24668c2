"""web.config of a web role under IIS."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from hatch_cloudrole.errors import ProjectError
from hatch_cloudrole.role.web_config import HANDLER, INTERPRETER, web_config
from tests.role_samples import web

if TYPE_CHECKING:
    from hatch_cloudrole.settings.model import Role


def parsed(role: Role) -> ET.Element:
    return ET.fromstring(web_config(role))


def app_settings(role: Role) -> dict[str, str]:
    """What wfastcgi reads: every `add` below appSettings."""
    return {
        each.attrib["key"].strip(): each.attrib["value"] for each in parsed(role).iterfind("appSettings/add")
    }


def platform(role: Role) -> ET.Element:
    found = parsed(role).find("system.webServer/httpPlatform")
    assert found is not None
    return found


def variables(role: Role) -> dict[str, str]:
    each = platform(role).iterfind("environmentVariables/environmentVariable")
    return {one.attrib["name"]: one.attrib["value"] for one in each}


def test_the_handler_of_fastcgi_is_as_python_tools_had_it() -> None:
    (add,) = parsed(web()).iterfind("system.webServer/handlers/add")
    assert add.attrib == {
        "name": "PythonHandler",
        "path": "*",
        "verb": "*",
        "modules": "FastCgiModule",
        "scriptProcessor": "%FASTCGIHANDLER%",
        "resourceType": "Unspecified",
        "requireAccess": "Script",
    }
    assert add.attrib["scriptProcessor"] == HANDLER


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        ("app:app", "app.app"),
        ("shop.wsgi:app", "shop.wsgi.app"),
        ("shop.wsgi.app", "shop.wsgi.app"),
        ("shop.make_app()", "shop.make_app()"),
        ("shop:make_app()", "shop.make_app()"),
        ("shop.sites:main.app", "shop.sites.main.app"),
        ("shop.make().app", "shop.make().app"),
        ("django.core.wsgi.get_wsgi_application()", "django.core.wsgi.get_wsgi_application()"),
    ],
)
def test_wfastcgi_gets_its_dotted_form(handler: str, expected: str) -> None:
    assert app_settings(web(wsgi_handler=handler))["WSGI_HANDLER"] == expected


def test_the_environment_is_in_app_settings_but_never_replaces_the_handler() -> None:
    role = web(environment=(("LOG_LEVEL", "info"), ("wsgi_handler", "other.app"), ("EMPTY", "")))
    assert app_settings(role) == {"WSGI_HANDLER": "app.app", "LOG_LEVEL": "info", "EMPTY": ""}


@pytest.mark.parametrize("name", ["PATH", "Path", "PYTHONPATH", "PythonPath"])
def test_what_the_scripts_on_an_instance_add_to_is_not_replaced_for_every_request(name: str) -> None:
    role = web(search_paths=("lib",), environment=((name, "mine"),))
    assert app_settings(role) == {"WSGI_HANDLER": "app.app"}
    assert variables(web(server="httpplatform", environment=((name, "mine"),))) == {}


@pytest.mark.parametrize("server", ["fastcgi", "httpplatform"])
def test_static_folders_are_taken_from_the_handler_at_their_url(server: str) -> None:
    role = web(server=server, static=(("/static", "static"), ("/assets/img", "web/images")))
    removed = {
        location.attrib["path"]: [
            each.attrib for each in location.iterfind("system.webServer/handlers/remove")
        ]
        for location in parsed(role).iterfind("location")
    }
    assert removed == {"static": [{"name": "PythonHandler"}], "assets/img": [{"name": "PythonHandler"}]}


def test_httpplatform_has_a_handler_of_the_same_name() -> None:
    (add,) = parsed(web(server="httpplatform")).iterfind("system.webServer/handlers/add")
    assert (add.attrib["name"], add.attrib["modules"]) == ("PythonHandler", "httpPlatformHandler")
    assert "scriptProcessor" not in add.attrib
    assert parsed(web(server="httpplatform")).find("appSettings") is None


def test_httpplatform_starts_one_interpreter_with_the_environment_as_variables() -> None:
    role = web(server="httpplatform", environment=(("A", "1"), ("WSGI_HANDLER", "own business")))
    assert platform(role).attrib == {
        "processPath": INTERPRETER,
        "stdoutLogEnabled": "false",
        "startupTimeLimit": "60",
        "processesPerApplication": "1",
    }
    assert variables(role) == {"A": "1", "WSGI_HANDLER": "own business"}


def test_a_value_that_xml_cannot_hold_is_a_fault_that_does_not_show_it() -> None:
    with pytest.raises(ProjectError) as caught:
        web_config(web(environment=(("TOKEN", "hush\x00"),)))
    assert "hush" not in str(caught.value)
    assert "U+0000" in str(caught.value)
