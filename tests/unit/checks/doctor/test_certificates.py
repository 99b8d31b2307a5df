"""The doctor's check of certificates."""

import datetime as dt
from pathlib import Path

import pytest

from edged.checks.doctor.certificates import check_certificates
from edged.checks.doctor.finding import Finding, FindingStatus
from edged.config.settings import PageSettings, Settings
from edged.publishers.mqtt_settings import MqttSettings, TlsSettings
from support.certificates import DAY, Authority, IssuedFiles


def check(ca: Path | None, own: IssuedFiles | None, key: Path | None = None) -> list[Finding]:
    cert = None if own is None else own.cert
    tls = TlsSettings(ca=ca, cert=cert, key=key or (None if own is None else own.key))
    return list(check_certificates(Settings(publisher=("mqtt", MqttSettings(host="b", tls=tls)))))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_says_how_long_each_is_valid(authority: Authority) -> None:
    own = authority.issue("shop-12", "client", end=100 * DAY)
    ca, device = check(authority.ca, own)
    assert (ca.status, device.status) == (FindingStatus.OK, FindingStatus.OK)
    assert 'mqtt.tls.ca: "test-ca" is valid to' in ca.message
    assert "mqtt.tls.cert" in device.message
    assert device.message.endswith(", 99 days")


@pytest.mark.parametrize(
    ("begin", "end", "status", "words"),
    [
        (-DAY, 31 * DAY, FindingStatus.OK, "30 days"),
        (-DAY, 29 * DAY, FindingStatus.WARN, "28 days"),
        (-2 * DAY, -DAY, FindingStatus.FAIL, "has expired"),
        (DAY, 2 * DAY, FindingStatus.FAIL, "set the clock"),
    ],
)
def test_warns_a_month_before_the_end(
    authority: Authority, begin: dt.timedelta, end: dt.timedelta, status: FindingStatus, words: str
) -> None:
    (finding,) = check(None, authority.issue("shop-12", "client", begin=begin, end=end))
    assert finding.status is status
    assert words in finding.message
    assert ("edged enroll" in finding.advice) == (status is not FindingStatus.OK)


def test_a_key_of_another_certificate(authority: Authority) -> None:
    own, other = authority.issue("shop-12", "client"), authority.issue("shop-13", "client")
    (finding,) = check(None, own, other.key)
    assert finding.status is FindingStatus.FAIL
    assert "is not for the key" in finding.message


def test_a_file_that_is_no_certificate_or_is_not_there(
    authority: Authority, tmp_path: Path
) -> None:
    own = authority.issue("shop-12", "client")
    own.cert.write_text("nothing")
    (damaged,) = check(None, own)
    assert damaged.status is FindingStatus.FAIL
    (absent,) = check(tmp_path / "absent.crt", None)
    assert absent.status is FindingStatus.WARN
    assert "absent.crt" in absent.message


def test_a_key_that_only_the_service_can_read_is_left_to_it(
    authority: Authority, tmp_path: Path
) -> None:
    own = authority.issue("shop-12", "client", end=100 * DAY)
    (finding,) = check(None, own, tmp_path / "credential")
    assert finding.status is FindingStatus.OK


def test_the_pages_certificate(authority: Authority) -> None:
    own = authority.issue("porch.local", "porch.local", end=5 * DAY)
    page = PageSettings(tls_certificate=own.cert, tls_key=own.key)
    (finding,) = check_certificates(Settings(page=page))
    assert finding.status is FindingStatus.WARN
    assert "page.tls_certificate" in finding.message


def test_a_device_without_certificates() -> None:
    assert list(check_certificates(Settings(publisher=("mqtt", MqttSettings(host="b"))))) == []
