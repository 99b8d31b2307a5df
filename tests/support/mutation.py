"""Mutates bundles, at random and with malice: a mutant may still be a valid bundle, but never one with other content."""

import io
import random
from collections.abc import Callable
from functools import partial
from tarfile import BLOCKSIZE

from edged.updates.bundle.bundle import iter_verified_content, open_bundle
from edged.updates.bundle.trust import TrustFile

Mutate = Callable[[random.Random, bytearray], None]

_FIELDS = {
    "name": (0, 100),
    "size": (124, 136),
    "type": (156, 157),
    "link": (157, 257),
    "magic": (257, 265),
    "prefix": (345, 500),
    "rest": (500, 512),
}
_HOSTILE_VALUES = (
    b"../../etc/passwd\0",
    b"/etc/passwd\0",
    b"./model.tflite\0",
    b"envelope.json\0",
    b"model.tflite\0",
    b"\x80\0\0\0\0\0\0\0\0\0\0\x01",
    b"\xff" * 12,
    b"77777777777\0",
    b"00000000000\0",
    b"-0000000001\0",
    b"ustar  \0",
    b"\0" * 8,
    *(bytes([kind]) for kind in b"\x001234567LKSxgX"),
)


def unpack(bundle: bytes, trust: TrustFile) -> tuple[str, dict[str, bytes]]:
    """Return the digest and all content of a bundle, as a device reads it.

    Raises:
        BundleError: the bundle is not valid.
    """
    file = io.BytesIO(bundle)
    opened = open_bundle(file, len(bundle), trust)
    return opened.digest, {
        entry.name: b"".join(iter_verified_content(file, opened, entry))
        for entry in opened.manifest.files
    }


def mutate(rng: random.Random, bundle: bytes, other: bytes) -> tuple[str, bytes]:
    """Return the kind of a mutation, and the mutant.

    Args:
        rng: decides the mutation.
        bundle: a signed bundle.
        other: another signed bundle, of which parts may be inserted.
    """
    mutations: dict[str, Mutate] = {one.__name__: one for one in _MUTATIONS}
    mutations["_splice"] = partial(_splice, other=other)
    mutant = bytearray(bundle)
    kind = ""
    while mutant == bundle:
        kind = rng.choice(list(mutations))
        mutations[kind](rng, mutant)
    return kind, bytes(mutant)


def fix_checksum(mutant: bytearray, start: int) -> None:
    """Correct the checksum of the header at `start`."""
    mutant[start + 148 : start + 156] = b" " * 8
    total = sum(mutant[start : start + BLOCKSIZE])
    mutant[start + 148 : start + 156] = b"%06o\0 " % total


def header_offsets(mutant: bytes | bytearray) -> list[int]:
    """Return the offsets of the headers of a valid bundle."""
    return [
        start
        for start in range(0, len(mutant), BLOCKSIZE)
        if mutant[start + 257 : start + 262] == b"ustar"
    ]


def _flip_bits(rng: random.Random, mutant: bytearray) -> None:
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        mutant[rng.randrange(len(mutant))] ^= 1 << rng.randrange(8)


def _flip_non_padding(rng: random.Random, mutant: bytearray) -> None:
    """Flip a bit outside the padding."""
    places = [place for place, byte in enumerate(mutant) if byte]
    mutant[rng.choice(places)] ^= 1 << rng.randrange(8)


def _truncate(rng: random.Random, mutant: bytearray) -> None:
    unit = rng.choice((1, BLOCKSIZE))
    del mutant[rng.randrange(len(mutant) // unit) * unit :]


def _append(rng: random.Random, mutant: bytearray) -> None:
    size = rng.choice((1, BLOCKSIZE, 20 * BLOCKSIZE))
    mutant += rng.choice((bytes(size), rng.randbytes(size), bytes(mutant)))


def _exchange_blocks(rng: random.Random, mutant: bytearray) -> None:
    blocks = len(mutant) // BLOCKSIZE
    one, two = (rng.randrange(blocks) * BLOCKSIZE for _ in range(2))
    first, second = mutant[one : one + BLOCKSIZE], mutant[two : two + BLOCKSIZE]
    mutant[one : one + BLOCKSIZE], mutant[two : two + BLOCKSIZE] = second, first


def _drop_or_duplicate_block(rng: random.Random, mutant: bytearray) -> None:
    start = rng.randrange(len(mutant) // BLOCKSIZE) * BLOCKSIZE
    block = mutant[start : start + BLOCKSIZE]
    mutant[start : start + BLOCKSIZE] = block * rng.choice((0, 2))


def _edit_header(rng: random.Random, mutant: bytearray) -> None:
    start = rng.choice(header_offsets(mutant))
    begin, end = _FIELDS[rng.choice(list(_FIELDS))]
    new = rng.choice((*_HOSTILE_VALUES, rng.randbytes(rng.randrange(1, 13))))[: end - begin]
    mutant[start + begin : start + begin + len(new)] = new
    fix_checksum(mutant, start)


def _resize_file(rng: random.Random, mutant: bytearray) -> None:
    start = rng.choice(header_offsets(mutant))
    size = int(mutant[start + 124 : start + 135], 8) + rng.choice((-1, 1, -512, 512))
    mutant[start + 124 : start + 136] = b"%011o\0" % max(0, size)
    fix_checksum(mutant, start)


def _exchange_files(rng: random.Random, mutant: bytearray) -> None:
    """Exchange the names of two files."""
    one, two = rng.sample(header_offsets(mutant), 2)
    first, second = mutant[one : one + 100], mutant[two : two + 100]
    mutant[one : one + 100], mutant[two : two + 100] = second, first
    fix_checksum(mutant, one)
    fix_checksum(mutant, two)


def _edit_envelope(rng: random.Random, mutant: bytearray) -> None:
    """Replace a character of the envelope."""
    size = int(mutant[124:135], 8)
    letters = b'ABCabc019+/="{}[],:\\ '
    mutant[BLOCKSIZE + rng.randrange(size)] = rng.choice(letters)


def _splice(rng: random.Random, mutant: bytearray, other: bytes) -> None:
    """Replace some blocks by those of another bundle."""
    end = min(len(mutant), len(other)) // BLOCKSIZE
    begin = rng.randrange(end)
    stop = rng.randrange(begin, end) + 1
    mutant[begin * BLOCKSIZE : stop * BLOCKSIZE] = other[begin * BLOCKSIZE : stop * BLOCKSIZE]


_MUTATIONS = (
    _flip_bits,
    _flip_non_padding,
    _truncate,
    _append,
    _exchange_blocks,
    _drop_or_duplicate_block,
    _edit_header,
    _resize_file,
    _exchange_files,
    _edit_envelope,
)
