"""The card as Markdown."""

from collections.abc import Iterable

from edged.types import InputSpec
from edged_models.card.facts import Facts
from edged_models.conversion.written import leftover_lines
from edged_models.evaluation import report
from edged_models.evaluation.results import Evaluation

_KIB = 1024
_MILLION = 1e6


def page(facts: Facts, *, figures: str) -> str:
    """The card.

    Args:
        facts: what it says.
        figures: the name of the JSON file with the same facts.
    """
    title = facts.model.title or facts.model.name
    parts = [
        [f"# {_plain(title)}"],
        [_plain(facts.model.description)] if facts.model.description else [],
        _table(_file(facts)),
        [facts.about.strip()] if facts.about else [],
        *_judged(facts),
        ["## Where it comes from"] if facts.provenance else [],
        _table((fact.name, fact.value) for fact in facts.provenance),
        [f"Written by {facts.tool}; the figures are in [{figures}]({figures})."],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _file(facts: Facts) -> list[tuple[str, str]]:
    model = facts.model
    size = f"{model.bytes / _KIB:.0f} KiB, {model.deflated_bytes / _KIB:.0f} KiB compressed"
    macs = sum(op.macs for op in model.ops) / _MILLION
    return [
        ("file", f"`{model.name}`, {size}"),
        ("sha256", f"`{facts.sha256}`"),
        ("licence", model.licence or "the file does not say"),
        ("input", model.input),
        ("fed with", _fed(facts.fed)),
        *(("output", output) for output in model.outputs),
        ("read as", facts.family),
        ("labels", ", ".join(facts.labels) or "none"),
        ("operators", ", ".join(f"{op.count} {op.op}" for op in model.ops)),
        ("cost", f"{macs:.1f} million multiplications with addition a picture"),
        *leftover_lines(model.leftovers),
    ]


def _fed(spec: InputSpec) -> str:
    mean, std = (", ".join(f"{v:g}" for v in values) for values in (spec.mean, spec.std))
    return f"{spec.width}x{spec.height} {spec.channels}, {spec.fitting}, (pixel - {mean}) / {std}"


def _judged(facts: Facts) -> list[list[str]]:
    if not facts.evaluations:
        return [["## How good it is", "", "Not measured."]]
    head = (
        f"Through the daemon's own encoding and decoding, on {facts.machine.sentence()}. AP is average precision as COCO counts "
        "it, sizes are square roots of areas in the model's input."
    )
    parts = [["## How good it is", "", head]]
    for evaluation in facts.evaluations:
        parts += _one(evaluation)
    return parts


def _one(evaluation: Evaluation) -> list[list[str]]:
    # The model stands above, and how long the judging took concerns nobody.
    rows = [row for row in report.in_words(evaluation) if row[0] not in {"model", "took"}]
    parts = [
        [f"### {_plain(evaluation.pictures_name)}"],
        _table([*rows, ("runtime", evaluation.runtime)]),
    ]
    tables = [report.by_label(evaluation)]
    if evaluation.objects:
        tables.append(report.by_size(evaluation))
    return [*parts, *(report.markdown(_cells(table)) for table in tables if len(table) > 1)]


def _table(rows: Iterable[tuple[str, str]]) -> list[str]:
    lines = [f"| {_plain(name)} | {_plain(value)} |" for name, value in rows]
    return ["| | |", "|---|---|", *lines] if lines else []


def _cells(rows: report.Rows) -> report.Rows:
    return [tuple(_plain(cell) for cell in row) for row in rows]


def _plain(text: str) -> str:
    """Text from a model file or a person's folder, so that it breaks no table and is no markup."""
    return " ".join(text.replace("<", "&lt;").replace("|", "\\|").split())
