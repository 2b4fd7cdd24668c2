"""Settings of what is around a service: network, certificates, endpoints of every type, probes."""

from __future__ import annotations

import pytest

from hatch_cloudrole.settings import missing_variables, unfit_values
from hatch_cloudrole.settings.model import (
    Certificate,
    Endpoint,
    Network,
    NetworkConfiguration,
    PortRange,
    Probe,
)
from tests.settings_samples import WEB, WORKER, faults, parse, role

R = f"[roles.R]\n{WORKER}"
W = f"[roles.W]\n{WEB}"
NEXT = "\n    Next: "
PRINT = "0123456789ABCDEF0123456789ABCDEF01234567"
PORT = "an integer from 1 to 65535"
THUMBPRINT = "the SHA-1 of a certificate, 40 hexadecimal digits; {env:NAME} stands for a variable"
SUBNET = (
    "the name of a subnet: letters, digits, . _ and -, as Azure names it; {env:NAME} stands for a variable"
)
VNET = "the name or the full ARM id of a virtual network; {env:NAME} stands for a variable"
ID = "/subscriptions/S/resourceGroups/G/providers/Microsoft.Network/virtualNetworks/shop"
NETWORK = 'network.virtual-network = "vnet"\n'


def test_a_network_with_all_it_can_have() -> None:
    service = parse(
        f"""
        [network]
        virtual-network = "{ID}"
        reserved-ip = "shop_ip"
        dns-servers = {{ inner = "10.0.0.4" }}
        configurations.Staging = {{ virtual-network = "{{env:VNET:test}}", reserved-ip = "test-ip" }}
        configurations.Local = {{ dns-servers = {{}} }}
        {R}
        subnets = ["front", "{{env:SUBNET}}"]
        configurations.Blue = {{ subnets = ["blue"] }}
        """
    )
    assert service.network == Network(
        virtual_network=ID,
        reserved_ip="shop_ip",
        dns_servers=(("inner", "10.0.0.4"),),
        configurations=(
            NetworkConfiguration(name="Staging", virtual_network="{env:VNET:test}", reserved_ip="test-ip"),
            NetworkConfiguration(name="Local", dns_servers=()),
        ),
    )
    assert service.roles[0].subnets == ("front", "{env:SUBNET}")
    assert service.configuration_names == ("Cloud", "Local", "Blue", "Staging")


@pytest.mark.parametrize(
    "written",
    [
        PRINT,
        PRINT.lower(),
        " ".join(PRINT),
        "\u200e" + PRINT,
        ":".join(PRINT[i : i + 2] for i in range(0, 40, 2)),
    ],
)
def test_a_thumbprint_may_be_pasted_as_windows_and_openssl_show_it(written: str) -> None:
    found = role(f'{WORKER}certificates.Shop = {{ thumbprint = "{written}" }}')
    assert found.certificates == (Certificate(name="Shop", thumbprint=PRINT),)


def test_certificates_with_all_they_can_have() -> None:
    found = role(
        f"""{WORKER}
        configurations.Staging.certificates = {{ Shop = "{PRINT.lower()}" }}
        [roles.R.certificates.Shop]
        thumbprint = "{{env:PRINT}}"
        store-location = "CurrentUser"
        store-name = "My Own"
        permission-level = "elevated"
        """
    )
    assert found.certificates == (
        Certificate(
            name="Shop",
            thumbprint="{env:PRINT}",
            store_location="CurrentUser",
            store_name="My Own",
            permission_level="elevated",
        ),
    )
    assert found.configurations[0].certificates == (("Shop", PRINT),)


