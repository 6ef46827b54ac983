"""Laws of the settings: environment over default, option over environment, one plain refusal."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import EMBEDDED, PREFIX, Settings, read_settings
from core.errors import UsageError


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No CREDITLINE_* of the person who runs the tests, and no .env of theirs."""
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_defaults_are_the_documented_ones() -> None:
    settings = read_settings()
    assert (settings.host, settings.port, settings.open) == ("127.0.0.1", 7860, True)
    assert settings.home == Path.home() / ".creditline"
    assert settings.collection == EMBEDDED
    assert settings.device == "auto"


def test_the_environment_wins_over_defaults_and_an_option_over_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CREDITLINE_PORT", "8123")
    monkeypatch.setenv("CREDITLINE_OPEN", "0")
    assert (read_settings().port, read_settings().open) == (8123, False)
    assert read_settings(port=9000, open=None).port == 9000
    assert read_settings(port=9000, open=None).open is False


def test_an_env_file_is_read_and_the_environment_wins_over_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("CREDITLINE_PORT=8001\nCREDITLINE_HOST=0.0.0.0\nOTHER=1\n")
    monkeypatch.setenv("CREDITLINE_PORT", "8002")
    assert (read_settings().port, read_settings().host) == (8002, "0.0.0.0")


def test_all_data_lies_under_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CREDITLINE_HOME", str(tmp_path / "data"))
    settings = read_settings()
    for place in (
        settings.ledger_file,
        settings.outputs,
        settings.temporary,
        settings.collections,
    ):
        assert place.is_relative_to(tmp_path / "data")


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDITLINE_PORT", "")
    assert read_settings().port == 7860


@pytest.mark.parametrize(("name", "value"), [("PORT", "seven"), ("PORT", "70000"), ("OPEN", "x")])
def test_a_wrong_value_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(UsageError) as refusal:
        read_settings()
    assert f"CREDITLINE_{name}" in refusal.value.message
    assert value in refusal.value.message
    assert "\n" not in refusal.value.message
