"""What an index can do to a build: each fault has its exit code and one clear message, and leaves nothing behind."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import os
import shutil
import ssl
import subprocess
import sys
import time
import zipfile
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
import wheelmaker as make

from hatch_cloudrole.wheels import fetch, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.functional.conftest import Ran, Shop

RESOLVERS = ["uv", "pip-tools"]
WHEEL = "colorama-0.4-py3-none-any.whl"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is tried twice, and an index that says nothing is waited for a second."""
    monkeypatch.setattr(fetch, "_RETRIES", 0)
    for name in ("UV_HTTP_RETRIES", "PIP_RETRIES"):
        monkeypatch.setenv(name, "0")
    monkeypatch.setenv("UV_HTTP_TIMEOUT", "1")


def refused(ran: Ran, shop: Shop, cache: Path, code: int, *words: str) -> None:
    """The exit code, one message with these words, no artifact, and a store in which everything is whole."""
    assert ran.code == code, ran.err
    assert "Traceback" not in ran.err
    assert [line for line in ran.err.splitlines() if line.startswith("error:")][1:] == []
    for word in words:
        assert word in ran.err
    assert shop.artifacts() == []
    intact(cache)


def intact(cache: Path) -> None:
    for path in cache.glob("v1/files/*/*"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
    assert list(cache.glob("v1/partial/*")) == []


def with_resolver(shop: Shop, resolver: str, *, dependency: str = "requests") -> None:
    shop.write(target=f'resolver = "{resolver}"')
    file = shop.root / "pyproject.toml"
    file.write_text(file.read_text().replace('["requests"]', f'["{dependency}"]'))


# What an index answers


class Answers:
    """Ways to answer a request, other than with what was asked for."""

    @staticmethod
    def status(number: int) -> Callable[[Any], None]:
        return lambda handler: handler.send_error(number)

    @staticmethod
    def body(data: bytes, *, length: int | None = None) -> Callable[[Any], None]:
        def answer(handler: Any) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(data) if length is None else length))
            handler.end_headers()
            handler.wfile.write(data)

        return answer

    @staticmethod
    def redirect(to: str) -> Callable[[Any], None]:
        def answer(handler: Any) -> None:
            handler.send_response(302)
            handler.send_header("Location", to or handler.path)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        return answer

    @staticmethod
    def silence(handler: Any) -> None:
        time.sleep(2.5)

    @staticmethod
    def drip(handler: Any) -> None:
        """A byte now and then: no single wait is long."""
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        try:
            for _ in range(60):
                handler.wfile.write(b"x")
                time.sleep(0.1)
        except OSError:
            pass

    @staticmethod
    def endless(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            for _ in range(1 << 14):
                handler.wfile.write(bytes(1 << 16))
        except OSError:
            pass


@pytest.mark.parametrize("resolver", RESOLVERS)
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answers.status(500), "500"),
        (Answers.status(401), "401"),
        (Answers.redirect(""), "/simple/colorama/"),
        (Answers.silence, "127.0.0.1"),
    ],
    ids=["500", "401", "redirect-loop", "slow"],
)
def test_a_page_that_cannot_be_read_stops_the_build(
    shop: Shop, index: make.IndexServer, cache: Path, resolver: str, answer: Any, words: str
) -> None:
    with_resolver(shop, resolver)
    index.answers["/simple/colorama/"] = answer
    refused(shop.build(), shop, cache, 6, "colorama", words)
    index.answers.clear()
    assert shop.build("--refresh").code == 0


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_an_index_that_is_down(
    shop: Shop, cache: Path, monkeypatch: pytest.MonkeyPatch, resolver: str
) -> None:
    with_resolver(shop, resolver)
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    refused(shop.build(), shop, cache, 6, "127.0.0.1:9", "refused")


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_a_second_index_that_is_down_is_no_smaller_fault(
    shop: Shop, index: make.IndexServer, cache: Path, monkeypatch: pytest.MonkeyPatch, resolver: str
) -> None:
    """It may hold what the build would have taken: a build without it would be another one, and say nothing."""
    monkeypatch.delenv("UV_DEFAULT_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "http://127.0.0.1:9/simple")
    with_resolver(shop, resolver)
    refused(shop.build(), shop, cache, 6, "127.0.0.1:9")


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (Answers.status(500), 6, "answers 500"),
        (Answers.status(401), 6, "credentials"),
        (Answers.status(404), 6, "the file is gone"),
        (Answers.silence, 6, "did not answer within 1 s"),
        (Answers.drip, 6, "bytes in 1 s"),
        (Answers.body(b"PK", length=1000), 6, "only 2 of 1000 bytes"),
        (Answers.body(make.wheel_bytes("colorama", "0.4", files={"evil.py": b""})), 4, "was pinned"),
        (Answers.redirect(""), 6, "redirects without end"),
        (Answers.redirect("file:///etc/hostname"), 6, "redirects to file:"),
        (Answers.body(b"", length=5 << 40), 4, "more than the"),
        (Answers.endless, 4, "more than the"),
    ],
    ids=["500", "401", "404", "silent", "drip", "truncated", "wrong", "loop", "to-file", "huge", "endless"],
)
def test_a_wheel_that_does_not_come_as_it_should(
    shop: Shop,
    index: make.IndexServer,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: Any,
    code: int,
    words: str,
) -> None:
    monkeypatch.setattr(fetch, "_LARGEST", 1 << 20)
    assert shop.run("lock", str(shop.root)).code == 0
    index.answers[WHEEL] = answer
    refused(shop.build(), shop, cache, code, WHEEL, words)
    index.answers.clear()
    assert shop.build().code == 0, "the store is as sound as before"