def test_endpoints_of_every_type() -> None:
    service = parse(
        f"""
        probes.Health = {{ protocol = "http", path = "/up", port = 81, interval-in-seconds = 5, timeout-in-seconds = 11 }}
        probes.Alive = {{ protocol = "tcp" }}
        {R}
        endpoints.Any = {{ type = "internal", protocol = "any" }}
        endpoints.Fixed = {{ type = "internal", protocol = "http", port = 9000 }}
        endpoints.Some = {{ type = "internal", protocol = "udp", port-ranges = [{{ min = 1, max = 1 }}, {{ min = 5, max = 9 }}] }}
        endpoints.Each = {{ type = "instance-input", protocol = "tcp", local-port = 22, port-ranges = [{{ min = 100, max = 100 }}] }}
        [roles.R.endpoints.In]
        protocol = "tcp"
        port = 90
        local-port = "*"
        probe = "Health"
        idle-timeout-in-minutes = 30
        load-balancer-distribution = "sourceIPProtocol"
        ignore-role-instance-status = true
        """
    )
    assert service.probes == (
        Probe(
            name="Health", protocol="http", path="/up", port=81, interval_in_seconds=5, timeout_in_seconds=11
        ),
        Probe(name="Alive", protocol="tcp"),
    )
    assert service.roles[0].endpoints == (
        Endpoint(name="Any", protocol="any", type="internal"),
        Endpoint(name="Fixed", protocol="http", type="internal", port=9000),
        Endpoint(
            name="Some",
            protocol="udp",
            type="internal",
            port_ranges=(PortRange(min=1, max=1), PortRange(min=5, max=9)),
        ),
        Endpoint(
            name="Each",
            protocol="tcp",
            type="instance-input",
            local_port=22,
            port_ranges=(PortRange(min=100, max=100),),
        ),
        Endpoint(
            name="In",
            protocol="tcp",
            port=90,
            local_port="*",
            probe="Health",
            idle_timeout_in_minutes=30,
            load_balancer_distribution="sourceIPProtocol",
            ignore_role_instance_status=True,
        ),
    )


