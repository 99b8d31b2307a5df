"""Which EdgeTPUs are plugged in, by what the kernel's files say, and whether that fits the configuration."""

from pathlib import Path

from edged.checks.doctor.finding import Finding, fail, ok, warn

_EDGETPU_USB_IDS = {("1a6e", "089a"): "USB, without its firmware yet", ("18d1", "9302"): "USB"}


def find_edgetpus(root: Path = Path("/")) -> tuple[str, ...]:
    """Each in a word; `root` is another place in tests."""
    found = [
        _EDGETPU_USB_IDS[ids]
        for device in sorted((root / "sys/bus/usb/devices").glob("*"))
        if (ids := (_read_text(device / "idVendor"), _read_text(device / "idProduct")))
        in _EDGETPU_USB_IDS
    ]
    return (*found, *(f"PCIe ({path.name})" for path in sorted((root / "dev").glob("apex_*"))))


def assess_delegate(library: str | None, found: tuple[str, ...]) -> Finding:
    """What is set, and what is there. Whether it runs, a model shows."""
    there = f"EdgeTPU: {', '.join(found)}" if found else "no EdgeTPU is plugged in"
    if library is None:
        if found:
            advice = 'model.delegate = "libedgetpu.so.1", and a model with an EdgeTPU variant'
            return warn("delegate", f"{there}, and not used", advice)
        return ok("delegate", "none is set, and none needed")
    if "edgetpu" in Path(library).name and "sim" not in Path(library).name and not found:
        return fail("delegate", f"{library} is set, and {there}", "plug it in, into a USB 3 port")
    return ok("delegate", f"{library}; {there}")


def _read_text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
