"""The card as Markdown."""

from collections.abc import Iterable

from edged.types import InputSpec
from edged_models.card.facts import CardFacts
from edged_models.conversion.conversion_report import unquantized_rows
from edged_models.evaluation import report
from edged_models.evaluation.results import Evaluation

_KIB = 1024
_MILLION = 1e6


def render_page(facts: CardFacts, *, figures_file: str) -> str:
    """The card.

    Args:
        facts: what it says.
        figures_file: the name of the JSON file with the same facts.
    """
    title = facts.model.title or facts.model.name
    parts = [
        [f"# {_escape(title)}"],
        [_escape(facts.model.description)] if facts.model.description else [],
        _markdown_table(_file_rows(facts)),
        [facts.about.strip()] if facts.about else [],
        *_evaluation_sections(facts),
        ["## Where it comes from"] if facts.provenance else [],
        _markdown_table((fact.name, fact.value) for fact in facts.provenance),
        [f"Written by {facts.tool}; the figures are in [{figures_file}]({figures_file})."],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _file_rows(facts: CardFacts) -> list[tuple[str, str]]:
    model = facts.model
    size = f"{model.bytes / _KIB:.0f} KiB, {model.deflated_bytes / _KIB:.0f} KiB compressed"
    macs = sum(op.macs for op in model.ops) / _MILLION
    return [
        ("file", f"`{model.name}`, {size}"),
        ("sha256", f"`{facts.sha256}`"),
        ("licence", model.licence or "the file does not say"),
        ("input", model.input),
        ("fed with", _describe_input(facts.input_spec)),
        *(("output", output) for output in model.outputs),
        ("read as", facts.family),
        ("labels", ", ".join(facts.labels) or "none"),
        ("operators", ", ".join(f"{op.count} {op.op}" for op in model.ops)),
        ("cost", f"{macs:.1f} million multiplications with addition a picture"),
        *unquantized_rows(model.unquantized),
    ]


def _describe_input(spec: InputSpec) -> str:
    mean, std = (", ".join(f"{v:g}" for v in values) for values in (spec.mean, spec.std))
    return f"{spec.width}x{spec.height} {spec.channels}, {spec.fitting}, (pixel - {mean}) / {std}"


def _evaluation_sections(facts: CardFacts) -> list[list[str]]:
    if not facts.evaluations:
        return [["## How good it is", "", "Not measured."]]
    head = (
        f"Through the daemon's own encoding and decoding, on {facts.machine.describe()}. AP is average precision as COCO counts "
        "it, sizes are square roots of areas in the model's input."
    )
    parts = [["## How good it is", "", head]]
    for evaluation in facts.evaluations:
        parts += _evaluation_section(evaluation)
    return parts


def _evaluation_section(evaluation: Evaluation) -> list[list[str]]:
    # The model stands above, and how long the judging took concerns nobody.
    rows = [row for row in report.summary_rows(evaluation) if row[0] not in {"model", "took"}]
    parts = [
        [f"### {_escape(evaluation.pictures_name)}"],
        _markdown_table([*rows, ("runtime", evaluation.runtime)]),
    ]
    tables = [report.label_rows(evaluation)]
    if evaluation.objects:
        tables.append(report.size_rows(evaluation))
    return [
        *parts,
        *(report.format_markdown(_escape_cells(table)) for table in tables if len(table) > 1),
    ]


def _markdown_table(rows: Iterable[tuple[str, str]]) -> list[str]:
    lines = [f"| {_escape(name)} | {_escape(value)} |" for name, value in rows]
    return ["| | |", "|---|---|", *lines] if lines else []


def _escape_cells(rows: report.Rows) -> report.Rows:
    return [tuple(_escape(cell) for cell in row) for row in rows]


def _escape(text: str) -> str:
    """Text from a model file or a person's folder, so that it breaks no table and is no markup."""
    return " ".join(text.replace("<", "&lt;").replace("|", "\\|").split())