BAD = {
    # network
    "a network without a name": (
        f'network = {{ reserved-ip = "ip" }}\n{R}subnets = ["a"]',
        f"network.virtual-network: is missing, accepted: {VNET}",
    ),
    "a network by half an id": (
        f'network.virtual-network = "/subscriptions/S/virtualNetworks/x"\n{R}subnets = ["a"]',
        (
            f'network.virtual-network: found "/subscriptions/S/virtualNetworks/x", accepted: {VNET}{NEXT}write the id '
            "as /subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.Network/virtualNetworks/NAME"
        ),
    ),
    "a network with a blank": (
        f'network.virtual-network = "my net"\n{R}subnets = ["a"]',
        f'network.virtual-network: found "my net", accepted: {VNET}',
    ),
    "a reserved address by its id": (
        f'{NETWORK}network.reserved-ip = "{ID}"\n{R}subnets = ["a"]',
        (
            'network.reserved-ip: found "/subscriptions/S/resourceGroups/G/providers/Microsoft.Networ...", accepted: '
            "the name of a static public IP address: letters, digits, . _ and -, as Azure names it; {env:NAME} stands "
            f"for a variable{NEXT}write the name alone, the last part of the id"
        ),
    ),
    "a name server by name": (
        f'{NETWORK}network.dns-servers = {{ a = "dns.example.com" }}\n{R}subnets = ["a"]',
        'network.dns-servers.a: found "dns.example.com", accepted: an IPv4 address',
    ),
    "a role without subnet": (
        f"{NETWORK}{R}",
        "roles.R.subnets: is missing, accepted: at least one subnet for each role when there is a network",
    ),
    "a role with no subnet": (
        f"{NETWORK}{R}subnets = []",
        "roles.R.subnets: found none, accepted: at least one subnet for each role when there is a network",
    ),
    "a configuration with no subnet": (
        f'{NETWORK}{R}subnets = ["a"]\nconfigurations.Test.subnets = []',
        f"roles.R.configurations.Test.subnets: found none, accepted: at least one subnet{NEXT}leave the key out",
    ),
    "a subnet without network": (
        f'{R}subnets = ["a"]',
        (
            "roles.R.subnets: found without network, accepted: subnets of network.virtual-network"
            f'{NEXT}add network = {{ virtual-network = "..." }} beside roles'
        ),
    ),
    "a subnet by its id": (
        f'{NETWORK}{R}subnets = ["a", "{ID}/subnets/x"]',
        (
            'roles.R.subnets[1]: found "/subscriptions/S/resourceGroups/G/providers/Microsoft.Networ...", accepted: '
            f"{SUBNET}{NEXT}write the name alone, the last part of the id"
        ),
    ),
    "a configuration of the network in another case": (
        f'{NETWORK}network.configurations.staging = {{}}\n{R}subnets = ["a"]\nconfigurations.Staging = {{}}',
        (
            'network.configurations.staging: the name differs from "Staging" by case alone, accepted: names that '
            "differ otherwise"
        ),
    ),
    # certificates
    "a certificate without thumbprint": (
        f"{R}certificates.Shop = {{}}",
        f"roles.R.certificates.Shop.thumbprint: is missing, accepted: {THUMBPRINT}",
    ),
    "a thumbprint of SHA-256": (
        f'{R}certificates.Shop = {{ thumbprint = "{"ab" * 32}" }}',
        (
            f'roles.R.certificates.Shop.thumbprint: found "{"ab" * 30}...", accepted: {THUMBPRINT}{NEXT}that is a '
            "SHA-256; take the SHA-1 of the certificate, which Windows calls thumbprint"
        ),
    ),
    "a thumbprint that lost a digit": (
        f'{R}certificates.Shop = {{ thumbprint = "{PRINT[:-1]}" }}',
        f'roles.R.certificates.Shop.thumbprint: found "{PRINT[:-1]}", accepted: {THUMBPRINT}{NEXT}it has 39 digits',
    ),
    "a store that is not there": (
        f'{R}certificates.Shop = {{ thumbprint = "{PRINT}", store-location = "Machine" }}',
        'roles.R.certificates.Shop.store-location: found "Machine", accepted: "LocalMachine" or "CurrentUser"'
        f'{NEXT}did you mean "LocalMachine"?',
    ),
    "https with a certificate that the role has not": (
        (
            f'{W}certificates.Shop = {{ thumbprint = "{PRINT}" }}\n'
            'endpoints.Https = { protocol = "https", port = 443, certificate = "Shpo" }'
        ),
        (f'roles.W.endpoints.Https.certificate: found "Shpo", accepted: "Shop"{NEXT}did you mean "Shop"?'),
    ),
    "https without any certificate in the role": (
        f'{W}endpoints.Https = {{ protocol = "https", port = 443, certificate = "Shop" }}',
        (
            'roles.W.endpoints.Https.certificate: found "Shop", accepted: none, as the role has none'
            f"{NEXT}add it to the role, as in certificates.Shop.thumbprint"
        ),
    ),
    "another thumbprint for a certificate that is not there": (
        f'{R}configurations.Test.certificates = {{ Shop = "{PRINT}" }}',
        (
            "roles.R.configurations.Test.certificates.Shop: the role has no such certificate, accepted: none, as the "
            f"role has none{NEXT}add it to the role, as in certificates.Shop.thumbprint"
        ),
    ),
    # endpoints
    "an unknown type": (
        f'{R}endpoints.A = {{ type = "instance", protocol = "tcp", port = 1 }}',
        (
            'roles.R.endpoints.A.type: found "instance", accepted: "input", "internal" or "instance-input"'
            f'{NEXT}did you mean "instance-input"?'
        ),
    ),
    "internal https": (
        f'{R}endpoints.A = {{ type = "internal", protocol = "https" }}',
        (
            'roles.R.endpoints.A.protocol: found "https" for an internal endpoint, accepted: "http", "tcp", "udp" or '
            '"any"'
        ),
    ),
    "any for the world": (
        f'{R}endpoints.A = {{ protocol = "any", port = 1 }}',
        (
            'roles.R.endpoints.A.protocol: found "any" for an input endpoint, accepted: "http", "https", "tcp" or '
            '"udp"'
        ),
    ),
    "an internal endpoint with a local port": (
        f'{R}endpoints.A = {{ type = "internal", protocol = "tcp", local-port = 1 }}',
        (
            "roles.R.endpoints.A.local-port: found in an internal endpoint, accepted: in input or instance-input "
            "endpoints alone"
        ),
    ),
    "an internal endpoint with two kinds of ports": (
        f'{R}endpoints.A = {{ type = "internal", protocol = "tcp", port = 1, port-ranges = [{{ min = 1, max = 2 }}] }}',
        "roles.R.endpoints.A: found both port and port-ranges, accepted: one of them or neither",
    ),
    "an input endpoint with a range": (
        f'{R}endpoints.A = {{ protocol = "tcp", port = 1, port-ranges = [{{ min = 1, max = 2 }}] }}',
        (
            "roles.R.endpoints.A.port-ranges: found in an input endpoint, accepted: in internal or instance-input "
            "endpoints alone"
        ),
    ),
    "a range upside down": (
        f'{R}endpoints.A = {{ type = "internal", protocol = "tcp", port-ranges = [{{ min = 3, max = 2 }}] }}',
        (
            "roles.R.endpoints.A.port-ranges[0].max: found the integer 2, accepted: the integer 3, the min, or more"
        ),
    ),
    "instance-input for http": (
        (
            f'{R}endpoints.A = {{ type = "instance-input", protocol = "http", local-port = 1, '
            "port-ranges = [{ min = 1, max = 2 }] }"
        ),
        (
            'roles.R.endpoints.A.protocol: found "http" for an instance-input endpoint, accepted: "tcp" or "udp"'
            f'{NEXT}use "tcp" for http and https'
        ),
    ),
    "instance-input without local port": (
        f'{R}endpoints.A = {{ type = "instance-input", protocol = "tcp", port-ranges = [{{ min = 1, max = 2 }}] }}',
        f"roles.R.endpoints.A.local-port: is missing, accepted: {PORT}",
    ),
    "instance-input without range": (
        f'{R}endpoints.A = {{ type = "instance-input", protocol = "tcp", local-port = 1 }}',
        "roles.R.endpoints.A.port-ranges: is missing, accepted: one range, with a port for each instance",
    ),
    "instance-input with two ranges": (
        (
            f'{R}endpoints.A = {{ type = "instance-input", protocol = "tcp", local-port = 1, '
            "port-ranges = [{ min = 1, max = 2 }, { min = 5, max = 6 }] }"
        ),
        "roles.R.endpoints.A.port-ranges: found 2 ranges in an instance-input endpoint, accepted: one",
    ),
    "instance-input with a local port of Azure's choice": (
        (
            f'{R}endpoints.A = {{ type = "instance-input", protocol = "tcp", local-port = "*", '
            "port-ranges = [{ min = 1, max = 2 }] }"
        ),
        f'roles.R.endpoints.A.local-port: found "*" in an instance-input endpoint, accepted: {PORT}',
    ),
    "a range smaller than a configuration has instances": (
        (
            f'{R}instances = 2\nconfigurations.Test = {{ instances = 3 }}\nendpoints.A = {{ type = "instance-input", '
            'protocol = "tcp", local-port = 1, port-ranges = [{ min = 1, max = 2 }] }'
        ),
        ("roles.R.endpoints.A.port-ranges: found 2 ports, accepted: one for each instance, and Test has 3"),
    ),
    "a port that is in a range of another role": (
        (
            f'{R}endpoints.A = {{ type = "instance-input", protocol = "tcp", local-port = 1, '
            f"port-ranges = [{{ min = 80, max = 90 }}] }}\n[roles.S]\n{WORKER}"
            'endpoints.B = { protocol = "tcp", port = 85 }'
        ),
        (
            "roles.S.endpoints.B: found the port 85, which roles.R.endpoints.A has too, accepted: each port once in a "
            "service"
        ),
    ),
    "a range that holds a port of another role": (
        (
            f'{R}endpoints.A = {{ protocol = "tcp", port = 85 }}\n[roles.S]\n{WORKER}endpoints.B = '
            '{ type = "instance-input", protocol = "tcp", local-port = 1, port-ranges = [{ min = 80, max = 90 }] }'
        ),
        (
            "roles.S.endpoints.B: found the ports 80 to 90, of which roles.R.endpoints.A has some too, accepted: each "
            "port once in a service"
        ),
    ),
    "an idle timeout that the load balancer has not": (
        f'{R}endpoints.A = {{ protocol = "tcp", port = 1, idle-timeout-in-minutes = 60 }}',
        (
            "roles.R.endpoints.A.idle-timeout-in-minutes: found the integer 60, accepted: an integer from 4 to 30"
        ),
    ),
    "a distribution in kebab case": (
        f'{R}endpoints.A = {{ protocol = "tcp", port = 1, load-balancer-distribution = "source-ip" }}',
        (
            'roles.R.endpoints.A.load-balancer-distribution: found "source-ip", accepted: "sourceIP", '
            f'"sourceIPProtocol" or "none"{NEXT}did you mean "sourceIP"?'
        ),
    ),
    "a site that listens for single instances alone": (
        (
            f'{W}endpoints.A = {{ type = "instance-input", protocol = "tcp", local-port = 1, '
            "port-ranges = [{ min = 1, max = 2 }] }"
        ),
        (
            "roles.W.endpoints: found tcp (instance-input) alone, accepted: at least one endpoint with protocol http "
            "or https"
        ),
    ),
    "a direct server that knows no port": (
        f'{W}server = "direct"\nendpoints.A = {{ protocol = "http", port = 80, local-port = "*" }}',
        (
            "roles.W.endpoints: found no port that is known beforehand, accepted: at least one endpoint with port or "
            "local-port as a number, for the server to listen on"
        ),
    ),
    # probes
    "a probe that is not there": (
        f'probes.Health = {{ protocol = "tcp" }}\n{R}endpoints.A = {{ protocol = "tcp", port = 1, probe = "Healt" }}',
        f'roles.R.endpoints.A.probe: found "Healt", accepted: "Health"{NEXT}did you mean "Health"?',
    ),
    "a probe without probes": (
        f'{R}endpoints.A = {{ protocol = "tcp", port = 1, probe = "Up" }}',
        (
            'roles.R.endpoints.A.probe: found "Up", accepted: none, as there are no probes'
            f"{NEXT}add it to probes, as in probes.Up"
        ),
    ),
    "a probe of an internal endpoint": (
        f'probes.Up = {{ protocol = "tcp" }}\n{R}endpoints.A = {{ type = "internal", protocol = "tcp", probe = "Up" }}',
        "roles.R.endpoints.A.probe: found in an internal endpoint, accepted: in input endpoints alone",
    ),
    "a probe of http without path": (
        f'probes.Up = {{ protocol = "http" }}\n{R}',
        'probes.Up.path: is missing, accepted: a path such as "/healthz", which http needs',
    ),
    "a probe of tcp with path": (
        f'probes.Up = {{ protocol = "tcp", path = "/" }}\n{R}',
        'probes.Up.path: found with protocol = "tcp", accepted: with protocol = "http" alone',
    ),
    "a probe in too much of a hurry": (
        f'probes.Up = {{ protocol = "tcp", interval-in-seconds = 4 }}\n{R}',
        "probes.Up.interval-in-seconds: found the integer 4, accepted: an integer from 5 to 2147483647",
    ),
    # what extended support takes no more
    "a setting of a plugin": (
        f'{R}settings = {{ "Microsoft.WindowsAzure.Plugins.RemoteAccess.Enabled" = "true" }}',
        (
            'roles.R.settings."Microsoft.WindowsAzure.Plugins.RemoteAccess.Enabled": the name is '
            '"Microsoft.WindowsAzure.Plugins.RemoteAccess.Enabled", accepted: a letter or _, then anything but ^ \\ / '
            ": * ? \" < > | ' ` (neither . nor blank as the last)"
            f"{NEXT}it is the setting of a plugin (diagnostics, remote desktop), and extended support takes none: add "
            "the extension to the deployment instead"
        ),
    ),
    # values that only an instance knows
    "an XPath to somewhere else": (
        f'{R}role-instance-values = {{ A = "//Deployment/@id" }}',
        (
            'roles.R.role-instance-values.A: found "//Deployment/@id", accepted: an XPath of the role environment'
            f'{NEXT}it begins with "/RoleEnvironment/", as in "/RoleEnvironment/Deployment/@id"'
        ),
    ),
    "an XPath to a setting that the role has not": (
        (
            f'{R}settings = {{ Digits = "3" }}\nrole-instance-values.A = "/RoleEnvironment/CurrentInstance/'
            "ConfigurationSettings/ConfigurationSetting[@name='Digit']/@value\""
        ),
        (
            'roles.R.role-instance-values.A: found "Digit", which settings of the role has not, accepted: "Digits"'
            f'{NEXT}did you mean "Digits"?'
        ),
    ),
    "an XPath to a folder that the role has not": (
        (
            f'{R}[[roles.R.startup-tasks]]\ncommand = "x"\nrole-instance-values.A = "/RoleEnvironment/CurrentInstance/'
            "LocalResources/LocalResource[@name='Cache']/@path\""
        ),
        (
            'roles.R.startup-tasks[0].role-instance-values.A: found "Cache", which local-storage of the role has not, '
            'accepted: "DiagnosticStore"'
        ),
    ),
    "an XPath to an endpoint in a role that has none": (
        f"{R}role-instance-values.A = \"/RoleEnvironment/CurrentInstance/Endpoints/Endpoint[@name='E']/@port\"",
        (
            'roles.R.role-instance-values.A: found "E", which endpoints of the role has not, accepted: none, as the '
            "role has none"
        ),
    ),
    "a variable of both kinds": (
        f'{R}environment = {{ a = "1" }}\nrole-instance-values = {{ A = "/RoleEnvironment/Deployment/@id" }}',
        "roles.R.role-instance-values.A: found in environment too, accepted: each variable in one of them",
    ),
    # web.config
    "the layout of websites without wfastcgi": (
        f'{W}server = "httpplatform"\nweb-config = "websites"',
        'roles.W.web-config: found with server = "httpplatform", accepted: with "fastcgi" alone',
    ),
    "the log of wfastcgi without it": (
        f"{W}server = \"direct\"\nwsgi-log = 'C:\\x.log'",
        'roles.W.wsgi-log: found with server = "direct", accepted: with "fastcgi" alone',
    ),
    "a log in the site": (
        f'{W}wsgi-log = "x.log"',
        (
            'roles.W.wsgi-log: found "x.log", accepted: the absolute path of a file on the instance, as in '
            "'D:\\logs\\web.log' or '%TEMP%\\web.log'"
        ),
    ),
    "the log twice": (
        f"{W}wsgi-log = '%TEMP%\\x.log'\nenvironment = {{ wsgi_log = 'C:\\y.log' }}",
        "roles.W.environment.wsgi_log: found with wsgi-log, accepted: one of the two",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_setting_has_one_message_and_this_is_it(case: str) -> None:
    text, message = BAD[case]
    assert faults(text) == [message]


def test_imports_are_unknown_and_the_reason_is_said() -> None:
    (fault,) = faults(f'{R}imports = ["RemoteAccess"]')
    assert fault.startswith("roles.R.imports: unknown key, accepted: ")
    assert fault.endswith(
        f"{NEXT}extended support takes no plugins: add remote desktop and diagnostics as extensions of the deployment"
    )


def test_a_service_full_of_faults_says_all_of_them_at_once() -> None:
    found = faults(
        f"""
        network = {{}}
        probes.P = {{ protocol = "http" }}
        {R}
        certificates.C = {{ thumbprint = "x" }}
        endpoints.A = {{ type = "internal", protocol = "https", certificate = "C" }}
        endpoints.B = {{ protocol = "tcp", port = 80 }}
        [roles.W]
        {WEB}
        subnets = ["a b"]
        """
    )
    assert [fault.partition(": ")[0] for fault in found] == [
        "network.virtual-network",
        "probes.P.path",
        "roles.R.certificates.C.thumbprint",
        "roles.R.endpoints.A.certificate",
        "roles.R.endpoints.A.protocol",
        "roles.R.subnets",
        "roles.W.endpoints",
        "roles.W.subnets[0]",
    ]


FILLED = parse(
    f"""
    network.virtual-network = "{{env:VNET}}"
    network.reserved-ip = "{{env:IP:ip}}"
    network.configurations.Test.virtual-network = "{{env:TEST_VNET}}"
    {R}
    subnets = ["{{env:SUBNET}}"]
    certificates.Shop = {{ thumbprint = "{{env:PRINT}}" }}
    configurations.Test.certificates = {{ Shop = "{{env:TEST_PRINT}}" }}
    configurations.Test.subnets = ["x-{{env:SUBNET}}"]
    configurations.Test.settings = {{ S = "{{env:TEST_S}}" }}
    settings.S = "{{env:S}}"
    """
)


def test_every_variable_that_is_not_set_is_missed_where_it_stands() -> None:
    found = missing_variables(FILLED, {})
    start = "tool.hatch.build.targets.cloudrole."
    assert [(fault.where.removeprefix(start), fault.what.split()[3]) for fault in found] == [
        ("roles.R.settings.S", "S"),
        ("roles.R.certificates.Shop.thumbprint", "PRINT"),
        ("roles.R.subnets[0]", "SUBNET"),
        ("roles.R.configurations.Test.settings.S", "TEST_S"),
        ("roles.R.configurations.Test.certificates.Shop", "TEST_PRINT"),
        ("roles.R.configurations.Test.subnets[0]", "SUBNET"),
        ("network.virtual-network", "VNET"),
        ("network.configurations.Test.virtual-network", "TEST_VNET"),
    ]
    assert found[1].what == f"the environment variable PRINT is not set, accepted: {THUMBPRINT}"


def test_what_the_environment_gives_is_checked_and_never_shown() -> None:
    env = {
        "VNET": "v net",
        "IP": "9lives",
        "TEST_VNET": ID,
        "SUBNET": "sub",
        "PRINT": "hush" * 10,
        "TEST_PRINT": PRINT,
        "S": "v net",
        "TEST_S": "",
    }
    assert missing_variables(FILLED, env) == []
    found = [
        str(fault).replace("tool.hatch.build.targets.cloudrole.", "") for fault in unfit_values(FILLED, env)
    ]
    assert found == [
        (
            'roles.R.certificates.Shop.thumbprint: what the environment gives for "{env:PRINT}" does not fit, '
            f"accepted: {THUMBPRINT}"
        ),
        f'network.virtual-network: what the environment gives for "{{env:VNET}}" does not fit, accepted: {VNET}',
        (
            'network.reserved-ip: what the environment gives for "{env:IP:ip}" does not fit, accepted: the name of a '
            "static public IP address: letters, digits, . _ and -, as Azure names it; {env:NAME} stands for a variable"
            f"{NEXT}Azure's schema has no reserved IP whose name begins with a digit"
        ),
    ]


def test_what_is_not_set_is_not_called_unfit_too() -> None:
    assert unfit_values(FILLED, {}) == []
