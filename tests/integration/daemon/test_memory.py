"""What the supervisor of a running daemon has in its memory."""

from pathlib import Path

from support.broker import Broker, running_broker
from support.daemon import DaemonProcess
from support.mqtt_recorder import MqttRecorder


def test_the_supervisor_maps_no_array_library_and_its_worker_does(tmp_path: Path) -> None:
    """After events were sent: nothing imports one late."""
    with running_broker(Broker(tmp_path / "broker")) as broker:
        config = (
            f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n[model]\nruntime = "simulated"\n'
            '[events]\ndetections = true\n[camera.front]\nsource = "synthetic"\nevery_s = 0.5\n'
        )
        with MqttRecorder(broker.port) as recorder, DaemonProcess(tmp_path, config) as daemon:
            recorder.await_event("start")
            maps = Path(f"/proc/{daemon.process.pid}/maps").read_text()
            (worker,) = daemon.worker_pids()
            worker_maps = Path(f"/proc/{worker}/maps").read_text()
    assert "numpy" in worker_maps
    assert "numpy" not in maps
    assert "cv2" not in maps
