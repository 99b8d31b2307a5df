"""`edged check` says which files of the page cannot be read."""

from pathlib import Path

from edged.config.input_files import check_input_files, check_secret_files
from edged.config.settings import PageSettings, Settings


def test_a_certificate_that_is_not_there_is_a_problem_and_a_secret_a_warning(
    tmp_path: Path,
) -> None:
    page = PageSettings(
        token_file=tmp_path / "token",
        tls_certificate=tmp_path / "certificate",
        tls_key=tmp_path / "key",
    )
    settings = Settings(page=page)
    assert [problem.key_path for problem in check_input_files(settings)] == [
        ("page", "tls_certificate")
    ]
    assert [problem.key_path for problem in check_secret_files(settings)] == [
        ("page", "token_file"),
        ("page", "tls_key"),
    ]
