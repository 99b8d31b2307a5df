"""The decision which version is active, which one runs beside it as its shadow, and why a better one is not active. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from edged.updates.rules.ledger import FACTORY, Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDecision:
    """The versions to run, by digest.

    Attributes:
        active: the version that sees every frame; `FACTORY` for the factory model.
        shadow: the version that runs beside a candidate on trial; None if none is on trial.
        installed: the version that is active whenever no candidate is on trial.
        fallback_reason: why `installed` is not the committed version; None if it is.
    """

    active: str
    shadow: str | None = None
    installed: str
    fallback_reason: str | None = None


def decide(
    ledger: Ledger,
    failures: Mapping[str, str],
    *,
    is_configured_by_path: bool = False,
    is_trial_over: bool = False,
) -> VersionDecision:
    """Decide which versions run: a candidate on trial beside the best installed version, or that version alone.

    Args:
        ledger: the present ledger.
        failures: why an installed version cannot run, by digest.
        is_configured_by_path: `model.path` names a file, which replaces every version.
        is_trial_over: the trial in the ledger has failed, and its end could not be recorded yet.
    """
    if is_configured_by_path:
        return VersionDecision(active=FACTORY, installed=FACTORY)
    order = load_order(ledger)
    installed = next(digest for digest in order if digest == FACTORY or digest not in failures)
    fallback_reason = "; ".join(failures[digest] for digest in order[: order.index(installed)])
    deployment = ledger.deployment
    if deployment is None or deployment.state != "trial" or is_trial_over:
        return VersionDecision(
            active=installed, installed=installed, fallback_reason=fallback_reason or None
        )
    return VersionDecision(
        active=deployment.digest,
        shadow=installed,
        installed=installed,
        fallback_reason=fallback_reason or None,
    )


def load_order(ledger: Ledger) -> tuple[str, ...]:
    """Return the installed versions, best first; the factory model is the last one, and always works."""
    order = (ledger.current, ledger.previous)
    return (*dict.fromkeys(digest for digest in order if digest != FACTORY), FACTORY)
