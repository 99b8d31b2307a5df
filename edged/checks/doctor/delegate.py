"""Check of the delegate: whether an EdgeTPU is connected, and whether the configuration uses it."""

from collections.abc import Iterator
from pathlib import Path

from edged.checks.doctor.finding import Finding, fail, ok, warn

_PART = "delegate"
_EDGETPU_USB_IDS = {("1a6e", "089a"): "USB, firmware not loaded yet", ("18d1", "9302"): "USB"}


def check_delegate(library: str | None) -> Iterator[Finding]:
    """Find the EdgeTPUs and compare them with ``model.delegate``."""
    yield assess_delegate(library, find_edgetpus())


def find_edgetpus(root: Path = Path("/")) -> tuple[str, ...]:
    """Return a description of each connected EdgeTPU, from the kernel's files under `root`."""
    usb_devices = [
        _EDGETPU_USB_IDS[ids]
        for device in sorted((root / "sys/bus/usb/devices").glob("*"))
        if (ids := (_read_text(device / "idVendor"), _read_text(device / "idProduct")))
        in _EDGETPU_USB_IDS
    ]
    pcie_devices = (f"PCIe ({path.name})" for path in sorted((root / "dev").glob("apex_*")))
    return (*usb_devices, *pcie_devices)


def assess_delegate(library: str | None, edgetpus: tuple[str, ...]) -> Finding:
    """Assess the configured delegate; the model check shows whether it works.

    Args:
        library: ``model.delegate``; None if it is not set.
        edgetpus: descriptions of the connected EdgeTPUs.
    """
    connected = f"EdgeTPU: {', '.join(edgetpus)}" if edgetpus else "no EdgeTPU is connected"
    if library is None:
        if edgetpus:
            advice = (
                'set model.delegate = "libedgetpu.so.1", and use a model with an EdgeTPU variant'
            )
            return warn(_PART, f"{connected}, but model.delegate is not set", advice)
        return ok(_PART, "not set, and no EdgeTPU is connected")
    if _needs_edgetpu(library) and not edgetpus:
        return fail(_PART, f"{library} is set, but {connected}", "connect it to a USB 3 port")
    return ok(_PART, f"{library}; {connected}")


def _needs_edgetpu(library: str) -> bool:
    name = Path(library).name
    return "edgetpu" in name and "sim" not in name


def _read_text(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
