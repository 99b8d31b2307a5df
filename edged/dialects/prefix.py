"""The first part of a dialect's topics."""

from edged.messaging.contract.topics import ROOT

_OWN = ROOT.partition("/")[0]


def check_prefix(prefix: str) -> None:
    """Check that a prefix keeps a dialect out of edged's own topics, below which the devices get their commands.

    Raises:
        ValueError: it does not.
    """
    if prefix.partition("/")[0] == _OWN:
        raise ValueError(
            f'prefix: "{prefix}" is below edged\'s own topics ({_OWN}/): choose another'
        )
