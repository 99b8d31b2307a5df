"""The result of ``edged model fetch``."""

from pathlib import Path

from msgspec import Struct

from edged.catalogue.use import FetchedModel
from edged.config.problems import Problem
from edged.terminal.rows import format_rows


class FetchReport(Struct, frozen=True, kw_only=True):
    """The result of the command.

    Attributes:
        model: the model and its files.
        family: the model family that decodes its outputs, as the self-test found it.
        labels: its labels.
        changed: a file was downloaded, or the configuration changed.
        drop_in: the file that puts it into use; None without ``--use``.
        reloaded: a running daemon has taken the configuration.
        warnings: what may be a mistake in the configuration.
    """

    model: FetchedModel
    family: str
    labels: tuple[str, ...]
    changed: bool
    drop_in: Path | None = None
    reloaded: bool = False
    warnings: tuple[Problem, ...] = ()


def format_report(report: FetchReport) -> list[str]:
    """Format the result as the lines of a table."""
    model = report.model
    rows = [("model", f"{model.entry.name}, {model.entry.licence}")]
    for file in model.files:
        status = "downloaded" if file.downloaded else "already present"
        rows.append(("file", f"{file.path}, {file.bytes} bytes, {status}"))
    rows.append(("self-test", f"passed: family {report.family}, {len(report.labels)} labels"))
    rows.append(("for a camera", ", ".join(model.entry.camera_labels) or "all its labels"))
    if report.drop_in:
        daemon = (
            "the daemon runs it now" if report.reloaded else "the daemon runs it when it starts"
        )
        rows.append(("in use by", f"{report.drop_in}; {daemon}"))
    else:
        rows.append(("to use it", f"edged model fetch {model.entry.name} --use"))
    rows += [("warning", str(warning)) for warning in report.warnings]
    return format_rows(rows)
