"""The bundled models match their provenance."""

import json

import pytest

from edged_models import bundled
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
