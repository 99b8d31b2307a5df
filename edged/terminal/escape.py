r"""Text that is safe to show on a terminal and in a log, whoever wrote it.

Labels, names in bundles, MQTT payloads and file names can hold sequences that move the cursor, set the title, hide text, or turn the
reading direction around. Each such character is shown as ``\uXXXX``, which stands for the same character in JSON.
"""

import re

_INVISIBLE = (
    "\x7f-\x9f"  # DEL and the C1 controls, which begin sequences as ESC does
    "\u00ad\u061c\u180e\u200b\u200e\u200f"  # soft hyphen, marks of direction, zero-width space
    "\u2028-\u202e\u2060-\u206f"  # line separators; embeddings, overrides and isolates of direction
    "\ud800-\udfff"  # bytes of a file name that are no UTF-8
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # byte order mark, annotations, tags
)
_IN_TEXT = re.compile(f"[\x00-\x08\x0b-\x1f{_INVISIBLE}]")
_IN_LINE = re.compile(f"[\x00-\x08\x0a-\x1f{_INVISIBLE}]")


def escape_text(text: str, encoding: str = "utf-8") -> str:
    """Return a text of any number of lines without control characters; tabs and line ends stay.

    Args:
        text: what is to be shown.
        encoding: encoding of the terminal or file; characters that it lacks are escaped, too.
    """
    return _escape_missing(_IN_TEXT.sub(_escape, text), encoding)


def one_line(text: object) -> str:
    """Return a text of one line without control characters: line ends are escaped, too."""
    return _IN_LINE.sub(_escape, str(text))


def _escape(match: re.Match[str]) -> str:
    return _escape_character(match.group())


def _escape_missing(text: str, encoding: str) -> str:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(
            one if _has_character(encoding, one) else _escape_character(one) for one in text
        )
    return text


def _has_character(encoding: str, character: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _escape_character(character: str) -> str:
    r"""Return ``\uXXXX``, twice for a character beyond U+FFFF, as in JSON."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))
