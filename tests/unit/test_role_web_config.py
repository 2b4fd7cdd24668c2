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


def test_a_static_folder_inside_another_needs_no_location_of_its_own() -> None:
    """Removing a handler where it is gone already is left to nobody's patience."""
    role = web(static=(("/static/admin", "admin"), ("/Static", "all"), ("/statics", "other")))
    assert [each.attrib["path"] for each in parsed(role).iterfind("location")] == ["Static", "statics"]


@pytest.mark.parametrize("server", ["fastcgi", "httpplatform"])
def test_file_types_that_iis_may_not_know_are_made_known_where_they_are_served(server: str) -> None:
    role = web(server=server, static=(("/static", "static"),))
    root = ET.fromstring(web_config(role, {".woff2", ".css", ".wasm", ""}))
    (content,) = root.iterfind("location/system.webServer/staticContent")
    assert [(each.tag, *each.attrib.values()) for each in content] == [
        ("remove", ".wasm"),
        ("mimeMap", ".wasm", "application/wasm"),
        ("remove", ".woff2"),
        ("mimeMap", ".woff2", "font/woff2"),
    ]
    assert root.find("system.webServer/staticContent") is None


def test_without_such_files_nothing_is_said_of_types() -> None:
    assert b"staticContent" not in web_config(web(static=(("/static", "static"),)), {".css"})


WEBSITES = web(web_config="websites", search_paths=("lib", "src/shop"), static=(("/static", "static"),))


def test_the_layout_of_azure_websites_leads_what_is_no_file_to_the_placeholder() -> None:
    root = parsed(WEBSITES)
    (add,) = root.iterfind("system.webServer/handlers/add")
    assert (add.attrib["name"], add.attrib["path"], add.attrib["resourceType"]) == (
        "PythonHandler",
        "handler.fcgi",
        "Either",
    )
    assert add.attrib["scriptProcessor"] == HANDLER
    (rule,) = root.iterfind("system.webServer/rewrite/rules/rule")
    assert [(each.tag, dict(each.attrib)) for each in rule.iter()] == [
        ("rule", {"name": "Configure Python", "stopProcessing": "true"}),
        ("match", {"url": "(.*)", "ignoreCase": "false"}),
        ("conditions", {}),
        ("add", {"input": "{REQUEST_FILENAME}", "matchType": "IsFile", "negate": "true"}),
        ("action", {"type": "Rewrite", "url": "handler.fcgi/{R:1}", "appendQueryString": "true"}),
    ]
    assert root.find(".//remove") is None


def test_the_layout_of_azure_websites_says_where_the_modules_are() -> None:
    assert app_settings(WEBSITES) == {"WSGI_HANDLER": "app.app", "pythonpath": r".;lib;src\shop"}
    assert app_settings(web(web_config="websites", search_paths=(".",)))["pythonpath"] == "."


def test_the_log_of_wfastcgi_is_an_app_setting() -> None:
    log = r"%TEMP%\<web & more>.log"
    assert app_settings(web(wsgi_log=log)) == {"WSGI_HANDLER": "app.app", "WSGI_LOG": log}
