"""Fuzzes the code that reads a bundle before it is trusted: ``python tests/fuzz/fuzz_bundle.py -runs=N -seed=S [CORPUS]``.

The first byte of an input selects what the others are: an envelope, a manifest, a tar, or a whole bundle whose header checksums are corrected.
Only `BundleError` may be raised; what was read must be the same after it is written and read again; and no bundle may open with content
that was not signed. The corpus, by default ``.fuzz`` in the checkout, begins with valid inputs.
"""

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

_ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(_ROOT / "tests"), str(_ROOT)]

# ruff: noqa: E402 -- what is fuzzed is imported by the fuzzer
with atheris.instrument_imports(include=["edged.updates.bundle"]):
    from edged.updates.bundle.archive import ENVELOPE_NAME
    from edged.updates.bundle.envelope import decode_envelope, encode_envelope
    from edged.updates.bundle.manifest import decode_manifest, encode_manifest

from edged.errors import BundleError
from support.archive_index import read_index
from support.bundles import SigningKeys, make_bundle
from support.mutation import fix_checksum, header_offsets, unpack

SIGNING = SigningKeys()
_SIGNED: dict[str, dict[str, bytes]] = {}


def envelope(content: bytes) -> None:
    read = decode_envelope(content)
    assert decode_envelope(encode_envelope(read)) == read


def manifest(content: bytes) -> None:
    read = decode_manifest(content)
    assert decode_manifest(encode_manifest(read)) == read


def archive(content: bytes) -> None:
    index = read_index(io.BytesIO(content), len(content))
    assert index.envelope.name == ENVELOPE_NAME
    for member in index.members.values():
        assert "/" not in member.name
        assert 0 <= member.offset <= member.offset + member.size_bytes <= len(content)


def repaired_bundle(content: bytes) -> None:
    bundle = bytearray(content[: len(content) // 512 * 512])
    for start in header_offsets(bundle):
        fix_checksum(bundle, start)
    digest, contents = unpack(bytes(bundle), SIGNING.trust)
    assert contents == _SIGNED[digest]


TARGETS: tuple[Callable[[bytes], None], ...] = (envelope, manifest, archive, repaired_bundle)


def target(fuzz_input: bytes) -> None:
    if not fuzz_input:
        return
    try:
        TARGETS[fuzz_input[0] % len(TARGETS)](fuzz_input[1:])
    except BundleError:
        return


def seeds() -> list[bytes]:
    """Return a valid input for each target."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = make_bundle(Path(folder), SIGNING).read_bytes()
    digest, contents = unpack(bundle, SIGNING.trust)
    _SIGNED[digest] = contents
    size = int(bundle[124:135], 8)
    inside = bundle[512 : 512 + size]
    return [
        bytes([number]) + one
        for number, one in enumerate((inside, decode_envelope(inside).payload, bundle, bundle))
    ]


def main(argv: list[str]) -> None:
    sound = seeds()
    for data in sound:
        target(data)
    given = [argument for argument in argv[1:] if not argument.startswith("-")]
    corpus = Path(given[0]) if given else _ROOT / ".fuzz"
    corpus.mkdir(exist_ok=True)
    for number, data in enumerate(sound):
        (corpus / f"sound-{number}").write_bytes(data)
    atheris.Setup(argv if given else [*argv, str(corpus)], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
