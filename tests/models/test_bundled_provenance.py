"""The bundled models match their provenance and their card."""

import json

import msgspec
import pytest

from edged_models import bundled
from edged_models.card.facts import CardFacts
from edged_models.card.markdown import render_page
from edged_models.cli.main import main
from edged_models.release import verify as verifying
from edged_models.release.provenance import read_provenance
from edged_models.release.variants import VARIANTS


def test_bundled_models_match_their_provenance(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--quick", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["ok"]
    assert len(result["checks"]) == 3 + len(VARIANTS) + 2


def test_the_recipe_still_draws_the_training_scenes() -> None:
    assert verifying.check_scenes(read_provenance(bundled.FOLDER)).ok


def test_the_card_is_the_rendering_of_its_figures_and_text() -> None:
    facts = msgspec.json.decode((bundled.FOLDER / "CARD.json").read_bytes(), type=CardFacts)
    assert facts.about == (bundled.FOLDER / "ABOUT.md").read_text()
    page = render_page(facts, figures_file="CARD.json")
    assert page == (bundled.FOLDER / "CARD.md").read_text()
