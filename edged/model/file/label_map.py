"""Label maps in protobuf's text format: ``item { id: 1 name: "person" }``, as the TensorFlow Object Detection API and Caffe write them."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from edged.model.file.label_list import LabelError, NumberedLabel, order_labels

_TOKEN = re.compile(
    r"""(?P<space>[\s,;]+|\#[^\n]*)
    |(?P<mark>[{}<>:\[\]])
    |(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    |(?P<word>[^\s,;{}<>:\[\]"'\#]+)""",
    re.VERBOSE,
)
_BEGIN = re.compile(r"(?:\s|#[^\n]*\n)*item\s*:?\s*[{<]")
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|x[0-9a-fA-F]{1,2}|.)")
_CONTROL_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r"}
_CLOSING = {"{": "}", "<": ">", "[": "]"}


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def is_label_map(text: str) -> bool:
    """Return whether a text begins as a label map does."""
    return _BEGIN.match(text) is not None


def parse_label_map(text: str) -> tuple[str, ...]:
    """Parse a label map; a class's label is its `display_name`, or its `name` if it has none.

    Returns:
        The labels by id; "" for an id without one. Ids begin with 1 by convention, so that the first label is mostly "".

    Raises:
        LabelError: it is not a label map, or two items have the same id.
    """
    tokens = _Tokens(text)
    items: list[NumberedLabel] = []
    while not tokens.is_at_end:
        name = tokens.take()
        if name.text != "item":
            raise LabelError(f"expected item, got {name.text!r}", line=name.line)
        items.append(_read_item(tokens, name.line))
    return order_labels(items)


class _Tokens:
    """The tokens of a text, one after the other."""

    def __init__(self, text: str) -> None:
        self._tokens = _split(text)
        self._next = next(self._tokens, None)
        self._line = 1

    @property
    def is_at_end(self) -> bool:
        return self._next is None

    def take(self) -> _Token:
        token = self._next
        if token is None:
            raise LabelError("the file ends within an item", line=self._line)
        self._line = token.line
        self._next = next(self._tokens, None)
        return token

    def take_if(self, *texts: str) -> _Token | None:
        """Take the next token if it is one of these."""
        return self.take() if self._next is not None and self._next.text in texts else None


def _split(text: str) -> Iterator[_Token]:
    position, line = 0, 1
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise LabelError(f"a text does not end: {text[position : position + 20]!r}", line=line)
        if match.lastgroup != "space":
            yield _Token(match.lastgroup or "", match[0], line)
        line += match[0].count("\n")
        position = match.end()


def _read_item(tokens: _Tokens, line: int) -> NumberedLabel:
    fields = _read_fields(tokens)
    number = fields.get("id", fields.get("label", ""))  # Caffe calls the id "label"
    if not number.isdecimal():
        raise LabelError("the item has no id", line=line)
    label = fields.get("display_name") or fields.get("name", "")
    return NumberedLabel(class_id=int(number), label=label.strip(), line=line)


def _read_fields(tokens: _Tokens) -> dict[str, str]:
    """Return the simple fields of an item; its other messages, such as keypoints, are left out."""
    tokens.take_if(":")
    opening = tokens.take()
    if opening.text not in ("{", "<"):
        raise LabelError(f"expected {{ after item, got {opening.text!r}", line=opening.line)
    fields: dict[str, str] = {}
    while not tokens.take_if(_CLOSING[opening.text]):
        name = tokens.take()
        colon = tokens.take_if(":")
        if start := tokens.take_if(*_CLOSING):
            _skip_message(tokens, start)
            continue
        value = tokens.take()
        if name.kind != "word" or not colon or value.kind == "mark":
            raise LabelError(f"expected NAME: VALUE at {name.text!r}", line=name.line)
        if fields.setdefault(name.text, _unquote(value)) != _unquote(value):
            raise LabelError(f"the item has two fields {name.text!r}", line=name.line)
    return fields


def _skip_message(tokens: _Tokens, opening: _Token) -> None:
    closings = [_CLOSING[opening.text]]
    while closings:
        token = tokens.take()
        if token.kind == "mark" and token.text in _CLOSING:
            closings.append(_CLOSING[token.text])
        elif token.kind == "mark" and token.text == closings[-1]:
            closings.pop()


def _unquote(token: _Token) -> str:
    if token.kind != "text":
        return token.text
    return _ESCAPE.sub(_unescape, token.text[1:-1].encode()).decode("utf-8", "replace")


def _unescape(match: re.Match[bytes]) -> bytes:
    code = match[1]
    if code[:1].isdigit():
        return bytes([int(code, 8) & 0xFF])
    if code[:1] == b"x" and len(code) > 1:
        return bytes([int(code[1:], 16)])
    return _CONTROL_ESCAPES.get(code, code)
