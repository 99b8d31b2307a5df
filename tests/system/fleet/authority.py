"""The fleet's certificate authority."""

from dataclasses import dataclass
from pathlib import Path

from system.commands import run

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files of a certificate and its key."""

    cert: Path
    key: Path


class CertificateAuthority:
    """A certificate authority that signs with openssl.

    Attributes:
        cert: its own certificate.
    """

    def __init__(self, folder: Path) -> None:
        """Make an authority in a new folder."""
        folder.mkdir()
        self._folder = folder
        self.cert = folder / "ca.crt"
        self._openssl(
            "req", "-x509", *_KEY, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=fleet",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip

    def issue_certificate(self, name: str, address: str = "") -> Certificate:
        """Issue a certificate with this common name, for a server with this address."""
        names = f"subjectAltName=IP:{address}\n" if address else ""
        (self._folder / f"{name}.ext").write_text(f"{names}authorityKeyIdentifier=keyid\n")
        self._openssl(
            "req", *_KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}"
        )
        self._openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
            "-CAcreateserial", "-out", f"{name}.crt", "-extfile", f"{name}.ext",
        )  # fmt: skip
        return Certificate(self._folder / f"{name}.crt", self._folder / f"{name}.key")

    def _openssl(self, *arguments: str) -> None:
        run(["env", "-C", str(self._folder), "openssl", *arguments])
