"""The functions behind `make figures`, on small sources that are written here."""

import ast
from textwrap import dedent

import pytest

from figures.cycles import cycle_figures
from figures.docstrings import docstring_figures, is_fragment
from figures.figure import Figure
from figures.names import name_figures, words_of
from figures.sizes import MAX_FILE_LINES, MAX_FUNCTION_LINES, SETTINGS, size_figures
from figures.source import Source, functions
from figures.text import banned_phrases


def source(text: str = "", path: str = "edged/a.py") -> Source:
    text = dedent(text)
    return Source(path, len(text.splitlines()), ast.parse(text))


def lines(count: int) -> str:
    return "x = 1\n" * count


def docstring_figure(name: str, text: str, errors: frozenset[str] = frozenset()) -> Figure:
    figures = docstring_figures((source(text),), errors)
    (figure,) = (one for one in figures if one.name.startswith(name))
    return figure


# ---- Figures ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "at_least", "holds"),
    [(3, False, True), (4, False, False), (3, True, True), (2, True, False)],
)
def test_a_figure_holds_up_to_its_limit(value: int, at_least: bool, holds: bool) -> None:  # noqa: FBT001 - parametrised
    assert Figure(name="n", value=value, limit=3, at_least=at_least).holds == holds


def test_a_figure_is_printed_with_its_limit() -> None:
    share = Figure(name="shapes", value=0.5, limit=1.0, at_least=True, share=True)
    assert share.line() == "FAIL shapes: 50.0% (≥ 100.0%)"
    assert Figure(name="cycles", value=0, limit=0).line() == "ok   cycles: 0 (≤ 0)"


# ---- Sources ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("edged/vision/pool.py", "edged.vision.pool"),
        ("edged/vision/__init__.py", "edged.vision"),
        ("models/edged_models/marks.py", "edged_models.marks"),
    ],
)
def test_a_module_is_named_from_its_top_level_package(path: str, module: str) -> None:
    assert source(path=path).module == module


def test_functions_are_found_with_their_class_and_parameters() -> None:
    found = functions(
        (
            source("""
            def free(a, /, b, *args, c, **more):
                def nested(): ...
            class Public:
                def method(self, a): ...
                def _private(self): ...
            class _Private:
                def method(self): ...
            """),
        )
    )
    assert [(one.place.split(": ")[1], one.public, len(one.parameters)) for one in found] == [
        ("free", True, 5),
        ("nested", True, 0),
        ("Public.method", True, 1),
        ("Public._private", False, 0),
        ("_Private.method", False, 0),
    ]


# ---- Sizes ------------------------------------------------------------------------------------------------------------------


def test_long_files_and_functions_are_listed() -> None:
    long_function = "def f():\n" + "    pass\n" * MAX_FUNCTION_LINES
    short = "def g():\n    pass\n"
    files, function_figure, p90 = size_figures(
        (
            source(lines(MAX_FILE_LINES + 1) + short * 20, "edged/long.py"),
            source(lines(MAX_FILE_LINES + 1), *SETTINGS),
            source(long_function, "edged/function.py"),
        )
    )
    assert files.places == (f"edged/long.py: {MAX_FILE_LINES + 41} lines",)
    assert function_figure.places == (f"edged/function.py:1: f: {MAX_FUNCTION_LINES + 1} lines",)
    assert p90.value == 2


# ---- Import cycles ----------------------------------------------------------------------------------------------------------


def cycles(**texts: str) -> tuple[str, ...]:
    (figure,) = cycle_figures(
        tuple(source(text, f"edged/{name.replace('__', '/')}.py") for name, text in texts.items())
    )
    assert figure.value == len(figure.places)
    return figure.places


def test_modules_that_import_each_other_are_a_cycle() -> None:
    found = cycles(
        a="import edged.b", b="from edged.c import x", c="def f():\n    from edged import a"
    )
    assert found == ("edged.a ↔ edged.b ↔ edged.c",)


def test_imports_in_one_direction_are_no_cycle() -> None:
    assert cycles(a="import edged.b\nimport edged.c", b="import edged.c", c="import os") == ()


