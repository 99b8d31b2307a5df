"""The model card as Markdown."""

from collections.abc import Iterable

from edged.types import InputSpec
from edged_models.card.facts import CardFacts
from edged_models.conversion.conversion_report import unquantized_rows
from edged_models.evaluation.report import Rows, format_markdown
from edged_models.evaluation.results import Evaluation
from edged_models.evaluation.tables import AnyEvaluation, list_detail_tables, summary_rows

_AP = "AP is average precision as COCO defines it; sizes are square roots of areas in pixels of the model's input."
_CALIBRATION = "The best class of a picture counts; the calibration error is the mean difference of score and accuracy."
_KIB = 1024
_MILLION = 1e6


def render_page(facts: CardFacts, *, figures_file: str) -> str:
    """Return the card as Markdown; `figures_file` is the name of the JSON file with the same facts."""
    title = facts.model.title or facts.model.name
    parts = [
        [f"# {_escape(title)}"],
        [_escape(facts.model.description)] if facts.model.description else [],
        _markdown_table(_file_rows(facts)),
        [facts.about.strip()] if facts.about else [],
        *_evaluation_sections(facts),
        ["## Provenance"] if facts.provenance else [],
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
        ("licence", model.licence or "not stated in the file"),
        ("input", model.input),
        ("preprocessing", _describe_input(facts.input_spec)),
        *(("output", output) for output in model.outputs),
        ("model family", facts.family),
        ("labels", ", ".join(facts.labels) or "none"),
        ("operators", ", ".join(f"{op.count} {op.op}" for op in model.ops)),
        ("cost", f"{macs:.1f} million multiply-accumulate operations per inference"),
        *unquantized_rows(model.unquantized),
    ]


def _describe_input(spec: InputSpec) -> str:
    mean, std = (", ".join(f"{v:g}" for v in values) for values in (spec.mean, spec.std))
    return f"{spec.width}x{spec.height} {spec.channels}, {spec.fitting}, (pixel - {mean}) / {std}"


def _evaluation_sections(facts: CardFacts) -> list[list[str]]:
    if not facts.evaluations:
        return [["## Evaluation", "", "Not evaluated."]]
    head = (
        f"Measured through the daemon's own encoding and decoding, on {facts.machine.describe()}."
    )
    has_detector = any(isinstance(one, Evaluation) for one in facts.evaluations)
    parts = [["## Evaluation", "", f"{head} {_AP if has_detector else _CALIBRATION}"]]
    for evaluation in facts.evaluations:
        parts += _evaluation_section(evaluation)
    return parts


def _evaluation_section(evaluation: AnyEvaluation) -> list[list[str]]:
    # The model stands above, and the duration of the evaluation is of no interest here.
    rows = [row for row in summary_rows(evaluation) if row[0] not in {"model", "took"}]
    parts = [
        [f"### {_escape(evaluation.pictures_name)}"],
        _markdown_table([*rows, ("runtime", evaluation.runtime)]),
    ]
    tables = list_detail_tables(evaluation)
    return [*parts, *(format_markdown(_escape_cells(table)) for table in tables)]


def _markdown_table(rows: Iterable[tuple[str, str]]) -> list[str]:
    lines = [f"| {_escape(name)} | {_escape(value)} |" for name, value in rows]
    return ["| | |", "|---|---|", *lines] if lines else []


def _escape_cells(rows: Rows) -> Rows:
    return [tuple(_escape(cell) for cell in row) for row in rows]


def _escape(text: str) -> str:
    """Escape text from a model file or a folder's name, so that it neither breaks a table nor acts as markup."""
    return " ".join(text.replace("<", "&lt;").replace("|", "\\|").split())
