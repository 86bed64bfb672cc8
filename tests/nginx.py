"""nginx with TLS in front of servers under test, configured by deploy/nginx.conf.

    with Nginx(folder) as nginx, Server(url, folder, TRUSTED_PROXIES="1", CORS_ORIGIN=nginx.url) as server:
        nginx.serve(server.port)
        requests.get(f"{nginx.url}/readyz", verify=nginx.certificate)

A JavaScript client trusts the certificate if its driver was started with `JsDriver(trusts=nginx.certificate)`; a browser
context is opened with `ignore_https_errors=True`.
"""

import datetime
import ipaddress
import os
import pwd
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.server import ROOT, free_port

START_SECONDS = 10.0
# Set where these tests must run: without nginx they fail.
REQUIRED = "REQUIRE_NGINX"
needs_nginx = pytest.mark.skipif(
    not (shutil.which("nginx") or os.environ.get(REQUIRED)), reason="nginx is not installed: `apt-get install nginx`"
)


class Nginx:
    """nginx on a port of its own, which is known before it serves. `url` begins with `https://localhost:`.

    `certificate` is the file of its self-signed certificate, which names `localhost` and `127.0.0.1`.
    """

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate = folder / "certificate.pem"
        self._key = folder / "key.pem"
        write_certificate(self.certificate, self._key)
        self._folder = folder
        self._log = folder / "nginx.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)

    def serve(self, *ports: int) -> None:
        """Start in front of the servers on these ports; return when nginx responds."""
        site = site_configuration(ports, self.port, self.certificate, self._key)
        configuration = self._folder / "nginx.conf"
        configuration.write_text(
            f"daemon off;\nuser {pwd.getpwuid(os.geteuid()).pw_name};\nworker_processes 1;\n"
            f"pid {self._folder}/nginx.pid;\nerror_log {self._log};\nevents {{ worker_connections 4096; }}\n"
            f"http {{\naccess_log off;\n{site}\n}}\n"
        )
        self._process = subprocess.Popen(
            ["nginx", "-e", self._log, "-p", self._folder, "-c", configuration],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._responds():
            assert self._process.poll() is None, f"nginx ended:\n{self.log}"
            assert time.monotonic() < deadline, f"nginx does not respond:\n{self.log}"
            time.sleep(0.05)

    def _responds(self) -> bool:
        try:
            requests.get(f"{self.url}/healthz", verify=str(self.certificate), timeout=5)
        except (requests.ConnectionError, requests.Timeout):
            return False
        return True

    @property
    def log(self) -> str:
        """The errors that nginx logged, such as a server that did not respond."""
        return self._log.read_text() if self._log.exists() else ""


def site_configuration(ports: Sequence[int], listen: int, certificate: Path, key: Path) -> str:
    """deploy/nginx.conf with the addresses, the name and the certificate of a test."""
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    text = re.sub(r"^ *(listen|ssl_certificate|ssl_certificate_key) .*\n", "", text, flags=re.MULTILINE)
    tls = f"listen 127.0.0.1:{listen} ssl;\n    ssl_certificate {certificate};\n    ssl_certificate_key {key};\n"
    text, names = re.subn(r"^ *server_name .*;\n", f"    {tls}    server_name localhost;\n", text, flags=re.MULTILINE)
    servers = "".join(f"    server 127.0.0.1:{port};\n" for port in ports)
    text, upstreams = re.subn(r"^ *server 127\.0\.0\.1:3000\b.*\n", servers, text, flags=re.MULTILINE)
    assert (names, upstreams) == (1, 1), "deploy/nginx.conf has another form than this fixture knows"
    return text


def write_certificate(certificate: Path, key: Path) -> None:
    """A new private key, and a certificate that it signs itself, valid for a day."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key.touch(mode=0o600)
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
