"""TLS that does not fit, against a real broker and a real web server: clock, authority and name have words of their own."""

import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from edged.clock import SystemClock
from edged.errors import PublishError, UpdateError
from edged.fetchers import http_download
from edged.fetchers.http import HttpFetcher
from edged.publishers.mqtt_settings import TlsSettings, make_tls_context
from support.broker import Broker, Certificates, running_broker
from support.certificates import DAY, Authority, IssuedFiles
from support.fetch_server import serve_site
from support.mqtt_device import MqttDevice, mqtt_settings

NOT_YET = {"begin": DAY, "end": 2 * DAY}
EXPIRED = {"begin": -2 * DAY, "end": -DAY}
SERVER_FAULTS: dict[str, tuple[dict[str, timedelta], str, bool, str]] = {
    "an unset clock": (NOT_YET, "localhost", True, "not valid yet; this device's clock says 20"),
    "expired": (EXPIRED, "localhost", True, "has expired; this device's clock says 20"),
    "another authority": ({}, "localhost", False, "no trusted authority issued it"),
    "another name": ({}, "elsewhere.lan", True, "for another name"),
}


def broker_files(authority: Authority, server: IssuedFiles, client: IssuedFiles) -> Certificates:
    return Certificates(
        ca=authority.ca,
        cert=server.cert,
        key=server.key,
        client_cert=client.cert,
        client_key=client.key,
    )


@pytest.mark.parametrize("fault", SERVER_FAULTS)
def test_the_brokers_certificate_that_is_not_accepted_says_why(tmp_path: Path, fault: str) -> None:
    times, host, trusted, words = SERVER_FAULTS[fault]
    authority = Authority(tmp_path / "ca")
    other = Authority(tmp_path / "other", "other-ca")
    client = authority.issue("client", "client")
    files = broker_files(authority, authority.issue("broker", host, **times), client)
    tls = TlsSettings(
        ca=(authority if trusted else other).ca, cert=files.client_cert, key=files.client_key
    )
    with running_broker(Broker(tmp_path / "broker", tls=files)) as broker:
        settings = mqtt_settings(broker.port, host="localhost", tls=tls)
        with MqttDevice(tmp_path / "device", settings) as device:
            device.run_until(lambda: len(device.links) > 0)
            reason = str(device.links[0].reason)
    assert words in reason
    assert ("mqtt.tls.ca" in reason) is (fault == "another authority"), reason
    assert ("check mqtt.host" in reason) is (fault == "another name"), reason


@pytest.mark.parametrize(
    ("times", "issuer", "words"),
    [
        (EXPIRED, "own", "certificate has expired"),
        ({}, "other", "does not trust the authority"),
        (NOT_YET, "own", "the time in which it is valid"),
    ],
    ids=["expired", "another authority", "not yet valid"],
)
def test_the_devices_certificate_that_the_broker_refuses_says_why(
    tmp_path: Path, times: dict[str, timedelta], issuer: str, words: str
) -> None:
    authority = Authority(tmp_path / "ca")
    issuers = {"own": authority, "other": Authority(tmp_path / "other", "other-ca")}
    client = issuers[issuer].issue("client", "client", **times)
    files = broker_files(authority, authority.issue("broker", "localhost"), client)
    tls = TlsSettings(ca=authority.ca, cert=client.cert, key=client.key)
    with running_broker(Broker(tmp_path / "broker", tls=files)) as broker:
        settings = mqtt_settings(broker.port, host="localhost", tls=tls)
        with MqttDevice(tmp_path / "device", settings) as device:
            device.run_until(lambda: len(device.links) > 0)
            reason = str(device.links[0].reason)
    assert words in reason
    assert "mqtt.tls.cert" in reason


def test_an_encrypted_key_is_refused_instead_of_asking_on_the_terminal(tmp_path: Path) -> None:
    files = Authority(tmp_path).issue("client", "client")
    key = serialization.load_pem_private_key(files.key.read_bytes(), password=None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"hush"),
    )
    files.key.write_bytes(encrypted)
    with pytest.raises(PublishError, match="the key is encrypted: store it without"):
        make_tls_context(TlsSettings(cert=files.cert, key=files.key))


@pytest.mark.parametrize("fault", SERVER_FAULTS)
def test_a_web_servers_certificate_that_is_not_accepted_says_why(
    tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    times, host, trusted, words = SERVER_FAULTS[fault]
    authority = Authority(tmp_path / "ca")
    other = Authority(tmp_path / "other", "other-ca")
    hosts = ("127.0.0.1",) if host == "localhost" else (host,)
    files = authority.issue("server", *hosts, **times)
    monkeypatch.setenv("SSL_CERT_FILE", str((authority if trusted else other).ca))
    monkeypatch.setattr(http_download, "MIN_RETRY_S", 0.01)
    monkeypatch.setattr(http_download, "MAX_RETRY_S", 0.02)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.cert, files.key)
    with serve_site(context) as site, pytest.raises(UpdateError) as caught:
        fetch(site.url.replace("https://", "https://me:hush@") + "/m?token=hush")
    assert words in str(caught.value)
    assert "server's certificate was not accepted" in str(caught.value)
    assert "hush" not in str(caught.value)


def fetch(url: str) -> None:
    with HttpFetcher(SystemClock()).fetch(url, offset_bytes=0, etag=None, max_bytes=1000):
        pass
