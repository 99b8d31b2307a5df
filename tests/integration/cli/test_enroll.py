"""``edged enroll`` with openssl as the authority and a mosquitto that requires a certificate."""

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edged.cli.main import main
from edged.config.load import load_config
from edged.publishers.mqtt_settings import MqttSettings
from support.broker import Broker, Certificates, make_certificates, running_broker
from support.certificates import Authority

NAME = "shop-12"
CONFIG = """# by hand
[device]
name = "{name}"
state_dir = "state"
[mqtt]
host = "localhost"
port = {port}
connect_timeout_s = 5.0
[camera.demo]
source = "synthetic"
"""


class EnrollBench:
    """A device's configuration, an authority, and a broker of it that requires certificates."""

    def __init__(self, folder: Path, pki: Certificates, port: int) -> None:
        self.folder, self.pki = folder, pki
        self.config = folder / "edged.toml"
        self.config.write_text(CONFIG.format(name=NAME, port=port))
        self.enrolled = folder / "enrolled"
        self.drop_in = folder / "conf.d" / "60-enrolled.toml"

    def run(self, verb: str, *arguments: str, code: int = 0) -> int:
        exit_code = main(["enroll", verb, *arguments, "-c", str(self.config)])
        assert exit_code == code
        return exit_code

    def sign(self, request: bytes, *, days: int = 30, subject: str = "") -> Path:
        """Sign a request with openssl, as an authority does."""
        pki = self.pki.ca.parent
        (self.folder / "made.csr").write_bytes(request)
        out = self.folder / f"signed-{len(list(self.folder.glob('signed-*')))}.crt"
        command = ["openssl", "x509", "-req", "-in", str(self.folder / "made.csr"), "-CA", str(self.pki.ca),
                   "-CAkey", str(pki / "ca.key"), "-CAcreateserial", "-days", str(days), "-out", str(out)]  # fmt: skip
        command += ["-subj", subject] if subject else []
        subprocess.run(command, check=True, capture_output=True)
        return out

    def request(self, *arguments: str) -> bytes:
        out = self.folder / "request.csr"
        self.run("request", "--out", str(out), *arguments)
        return out.read_bytes()

    def install(self, certificate: Path, *arguments: str, code: int = 0) -> None:
        self.run("install", str(certificate), "--ca", str(self.pki.ca), *arguments, code=code)

    @property
    def mqtt(self) -> MqttSettings:
        _, settings = load_config(self.config).settings.publisher or ("", None)
        assert isinstance(settings, MqttSettings)
        return settings

    def snapshot(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and "state" not in path.parts
        }


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def broker(pki: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with running_broker(Broker(tmp_path_factory.mktemp("broker"), tls=pki)) as broker:
        yield broker


@pytest.fixture
def bench(pki: Certificates, broker: Broker, tmp_path: Path) -> EnrollBench:
    return EnrollBench(tmp_path, pki, broker.port)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def read_json(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_device_gets_its_certificate_and_the_broker_accepts_it(
    bench: EnrollBench, broker: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    before = bench.config.read_bytes()
    certificate = bench.sign(bench.request())
    bench.install(certificate)
    assert "is installed; restart edged" in capsys.readouterr().out
    tls = bench.mqtt.tls
    assert tls is not None
    assert (tls.cert, tls.key) != (None, None)
    assert bench.config.read_bytes() == before
    assert "edged-smoke-check-" in broker.log
    bench.run("status", "--json")
    status = read_json(capsys)
    assert status["certificate"]["name"] == NAME
    assert status["certificate"]["issuer"] == "test-ca"
    assert status["pending"] is False


def test_the_key_is_the_owners_alone_and_never_printed(
    bench: EnrollBench, capsys: pytest.CaptureFixture[str]
) -> None:
    old = os.umask(0)
    try:
        request = bench.request()
        assert mode(bench.enrolled / "pending.key") == 0o600
        bench.install(bench.sign(request))
    finally:
        os.umask(old)
    (key,) = bench.enrolled.rglob("*.key")
    assert mode(key) == 0o600
    bench.run("request", "--json")
    shown = capsys.readouterr()
    assert "PRIVATE" not in shown.out + shown.err
    assert b"PRIVATE" not in request
    assert all(mode(folder) == 0o755 for folder in (bench.enrolled, key.parent))


def test_a_request_is_the_same_until_its_certificate_comes(bench: EnrollBench) -> None:
    first = bench.request()
    assert bench.request() == first
    assert bench.request("--new-key") != first


def test_installing_again_changes_nothing(
    bench: EnrollBench, capsys: pytest.CaptureFixture[str]
) -> None:
    certificate = bench.sign(bench.request())
    bench.install(certificate)
    before = bench.snapshot()
    capsys.readouterr()
    bench.install(certificate, "--json")
    assert read_json(capsys)["changed"] is False
    assert bench.snapshot() == before


def test_a_renewal_keeps_the_old_one_until_the_new_one_works(
    bench: EnrollBench, broker: Broker
) -> None:
    bench.install(bench.sign(bench.request()))
    before = bench.mqtt.tls
    renewed = bench.sign(bench.request())
    assert bench.mqtt.tls == before
    broker.stop()
    try:
        bench.install(renewed, code=1)
        assert bench.mqtt.tls == before
        assert bench.mqtt.tls.key is not None  # type: ignore[union-attr]
        assert (bench.enrolled / "pending.key").exists()
    finally:
        broker.start()
    bench.install(renewed)
    after = bench.mqtt.tls
    assert after != before
    assert before is not None
    assert before.key is not None
    assert before.key.exists(), "the previous one stays"
    bench.install(bench.sign(bench.request()))
    assert not before.key.exists(), "only the previous one"


def test_a_certificate_for_the_same_key_can_be_renewed(bench: EnrollBench) -> None:
    request = bench.request()
    bench.install(bench.sign(request))
    bench.install(bench.sign(request, days=60))
    assert len(list(bench.enrolled.rglob("*.key"))) == 2


def test_the_network_is_not_needed_if_told_so(bench: EnrollBench, broker: Broker) -> None:
    certificate = bench.sign(bench.request())
    broker.stop()
    try:
        bench.install(certificate, "--no-connect")
    finally:
        broker.start()
    assert bench.mqtt.tls is not None


def refused(
    bench: EnrollBench, certificate: Path, capsys: pytest.CaptureFixture[str], *arguments: str
) -> str:
    """Install a certificate that must be refused; return the reason."""
    before = bench.snapshot()
    capsys.readouterr()
    bench.install(certificate, *arguments, code=1)
    assert bench.snapshot() == before
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    return shown.err


def test_a_certificate_of_another_key(
    bench: EnrollBench, capsys: pytest.CaptureFixture[str]
) -> None:
    old = bench.sign(bench.request())
    bench.request("--new-key")
    assert "belongs to no key of this device" in refused(bench, old, capsys)


def test_a_certificate_with_another_name(
    bench: EnrollBench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.config.write_text(bench.config.read_text().replace(NAME, "shop-13"))
    other = bench.sign(bench.request())
    bench.config.write_text(bench.config.read_text().replace("shop-13", NAME))
    assert 'its common name is "shop-13", and this device is "shop-12"' in refused(
        bench, other, capsys
    )


def test_a_certificate_of_another_authority(
    bench: EnrollBench, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    bench.request()
    stranger = Authority(tmp_path / "stranger", "test-ca").issue(NAME, "client")
    assert '"test-ca" that issued it is not the given one' in refused(bench, stranger.cert, capsys)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda _, text: text[:200], "not a certificate in PEM"),
        (lambda *_: "", "not a certificate in PEM"),
        (lambda _, text: text.replace("M", "N"), "not a certificate in PEM"),
        (lambda bench, _: (bench.folder / "request.csr").read_text(), "a signing request"),
        (lambda bench, _: (bench.enrolled / "pending.key").read_text(), "contains a private key"),
    ],
    ids=["cut", "empty", "damaged", "the request", "the key"],
)
def test_another_file_than_a_certificate(
    bench: EnrollBench, capsys: pytest.CaptureFixture[str], make: Any, reason: str
) -> None:
    certificate = bench.sign(bench.request())
    certificate.write_text(make(bench, certificate.read_text()))
    assert reason in refused(bench, certificate, capsys)


def test_a_file_that_is_not_there(bench: EnrollBench, capsys: pytest.CaptureFixture[str]) -> None:
    assert "absent.crt" in refused(bench, bench.folder / "absent.crt", capsys)


def test_a_later_file_that_names_another_certificate(
    bench: EnrollBench, capsys: pytest.CaptureFixture[str]
) -> None:
    (bench.folder / "conf.d").mkdir()
    (bench.folder / "conf.d" / "90-site.toml").write_text(
        '[mqtt.tls]\ncert = "other.crt"\nkey = "o"\n'
    )
    certificate = bench.sign(bench.request())
    assert "a file after conf.d/60-enrolled.toml sets" in refused(bench, certificate, capsys)


def test_a_device_without_a_broker(bench: EnrollBench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.config.write_text('[jsonl]\n[camera.demo]\nsource = "synthetic"\n')
    bench.run("status", code=1)
    assert "[jsonl] instead of [mqtt]" in capsys.readouterr().err


def test_before_the_first_one(bench: EnrollBench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.run("status")
    assert capsys.readouterr().out == "no certificate is in use\n"
    bench.request()
    capsys.readouterr()
    bench.run("status")
    assert "a signing request waits" in capsys.readouterr().out


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")
def test_the_files_belong_to_the_user_that_runs_the_daemon(bench: EnrollBench) -> None:
    state = bench.folder / "state"
    state.mkdir()
    os.chown(state, 12_345, 12_346)
    request = bench.request()
    owners = {(path.stat().st_uid, path.stat().st_gid) for path in bench.enrolled.glob("pending.*")}
    assert owners == {(12_345, 12_346)}
    bench.install(bench.sign(request))
    (key,) = bench.enrolled.rglob("*.key")
    assert (key.stat().st_uid, mode(key)) == (12_345, 0o600)
    assert bench.drop_in.stat().st_uid == bench.config.stat().st_uid