def test_what_may_pass_is_tried_again(
    shop: Shop, index: make.IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy server, a broken connection: no reason to have the user start anew."""
    monkeypatch.setattr(fetch, "_RETRIES", 2)
    monkeypatch.setattr(fetch, "_BACKOFF", 0.01)
    assert shop.run("lock", str(shop.root)).code == 0
    left = [Answers.status(503), Answers.body(b"PK", length=1000)]

    def answer(handler: Any) -> None:
        if left:
            left.pop()(handler)
        else:
            del index.answers[WHEEL]
            handler.do_GET()

    index.answers[WHEEL] = answer
    assert shop.build().code == 0
    assert not left


# Certificates


class Authority:
    """A certificate authority of the test's own, and servers' certificates from it."""

    def __init__(self, folder: Path) -> None:
        pytest.importorskip("cryptography", reason="certificates are made with cryptography")
        from cryptography.hazmat.primitives.asymmetric import ec

        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign("authority", self.key.public_key(), days=1, authority=True)
        self.bundle = self._write("authority.pem", self.certificate)

    def context(self, *, days: int = 1) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.load(context, days=days)
        return context

    def load(self, context: ssl.SSLContext, *, days: int) -> None:
        """Have the server use a certificate that is valid for so many days from now, or was until then."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        chain = self._write(f"server{days}.pem", self._sign("127.0.0.1", key.public_key(), days=days))
        with chain.open("ab") as file:
            file.write(
                key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.TraditionalOpenSSL,
                    serialization.NoEncryption(),
                )
            )
        context.load_cert_chain(chain)

    def _write(self, name: str, certificate: Any) -> Path:
        from cryptography.hazmat.primitives import serialization

        path = self.folder / name
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def _sign(self, name: str, key: Any, *, days: int, authority: bool = False) -> Any:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes

        now = dt.datetime.now(dt.timezone.utc)
        issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=10))
            .not_valid_after(now + dt.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
        )
        if authority:
            usage = dict.fromkeys(
                ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                 "encipher_only", "decipher_only"), False)  # fmt: skip
            builder = builder.add_extension(
                x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, **usage),
                critical=True,
            )
        else:
            address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        return builder.sign(self.key, hashes.SHA256())


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    folder = tmp_path / "certificates"
    folder.mkdir()
    return Authority(folder)


