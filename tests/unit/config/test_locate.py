"""Lines of keys: examples for common shapes, Hypothesis for all others."""

import tomllib
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from edged.config.locate import locate_keys
from edged.config.problems import KeyPath

EXAMPLE = '''\
# a comment with = and [brackets]
top = 1
"quoted key" = "a # no comment, and [no] table"

[camera.front]  # a header with a comment
path = "C:\\\\clips\\\\" # ends in an escaped backslash
text = """
[not.a.table]
key = "no key" \\
""""
literal = \'\'\'
also = 'no key'\'\'\'
when = 1979-05-27 07:32:00
detect.label."traffic light".threshold = 0.5
points = [
    [0.0, 0.1],   # first
    # a comment, with ] in it
    [1.0, 0.2], [1.0, 0.9],
]
tls = { ca = "x, y = {", nested = { deep = [1, { far = 2 }] } }

[[rule]]
name = "a"
[rule.limit]
high = 1
[[rule]]
name = "b"
[[rule.sub]]
x = 1
[ spaced . 'out' ]
y=2
'''


@pytest.mark.parametrize(
    ("at", "line"),
    [
        (("top",), 2),
        (("quoted key",), 3),
        (("camera",), 5),
        (("camera", "front"), 5),
        (("camera", "front", "path"), 6),
        (("camera", "front", "text"), 7),
        (("camera", "front", "literal"), 11),
        (("camera", "front", "when"), 13),
        (("camera", "front", "detect", "label", "traffic light", "threshold"), 14),
        (("camera", "front", "points"), 15),
        (("camera", "front", "points", 0, 1), 16),
        (("camera", "front", "points", 2), 18),
        (("camera", "front", "tls", "nested", "deep", 1, "far"), 20),
        (("rule", 0), 22),
        (("rule", 0, "limit", "high"), 25),
        (("rule", 1), 26),
        (("rule", 1, "name"), 27),
        (("rule", 1, "sub", 0, "x"), 29),
        (("spaced", "out"), 30),
        (("spaced", "out", "y"), 31),
    ],
)
def test_finds_a_key(at: KeyPath, line: int) -> None:
    assert locate_keys(EXAMPLE)[at] == line


def test_finds_all_that_tomllib_finds_and_nothing_else() -> None:
    assert set(locate_keys(EXAMPLE)) == set(_paths(tomllib.loads(EXAMPLE)))


def test_counts_windows_line_ends_once() -> None:
    assert locate_keys("a = 1\r\n\r\n[t]\r\nb = 2\r\n")[("t", "b")] == 4


def test_an_empty_file_has_no_keys() -> None:
    assert locate_keys("") == {}
    assert locate_keys("# only a comment") == {}


_KEYS = st.text("ab-_Z09.\" '#=[]é\\\t", max_size=4)
_SCALARS = st.one_of(
    st.integers(-(2**40), 2**40),
    st.floats(allow_nan=False),
    st.booleans(),
    st.text("ab\"'#=[]{},\n\\é", max_size=8),
    st.datetimes().map(lambda t: t.replace(microsecond=0)),
)
_VALUES = st.recursive(
    _SCALARS,
    lambda v: st.lists(v, max_size=3) | st.dictionaries(_KEYS, v, max_size=3),
    max_leaves=8,
)
_TABLES = st.dictionaries(_KEYS, _VALUES, max_size=4)
_LAYOUTS = st.randoms(use_true_random=False)


@settings(deadline=None)
@given(_TABLES, _LAYOUTS)
def test_agrees_with_the_writer_and_with_tomllib(table: dict[str, Any], layout: Any) -> None:
    writer = _Writer(layout)
    writer.table((), table)
    text = "".join(writer.out)

    note(text)
    assert tomllib.loads(text) == table
    lines = locate_keys(text)
    assert set(lines) == set(_paths(table))
    assert {at: lines[at] for at in writer.lines} == writer.lines


def _paths(value: Any, at: KeyPath = ()) -> list[KeyPath]:
    below: list[KeyPath] = [at] if at else []
    if isinstance(value, dict):
        for key, inner in value.items():
            below += _paths(inner, (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            below += _paths(inner, (*at, index))
    return below


class _Writer:
    """Writes a table as TOML in one of many possible ways, and records the line of each key."""

    def __init__(self, layout: Any) -> None:
        self.out: list[str] = []
        self.lines: dict[KeyPath, int] = {}
        self._layout = layout

    def table(self, at: KeyPath, table: dict[str, Any]) -> None:
        """Write the keys first, then the tables below headers of their own: the order that TOML requires."""
        as_headers = [k for k, v in table.items() if isinstance(v, dict) and self._either()]
        for key, value in table.items():
            if key in as_headers:
                continue
            if isinstance(value, dict) and len(value) == 1 and self._either():
                ((inner, inner_value),) = value.items()
                self._pair((*at, key), (inner,), inner_value)
            else:
                self._pair(at, (key,), value)
            self.out.append(self._layout.choice(["\n", " # = [x]\n", "\r\n", "\n\n"]))
        for key in as_headers:
            self._note((*at, key))
            self.out.append(f"[{'.'.join(_key(str(k)) for k in (*at, key))}]\n")
            self.table((*at, key), table[key])

    def _pair(self, at: KeyPath, keys: tuple[str, ...], value: Any) -> None:
        if len(at) and len(keys) == 1 and at not in self.lines:
            self._note(at)
            self.out.append(_key(str(at[-1])) + self._layout.choice([".", " . "]))
        self._note((*at, *keys))
        self.out.append(f"{_key(keys[-1])} = ")
        self._value((*at, *keys), value)

    def _value(self, at: KeyPath, value: Any) -> None:
        if isinstance(value, dict):
            self.out.append("{")
            for index, (key, inner) in enumerate(value.items()):
                self.out.append(", " if index else " ")
                self._pair(at, (key,), inner)
            self.out.append("}")
        elif isinstance(value, list):
            self.out.append("[")
            for index, inner in enumerate(value):
                self.out.append(self._layout.choice([" ", "\n  ", " # ]\n"]))
                self._note((*at, index))
                self._value((*at, index), inner)
                self.out.append(self._layout.choice([",", " ,", "\n,"]))
            self.out.append("]")
        else:
            self.out.append(self._scalar(value))

    def _scalar(self, value: Any) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if not isinstance(value, str):
            return str(value)
        if not value.startswith("\n"):  # which a multi-line string would swallow
            if self._either() and "'" not in value:
                return f"'''{value}'''"
            if self._either():
                escaped = value.replace("\\", "\\\\").replace('"""', '""\\"')
                return f'"""{escaped}"""'
        return _quoted(value)

    def _note(self, at: KeyPath) -> None:
        self.lines.setdefault(at, "".join(self.out).count("\n") + 1)

    def _either(self) -> bool:
        return bool(self._layout.random() < 0.5)


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("-", "a").isalnum()
    return name if bare else _quoted(name)


def _quoted(text: str) -> str:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}
    return '"' + "".join(escapes.get(c, c) for c in text) + '"'