def test_packages_whose_modules_import_each_other_are_a_cycle() -> None:
    found = cycles(
        one__a="from edged.two.b import x", two__b="", two__c="import edged.one.d", one__d=""
    )
    assert found == ("edged.one ↔ edged.two",)


# ---- Docstrings -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line", ["Of the child.", "Whether it runs.", "See `Camera`.", "As of now.", "…"]
)
def test_a_line_that_does_not_stand_alone_is_a_fragment(line: str) -> None:
    assert is_fragment(line)


@pytest.mark.parametrize(
    "line", ["Return the next bundle, or None.", "The pool of worker processes.", "True while up."]
)
def test_a_verb_phrase_or_a_noun_phrase_is_no_fragment(line: str) -> None:
    assert not is_fragment(line)


def test_fragments_are_a_share_of_all_docstrings() -> None:
    figure = docstring_figure(
        "docstrings whose first line",
        '''
        """The parts of a thing."""
        class Part:
            """Of the thing."""
            def weigh(self):
                """Return its weight."""
            def undocumented(self): ...
        ''',
    )
    assert figure.value == pytest.approx(1 / 3)
    assert figure.places == ("edged/a.py:3: Part: Of the thing.",)


def test_args_are_due_from_three_parameters_on() -> None:
    figure = docstring_figure(
        "Args",
        '''
        def two(a, b):
            """Do it."""
        def three(a, b, *, c):
            """Do it."""
        def documented(a, b, c):
            """Do it.

            Args:
                a: this.
            """
        def _private(a, b, c):
            """Do it."""
        ''',
    )
    assert (figure.value, figure.places) == (0.5, ("edged/a.py:4: three",))


def test_raises_are_due_where_an_own_error_is_raised() -> None:
    figure = docstring_figure(
        "Raises",
        '''
        def own():
            """Do it."""
            raise ModelError("no")
        def other():
            """Do it."""
            raise ValueError
        def documented():
            """Do it.

            Raises:
                ModelError: always.
            """
            raise ModelError
        ''',
        frozenset({"ModelError"}),
    )
    assert (figure.value, figure.places) == (0.5, ("edged/a.py:2: own",))


@pytest.mark.parametrize(
    ("docstring", "share"),
    [
        ("Scale boxes.", 0.0),
        ("Scale boxes, (N, 4).", 0.0),
        ("Scale boxes, (N, 4) float32.", 1.0),
        ("Scale a picture of any shape and any dtype.", 1.0),
    ],
)
def test_arrays_have_shape_and_dtype(docstring: str, share: float) -> None:
    text = f'def scale(boxes: NDArray[np.float32]) -> None:\n    """{docstring}"""'
    assert docstring_figure("shapes", text).value == share


# ---- Names and phrases ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("set_active_model", ["set", "active", "model"]),
        ("ModelSwitch", ["model", "switch"]),
        ("MQTTSession", ["mqtt", "session"]),
        ("_PRIVATE_2", ["private"]),
    ],
)
def test_a_name_is_split_into_words(name: str, words: list[str]) -> None:
    assert words_of(name) == words


def test_class_names_are_used_once_and_banned_words_not_at_all() -> None:
    twice, banned = name_figures(
        (
            source("class Report: ...\ndef f(told): ...", "edged/a.py"),
            source("class Report: ...\nswap: int = 1\nnow.heard = 2", "edged/keeper.py"),
        )
    )
    assert twice.places == ("Report: edged/a.py:1, edged/keeper.py:1",)
    assert banned.places == (
        "edged/a.py:2: told (told)",
        "edged/keeper.py:1: keeper (keeper)",
        "edged/keeper.py:2: swap (swap)",
        "edged/keeper.py:3: heard (heard)",
    )


def test_banned_phrases_are_found_with_their_line() -> None:
    text = "The device reports it.\nThe Lookout is told of it.\nA newcomer looks there."
    assert list(banned_phrases(text)) == [(2, "Lookout"), (2, "is told")]
