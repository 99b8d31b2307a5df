"""The status files of the daemon."""

from pathlib import Path

from msgspec.structs import replace

from edged.daemon.status_files import StatusFiles, read_status_file
from edged.messaging.contract.device import DeviceHealth, DeviceInfo
from support.examples import examples, stamper
from support.examples import health as example_health


def test_the_status_file_holds_the_latest_message(tmp_path: Path) -> None:
    files = StatusFiles(tmp_path)
    health = stamper().stamp(example_health())
    info = examples()["info"][0]
    assert isinstance(info, DeviceInfo)
    assert read_status_file(DeviceHealth, tmp_path) is None
    files.write(replace(health, uptime_s=1.0))
    files.write(health)
    files.write(stamper().stamp(info))
    assert read_status_file(DeviceHealth, tmp_path) == health
    assert sorted(path.name for path in tmp_path.iterdir()) == ["health.json", "info.json"]
    (tmp_path / "info.json").write_text("{")
    assert read_status_file(DeviceInfo, tmp_path) is None
    files.clear()
    assert list(tmp_path.iterdir()) == []
    StatusFiles(None).write(health)
    StatusFiles(tmp_path / "absent").write(health)
