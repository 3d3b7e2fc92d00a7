"""Whatever is between this machine and the Hub: each obstacle has its name, none takes long."""

import contextlib
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from config_files import read_config
from fake_hub import FakeHub, Model
from hub_asking import (
    BASE,
    FULL_SIZE,
    NOWHERE,
    check_base,
    environ_of,
    running_hub,
    without_mirror,
)

from tuner_kit.errors import Severity
from tuner_kit.preflight.hub_access import check_hub_access, check_model_repository
from tuner_kit.preflight.hub_refusals import HubModel


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with running_hub() as running:
        running.models[BASE] = Model()
        yield running


def test_a_hub_that_is_not_there_is_an_error(hub: FakeHub, tmp_path: Path) -> None:
    (found,) = check_base(hub, tmp_path, HF_ENDPOINT=NOWHERE)

    assert (found.id, found.severity) == ("A08", Severity.ERROR)
    assert "can't be reached" in found.what


def test_a_slow_hub_is_waited_for_a_limited_time_only(hub: FakeHub, tmp_path: Path) -> None:
    hub.delay_s = 3.0
    started = time.monotonic()

    (found,) = without_mirror(
        check_hub_access(read_config(tmp_path, FULL_SIZE), environ_of(hub, tmp_path), limit_s=0.2)
    )

    assert time.monotonic() - started < 2.0
    assert (found.id, found.severity) == ("A08", Severity.WARNING)
    assert "did not answer in time" in found.what


def test_a_hub_that_answers_byte_by_byte_does_not_take_longer(tmp_path: Path) -> None:
    class Dripping(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            with contextlib.suppress(OSError):  # whoever asked has left
                for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"z" * 20:
                    self.wfile.write(bytes([byte]))
                    time.sleep(0.1)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Dripping)
    threading.Thread(target=server.handle_request, daemon=True).start()
    model = HubModel("me/model", "config.json:2")
    environ = {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HOME": str(tmp_path)}
    started = time.monotonic()

    with running_hub():
        found = without_mirror(check_model_repository(model, environ, limit_s=0.5))

    server.server_close()
    assert time.monotonic() - started < 2.0
    assert ["did not answer in time" in problem.what for problem in found] == [True]


@pytest.mark.parametrize("endpoint", ["huggingface.co", "ftp://huggingface.co", "http://a:b:c"])
def test_an_endpoint_that_is_no_address_is_named(
    hub: FakeHub, tmp_path: Path, endpoint: str
) -> None:
    (found,) = check_base(hub, tmp_path, HF_ENDPOINT=endpoint)

    assert (found.id, found.severity) == ("A08", Severity.ERROR)
    assert f"HF_ENDPOINT is no address: {endpoint}" in found.what


def test_a_proxy_of_an_unknown_kind_is_named(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks9://127.0.0.1:9")

    (found,) = check_base(hub, tmp_path)

    assert found.id == "A08"
    assert "the proxy does not lead to" in found.what


def test_a_proxy_that_wants_a_password_is_named(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            self.send_error(407)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.handle_request, daemon=True).start()
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.server_port}")

    # Without HF_ENDPOINT it is the real Hub that the proxy is asked for.
    (found,) = check_hub_access(
        read_config(tmp_path, FULL_SIZE), environ_of(hub, tmp_path, HF_ENDPOINT="")
    )

    server.server_close()
    assert found.id == "A08"
    assert "the proxy does not lead to the Hugging Face Hub" in found.what
    assert "HTTPS_PROXY" in found.fix


def test_the_login_page_of_a_network_is_not_taken_for_the_model(
    hub: FakeHub, tmp_path: Path
) -> None:
    hub.page = b"<html>Welcome to the hotel</html>"

    (found,) = check_base(hub, tmp_path)

    assert (found.id, found.severity) == ("A08", Severity.ERROR)
    assert "a web page answered in place of" in found.what


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_a_certificate_that_nobody_trusts_is_named(hub: FakeHub, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1"
    options = ["-subj", "/CN=127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*words.split(), *options], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.handle_request, daemon=True).start()

    (found,) = check_base(hub, tmp_path, HF_ENDPOINT=f"https://127.0.0.1:{server.server_port}")

    server.server_close()
    assert found.id == "A08"
    assert "certificate" in found.what
    assert "SSL_CERT_FILE" in found.fix
