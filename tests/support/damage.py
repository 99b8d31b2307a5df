"""Damages model files, by chance."""

import random


def damage(original: bytes, rng: random.Random) -> bytes:
    """Cut short, flip a few bits, or zero a run; half of the damage falls on the tables at either end."""
    content = bytearray(original)
    end = len(content)
    where = rng.choice(
        (
            rng.randrange(end),
            rng.randrange(min(end, 4096)),
            end - 1 - rng.randrange(min(end, 40_000)),
        )
    )
    match rng.choice(("truncate", "flip", "zero")):
        case "truncate":
            del content[where:]
        case "flip":
            for _ in range(rng.randint(1, 16)):
                at = min(end - 1, where + rng.randrange(256))
                content[at] ^= 1 << rng.randrange(8)
        case "zero":
            length = min(rng.randint(1, 512), end - where)
            content[where : where + length] = bytes(length)
    return bytes(content)
