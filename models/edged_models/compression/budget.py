"""Choice of the best row of a table within limits, as ``size<=500KB,drop<=0.01,litert<=5ms``."""

import re
from collections.abc import Sequence

from msgspec import Struct, structs

from edged_models.compression.comparison import Choice, ComparisonTable, TableRow

_TERM = re.compile(r"\s*([a-z0-9-]+)\s*(<=|>=)\s*([0-9]*\.?[0-9]+)\s*([A-Za-z%]*)\s*")
_SIZE_FACTORS = {"": 1.0, "B": 1.0, "KB": 1e3, "KIB": 1024.0, "MB": 1e6, "MIB": 2.0**20}
_MEMORY_FACTORS = {"KB": 1e3 / 2**20, "KIB": 1 / 1024, "": 1.0, "MIB": 1.0, "MB": 1e6 / 2**20}
_TIME_FACTORS = {"": 1.0, "MS": 1.0, "US": 1e-3, "S": 1e3}
_SHARE_FACTORS = {"": 1.0, "%": 0.01}
_SIZES = ("size", "deflated")
_RUNTIMES = ("litert", "tflite")
_BASELINE = "float32"
_EPSILON = 1e-9
"""0.9 - 0.88 is within a drop of 0.02."""


class Limit(Struct, frozen=True, kw_only=True):
    """One limit of a budget.

    Attributes:
        quantity: ``size``, ``deflated``, ``drop``, ``accuracy``, the name of a runtime for its latency, or ``RUNTIME-ram``.
        bound: the limit: bytes, ms, MiB, or 0..1.
        text: the limit as it was given.
    """

    quantity: str
    bound: float
    text: str

    @property
    def is_lower(self) -> bool:
        """True if the quantity must be at least the bound."""
        return self.quantity == "accuracy"


def parse_budget(text: str) -> tuple[Limit, ...]:
    """Parse a budget.

    Raises:
        ValueError: a term is not known.
    """
    return tuple(_parse_limit(term) for term in text.split(","))


def choose_row(table: ComparisonTable, budget: Sequence[Limit]) -> ComparisonTable:
    """Return the table with the best row within a budget, judged by the file of its first seed, which is the one to be used.

    With a limit on the accuracy it is the smallest file, else the most accurate one.
    """
    baseline = next((row for row in table.rows if row.name == _BASELINE), None)
    if baseline is None and any(limit.quantity == "drop" for limit in budget):
        missing = f"a drop is measured against the row {_BASELINE}, which is not in the table: add it to --only"
        return structs.replace(table, unmet_budget=missing)
    base = baseline.qualities[0].value if baseline else None
    fitting = [row for row in table.rows if not _find_missed(row, budget, base)]
    if not fitting:
        return structs.replace(table, unmet_budget=_explain_none(table.rows, budget, base))
    by_size = any(limit.quantity in ("drop", "accuracy") for limit in budget)
    best = min(fitting, key=lambda row: _rank(row, by_size=by_size))
    aim = "the smallest" if by_size else "the most accurate"
    reason = f"{aim} of {len(fitting)} rows of {len(table.rows)} within {_join(budget)}: {_describe(best, base)}"
    return structs.replace(table, choice=Choice(name=best.name, model=best.model, reason=reason))


def _parse_limit(term: str) -> Limit:
    match = _TERM.fullmatch(term)
    if not match:
        raise ValueError(
            f"{term.strip()!r} is no limit: write as size<=500KB,drop<=0.01,litert<=5ms"
        )
    quantity, sign, number, unit = match.groups()
    factors = _find_factors(quantity)
    if factors is None:
        known = ", ".join(
            (*_SIZES, "drop", "accuracy", *_RUNTIMES, *(f"{r}-ram" for r in _RUNTIMES))
        )
        raise ValueError(f"there is no quantity {quantity!r}: choose from {known}")
    if unit.upper() not in factors:
        raise ValueError(f"{term.strip()!r} has an unknown unit {unit!r}")
    limit = Limit(
        quantity=quantity, bound=float(number) * factors[unit.upper()], text=term.replace(" ", "")
    )
    if (sign == ">=") is not limit.is_lower:
        raise ValueError(f"{term.strip()!r}: {quantity} takes {'>=' if limit.is_lower else '<='}")
    return limit


def _find_factors(quantity: str) -> dict[str, float] | None:
    if quantity in _SIZES:
        return _SIZE_FACTORS
    if quantity in ("drop", "accuracy"):
        return _SHARE_FACTORS
    if quantity in _RUNTIMES:
        return _TIME_FACTORS
    return _MEMORY_FACTORS if quantity.removesuffix("-ram") in _RUNTIMES else None


def _measure(row: TableRow, quantity: str, base: float | None) -> float | None:
    """Return a quantity of a row in the unit of `Limit.bound`; None if the runtime does not run the file or was not measured."""
    accuracy = row.qualities[0].value
    plain = {
        "size": float(row.file_bytes),
        "deflated": float(row.deflated_bytes),
        "drop": None if base is None else base - accuracy,
        "accuracy": accuracy,
    }
    if quantity in plain:
        return plain[quantity]
    runtime = quantity.removesuffix("-ram")
    cost = next((one for one in row.costs if one.runtime == runtime), None)
    if cost is None:
        return None
    return cost.ram_mib if quantity.endswith("-ram") else cost.latency_ms


def _find_missed(row: TableRow, budget: Sequence[Limit], base: float | None) -> list[Limit]:
    missed = []
    for limit in budget:
        value = _measure(row, limit.quantity, base)
        if value is None or (
            value < limit.bound - _EPSILON if limit.is_lower else value > limit.bound + _EPSILON
        ):
            missed.append(limit)
    return missed


def _rank(row: TableRow, *, by_size: bool) -> tuple[float, float]:
    accuracy = row.qualities[0].value
    return (row.file_bytes, -accuracy) if by_size else (-accuracy, row.file_bytes)


def _describe(row: TableRow, base: float | None) -> str:
    quality = row.qualities[0]
    drop = "" if base is None else f", {base - quality.value:+.3f} below {_BASELINE}"
    costs = [f"{one.latency_ms:.2f} ms on {one.runtime}" for one in row.costs if one.latency_ms]
    return ", ".join(
        [f"{row.file_bytes / 1000:.0f} KB", f"{quality.measure} {quality.value:.3f}{drop}", *costs]
    )


def _explain_none(rows: Sequence[TableRow], budget: Sequence[Limit], base: float | None) -> str:
    nearest = min(rows, key=lambda row: (len(_find_missed(row, budget, base)), -row.mean))
    missed = _join(_find_missed(nearest, budget, base))
    return f"no row is within {_join(budget)}; {nearest.name} comes nearest and misses {missed}: {_describe(nearest, base)}"


def _join(limits: Sequence[Limit]) -> str:
    return ", ".join(limit.text for limit in limits)
