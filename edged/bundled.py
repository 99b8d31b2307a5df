"""Files that ship with edged: the bundled model and the default configuration."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def model_path(name: str = "marks") -> Path:
    """Return the path of a bundled .tflite: beside the package in an installed edged, under models/ in a checkout."""
    return _find(f"{name}.tflite", _PACKAGE.parent / "models" / "bundled")


def config_path() -> Path:
    """Return the path of the commented default configuration."""
    return _find("edged.toml", _PACKAGE.parent / "deploy")


def _find(name: str, in_checkout: Path) -> Path:
    installed = _PACKAGE / "share" / name
    return installed if installed.exists() else in_checkout / name
