"""The units and their neighbours, as systemd reads them; without a systemd that runs."""

import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[3] / "deploy"
SYSTEMD = DEPLOY / "systemd"
DROP_INS = SYSTEMD / "drop-ins"
UNITS = sorted([*SYSTEMD.glob("*.service"), *SYSTEMD.glob("*.timer")])
DROP_IN_OF = {
    "broker-only": "edged.service",
    "credentials": "edged.service",
    "delegate": "edged.service",
    "memory": "edged.service",
    "reboot": "edged-retry.service",
    "writes": "edged.service",
}
GROWING_PAUSES_SINCE = 254

ANALYZE = shutil.which("systemd-analyze") or ""
SYSUSERS = shutil.which("systemd-sysusers") or ""

needs_systemd = pytest.mark.skipif(not ANALYZE, reason="systemd-analyze is not installed")


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ANALYZE, "--no-pager", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units in a folder of their own, with a command that is on this machine."""
    for unit in UNITS:
        text = unit.read_text().replace("/usr/bin/edged ", "/usr/bin/env edged ")
        (tmp_path / unit.name).write_text(text)
    return tmp_path


def verify(units: Path) -> str:
    """What systemd has to say against them: its exit code does not tell of unknown keys."""
    paths = [str(path) for path in sorted(units.iterdir()) if path.is_file()]
    return analyze("verify", "--man=no", *paths).stderr


@needs_systemd
def test_systemd_finds_no_fault_in_the_units(units: Path) -> None:
    assert verify(units) == ""


@needs_systemd
def test_a_key_that_systemd_does_not_know_is_noticed(units: Path) -> None:
    with (units / "edged.service").open("a") as unit:
        unit.write("\n[Service]\nProtectSytem=strict\n")
    assert "ProtectSytem" in verify(units)


@needs_systemd
@pytest.mark.parametrize("name", DROP_IN_OF)
def test_systemd_finds_no_fault_in_a_drop_in(units: Path, name: str) -> None:
    folder = units / f"{DROP_IN_OF[name]}.d"
    folder.mkdir()
    shutil.copy(DROP_INS / f"{name}.conf", folder)
    assert f"/{folder.name}/{name}.conf" in (folder / f"{name}.conf").read_text().splitlines()[0]
    assert verify(units) == ""


@needs_systemd
def test_growing_pauses_are_for_a_newer_systemd(units: Path) -> None:
    folder = units / "edged.service.d"
    folder.mkdir()
    shutil.copy(DROP_INS / "backoff.conf", folder)
    version = int(analyze("--version").stdout.split()[1])
    assert ("RestartSteps" in verify(units)) == (version < GROWING_PAUSES_SINCE)


def test_every_drop_in_names_where_it_goes() -> None:
    for drop_in in DROP_INS.iterdir():
        first = drop_in.read_text().splitlines()[0]
        assert re.match(r"# /etc/systemd/\S+\.conf[,:]", first), drop_in


@needs_systemd
@pytest.mark.parametrize(
    ("unit", "most"),
    [
        ("edged.service", 20),
        ("edged-rescue.service", 10),
        ("edged-retry.service", 10),
        ("edged-selftest@.service", 10),
    ],
)
def test_exposure_stays_low(unit: str, most: int) -> None:
    judged = analyze("security", "--offline=true", f"--threshold={most}", str(SYSTEMD / unit))
    assert judged.returncode == 0, judged.stdout[-400:]


def settings_of(unit: str) -> dict[str, list[str]]:
    """Every assignment, by key."""
    found: dict[str, list[str]] = {}
    for line in (SYSTEMD / unit).read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def test_what_would_cost_speed_or_cameras_is_not_restricted() -> None:
    daemon = settings_of("edged.service")
    assert daemon["ProcSubset"] == ["all"], "without /proc/cpuinfo XNNPACK turns itself off"
    assert "PrivateDevices" not in daemon, "it hides cameras"
    assert "PrivateUsers" not in daemon, "it takes the groups away that may open them"
    assert not any("@resources" in names for names in daemon["SystemCallFilter"]), (
        "threads are pinned"
    )
    assert "char-usb_device rw" in daemon["DeviceAllow"], "an EdgeTPU comes back as another device"
    families = set(daemon["RestrictAddressFamilies"][0].split())
    assert families == {"AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK"}


def test_the_daemon_comes_back() -> None:
    daemon = settings_of("edged.service")
    assert daemon["Type"] == ["notify"]
    assert daemon["Restart"] == ["always"]
    assert daemon["OnFailure"] == ["edged-rescue.service"]
    assert daemon["OOMPolicy"] == ["continue"], "one worker's end is not the daemon's"
    rescue = settings_of("edged-rescue.service")
    assert "is-failed" in rescue["ExecCondition"][0], "a newer systemd asks at every single failure"
    assert rescue["OnFailure"] == ["edged-retry.timer"]
    retry = settings_of("edged-retry.service")
    assert "is-enabled" in retry["ExecCondition"][0], "nobody starts what the operator disabled"
    assert daemon["PropagatesStopTo"] == ["edged-retry.timer"], "nor what he stopped"
    assert settings_of("edged-retry.timer")["Unit"] == ["edged-retry.service"]
    for unit in ("edged-rescue.service", "edged-retry.service"):
        last_two = [
            line.removeprefix("+").split()[1:] for line in settings_of(unit)["ExecStart"][-2:]
        ]
        assert last_two == [
            ["reset-failed", "edged.service"],
            ["--no-block", "start", "edged.service"],
        ]


@pytest.mark.parametrize(
    ("result", "active_at", "started_at", "goes_on"),
    [
        ("exit-code", 20, 10, True),
        ("timeout", 20, 10, False),
        ("timeout", 20, 30, True),
        ("timeout", 0, 30, True),
        ("", 0, 0, True),
    ],
    ids=["failed", "a stop", "a start", "the first start", "nobody tells"],
)
def test_a_stop_that_took_too_long_is_no_reason_for_a_rescue(
    tmp_path: Path,
    result: str,
    active_at: int,
    started_at: int,
    goes_on: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """The condition, as systemd gives it to the shell."""
    text = (SYSTEMD / "edged-rescue.service").read_text().replace("\\\n", "")
    (script,) = re.findall(r"^ExecCondition=\+/bin/sh -c '(.*)'$", text, re.MULTILINE)
    shown = {
        "Result": result,
        "ActiveEnterTimestampMonotonic": active_at,
        "ExecMainStartTimestampMonotonic": started_at,
    }
    cases = "".join(f"--property={key}) echo {value};; " for key, value in shown.items())
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(f'#!/bin/sh\n[ "$*" = "show $2 --value edged.service" ]\ncase $2 in {cases}*) exit 1;; esac\n')  # fmt: skip
    systemctl.chmod(0o755)
    argv = ["/bin/sh", "-c", script.replace("$$", "$")]
    output = subprocess.run(argv, env={"PATH": f"{tmp_path}:/bin"}, check=False, timeout=10)
    assert (output.returncode == 0) is goes_on


def test_the_self_test_has_neither_network_nor_devices() -> None:
    selftest = settings_of("edged-selftest@.service")
    for key in ("PrivateNetwork", "PrivateDevices", "PrivateUsers", "DynamicUser"):
        assert selftest[key] == ["yes"]


def test_the_user_is_in_the_groups_that_the_udev_rules_name() -> None:
    sysusers = (DEPLOY / "sysusers.d" / "edged.conf").read_text()
    member_of = set(re.findall(r"^m edged (\S+)$", sysusers, re.MULTILINE))
    named = set(re.findall(r'GROUP="(\w+)"', (DEPLOY / "udev" / "70-edged.rules").read_text()))
    assert named
    assert named <= member_of


def test_each_line_of_tmpfiles_is_whole() -> None:
    lines = (DEPLOY / "tmpfiles.d" / "edged.conf").read_text().splitlines()
    for line in lines:
        if line and not line.startswith("#"):
            kind, path, mode, user, group, age = line.split()
            assert kind in {"d", "z"}
            assert path.startswith("/")
            assert int(mode, 8) & 0o007 == 0, "nothing for others"
            assert {user, group} <= {"root", "edged"}
            assert age == "-"


@pytest.mark.skipif(not SYSUSERS, reason="systemd-sysusers is not installed")
def test_systemd_understands_the_user() -> None:
    output = subprocess.run(
        [SYSUSERS, "--dry-run", str(DEPLOY / "sysusers.d" / "edged.conf")],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert "ignoring" not in output.stderr
    assert output.returncode == 0, output.stderr


def test_the_watchdog_of_the_board_is_one_that_a_raspberry_pi_has() -> None:
    conf = ConfigParser()
    conf.read(DROP_INS / "system-watchdog.conf")
    assert int(conf["Manager"]["RuntimeWatchdogSec"].removesuffix("s")) <= 15


def test_every_file_is_in_the_readme() -> None:
    readme = (DEPLOY / "README.md").read_text()
    folders = ("systemd", "sysusers.d", "tmpfiles.d", "udev", "mosquitto")
    files = [path for folder in folders for path in (DEPLOY / folder).rglob("*") if path.is_file()]
    missing = [str(path.relative_to(DEPLOY)) for path in files if path.name not in readme]
    assert not missing