@pytest.fixture
def without_bundles(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("without_bundles")
@pytest.mark.parametrize("resolver", RESOLVERS)
@pytest.mark.parametrize("days", [1, -1], ids=["untrusted", "expired"])
def test_an_index_whose_certificate_does_not_hold(
    shop: Shop, index_folder: Path, cache: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch, days: int,
    resolver: str,
) -> None:  # fmt: skip
    with_resolver(shop, resolver)
    if days < 0:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    with make.serving(index_folder, authority.context(days=days)) as server:
        monkeypatch.setenv("UV_DEFAULT_INDEX", server.url)
        refused(shop.build(), shop, cache, 6, "127.0.0.1", "ertificate")


@pytest.mark.usefixtures("without_bundles")
@pytest.mark.parametrize("resolver", RESOLVERS)
def test_an_authority_that_was_named_is_trusted_until_the_certificate_expires(
    shop: Shop, index_folder: Path, cache: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch, resolver: str
) -> None:  # fmt: skip
    with_resolver(shop, resolver)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    context = authority.context()
    with make.serving(index_folder, context) as server:
        monkeypatch.setenv("UV_DEFAULT_INDEX", server.url)
        assert shop.run("lock", str(shop.root)).code == 0
        authority.load(context, days=-1)
        refused(shop.build(), shop, cache, 6, "is not trusted", "expired")
        authority.load(context, days=1)
        assert shop.build().code == 0


@pytest.mark.usefixtures("without_bundles", "index")
def test_a_bundle_of_authorities_that_is_not_there(
    shop: Shop, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shop.run("lock", str(shop.root)).code == 0
    monkeypatch.setenv("PIP_CERT", "/nowhere/authorities.pem")
    refused(shop.build(), shop, cache, 6, "/nowhere/authorities.pem", "does not exist")


# Wheels that lie


def rezipped(data: bytes, extra: dict[str, bytes]) -> bytes:
    buffer = BytesIO(data)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, content in extra.items():
            archive.writestr(name, content)
    return buffer.getvalue()


GOOD = make.wheel_bytes("bad")
METADATA = b"Metadata-Version: 2.1\nName: bad\nVersion: 1.0\n"


@pytest.mark.parametrize("resolver", RESOLVERS)
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\x03\x04 no zip", "no sound zip archive"),
        (GOOD[: len(GOOD) // 2], "no sound zip archive"),
        (make.wheel_bytes("bad", record=b"bad/__init__.py,sha256=AAAA,3\n"), "RECORD does not hold"),
        (rezipped(GOOD, {"../../evil.py": b"x"}), "leads outside"),
        (rezipped(GOOD, {"zeros.bin": bytes(2 << 20)}), "zip bomb"),
    ],
    ids=["no-zip", "half-a-zip", "record", "outside", "bomb"],
)
def test_a_wheel_that_is_not_what_it_says(
    shop: Shop, tmp_path: Path, index_folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, resolver: str,
    data: bytes, words: str,
) -> None:  # fmt: skip
    """The index vouches for its bytes and its metadata file is in order: only opening the wheel tells."""
    monkeypatch.setattr(verify, "BOMB_SLACK", 1 << 20)
    shutil.copytree(index_folder, tmp_path / "index")
    make.write_index(
        tmp_path / "index", {make.wheel_name("bad"): data}, metadata={make.wheel_name("bad"): METADATA}
    )
    with_resolver(shop, resolver, dependency="bad")
    with make.serving(tmp_path / "index") as server:
        monkeypatch.setenv("UV_DEFAULT_INDEX", server.url)
        refused(shop.build(), shop, cache, 4, "bad-1.0-py3-none-any.whl", "this wheel is refused", words)
    assert not list(tmp_path.rglob("evil.py"))


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_a_wheel_that_is_no_zip_and_must_be_asked_for_its_metadata(
    shop: Shop, tmp_path: Path, index_folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, resolver: str
) -> None:  # fmt: skip
    shutil.copytree(index_folder, tmp_path / "index")
    make.write_index(tmp_path / "index", {make.wheel_name("bad"): b"PK\x03\x04 no zip"})
    with_resolver(shop, resolver, dependency="bad")
    with make.serving(tmp_path / "index") as server:
        monkeypatch.setenv("UV_DEFAULT_INDEX", server.url)
        refused(shop.build(), shop, cache, 4, "bad")


# The disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root may mount a small disk, on Linux")
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this machine does not let root mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def big(shop: Shop) -> None:
    """The project needs a wheel of 2 MiB."""
    vendor = shop.root / "vendor"
    vendor.mkdir()
    (vendor / make.wheel_name("big")).write_bytes(
        make.wheel_bytes("big", files={"big.bin": os.urandom(2 << 20)})
    )
    shop.write(target='find-links = ["vendor"]')
    file = shop.root / "pyproject.toml"
    file.write_text(file.read_text().replace('["requests"]', '["big"]'))


@pytest.mark.usefixtures("index", "big")
def test_a_store_on_a_full_disk(shop: Shop, cache: Path, small_disk: Path) -> None:
    ran = shop.build("--cache-dir", str(small_disk))
    refused(ran, shop, small_disk, 6, "No space left", "--cache-dir")
    assert shop.build().code == 0, "elsewhere there is room"


@pytest.mark.usefixtures("index", "big")
def test_a_full_disk_where_the_package_goes(shop: Shop, cache: Path, small_disk: Path) -> None:
    (shop.root / "dist").symlink_to(small_disk)
    refused(shop.build(), shop, cache, 6, "No space left")


# Root is never refused, unless it gives up just that power (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH).
POWERLESS = """
import ctypes, os, sys
for capability in (1, 2) if os.geteuid() == 0 else ():
    if ctypes.CDLL(None).prctl(24, capability, 0, 0, 0):
        sys.exit(99)
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.usefixtures("index")
@pytest.mark.skipif(sys.platform != "linux", reason="needs a user who may be refused")
@pytest.mark.parametrize("place", ["cache", "dist"])
def test_a_folder_that_may_not_be_written(shop: Shop, cache: Path, place: str) -> None:
    closed = cache if place == "cache" else shop.root / "dist"
    closed.mkdir(exist_ok=True)
    closed.chmod(0o555)
    argv = [sys.executable, "-m", "hatch_cloudrole", "build", str(shop.root)]
    done = subprocess.run([sys.executable, "-c", POWERLESS, *argv], capture_output=True, text=True)
    if done.returncode == 99:
        pytest.skip("root may not give up its power here")
    assert done.returncode == 6, done.stderr
    assert "Permission denied" in done.stderr
    assert str(closed) in done.stderr
    assert "Traceback" not in done.stderr
    assert shop.artifacts() == []
    intact(cache)
