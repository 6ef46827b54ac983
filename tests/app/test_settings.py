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


TEXT = "CREDITLINE_PORT=8123\r\nCREDITLINE_HOME=Gemälde\r\nOTHER=1\r\n"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", TEXT),
        ("utf-8-sig", TEXT),
        ("utf-16", TEXT),  # as PowerShell's `>` writes it
        ("utf-16-le", "\ufeff" + TEXT),
        ("utf-16-be", "\ufeff" + TEXT),
        ("utf-32", TEXT),
        ("utf-32-le", "\ufeff" + TEXT),
        ("utf-32-be", "\ufeff" + TEXT),
        ("utf-16", TEXT.replace("\r\n", "\n")),
        ("utf-16", TEXT.replace("Gemälde", '"Gemälde"')),
        ("utf-8-sig", "export " + TEXT),
    ],
)
def test_an_env_file_is_read_in_the_encoding_that_its_mark_names(
    tmp_path: Path, encoding: str, text: str
) -> None:
    (tmp_path / ".env").write_bytes(text.encode(encoding))
    assert (read_settings().port, read_settings().home) == (8123, Path("Gemälde"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (TEXT.encode("cp1252"), "not UTF-8.*line 2, byte 0xe4.*Windows-1252"),
        (TEXT.encode("cp850"), "not UTF-8.*line 2, byte 0x84"),
        (TEXT.encode("mac-roman"), "not UTF-8.*line 2, byte 0x8a"),
        ("# für alle\nCREDITLINE_PORT=1\n".encode("latin-1"), "line 1, byte 0xfc"),
        ("CREDITLINE_HOME=絵\n".encode("shift-jis"), "not UTF-8.*line 1"),
        (TEXT.encode("utf-16-le"), "NUL bytes.*UTF-16 without a byte order mark"),
        (TEXT.encode("utf-16-be"), "NUL bytes.*UTF-16 without a byte order mark"),
        (b"CREDITLINE_PORT=81\x0023\n", "NUL bytes"),
        (b"\xef\xbb\xbfCREDITLINE_PORT=81\x0023\n", "NUL bytes"),
        (TEXT.encode("utf-16")[:-1], "begins as UTF-16.*cut off"),
        (b"\xef\xbb\xbf" + TEXT.encode("cp1252"), "begins as UTF-8.*another encoding"),
        ("CREDITLINE_CAP=1\n".encode("utf-16") + b"CREDITLINE_PORT=81\n ", "begins as UTF-16"),
        (b"CREDITLINE_CAP=1\n" + "CREDITLINE_PORT=8\n".encode("utf-16-le"), "NUL bytes"),
    ],
)
def test_an_env_file_in_an_uncertain_encoding_is_refused_with_the_remedy(
    tmp_path: Path, data: bytes, words: str
) -> None:
    (tmp_path / ".env").write_bytes(data)
    with pytest.raises(UsageError, match=words) as refusal:
        read_settings()
    assert refusal.value.message.startswith(".env ")
    assert "UTF-8" in refusal.value.message and "\n" not in refusal.value.message


def test_an_env_folder_is_refused_unless_it_is_a_virtual_environment(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    with pytest.raises(UsageError, match=r"\.env is a folder.*Move it aside"):
        read_settings()
    (tmp_path / ".env" / "pyvenv.cfg").touch()
    assert read_settings().port == 7860


def test_an_env_file_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").symlink_to(tmp_path / "gone")
    with pytest.raises(UsageError, match=r"\.env cannot be read.*No such file"):
        read_settings()

    def refused(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(UsageError, match=r"\.env cannot be read \(Permission denied\)"):
        read_settings()


@pytest.mark.parametrize("line", ["CREDITLINE_HOME='a", "CREDITLINE_PORT = 'x", "'CREDITLINE_"])
def test_a_line_of_ours_that_cannot_be_read_is_named_and_others_are_not_our_business(
    tmp_path: Path, line: str
) -> None:
    (tmp_path / ".env").write_text(f'OTHER="open\nCREDITLINE_CAP=0.5\n{line}\n')
    with pytest.raises(UsageError, match="Line 3 of .env"):
        read_settings()
    (tmp_path / ".env").write_text('OTHER="open\nCREDITLINE_CAP=0.5\n')
    assert read_settings().cap == 0.5


TYPOS = [
    ("PROT", "PORT"),
    ("HOEM", "HOME"),
    ("COLECTION", "COLLECTION"),
    ("COLLECTIONS", "COLLECTION"),
    ("DEVCE", "DEVICE"),
    ("RULES", "RULE"),
    ("IMPORTIN", "IMPORTING"),
    ("WORKER", "WORKERS"),
    ("ALLOW_HOSTS", "HOSTS"),
    ("OPEN_", "OPEN"),
    ("CAPP", "CAP"),
]


@pytest.mark.parametrize(("typo", "meant"), TYPOS)
def test_a_misspelt_setting_is_refused_and_the_nearest_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, typo: str, meant: str
) -> None:
    words = rf"no setting CREDITLINE_{typo} \(in {{}}\)\. The nearest is CREDITLINE_{meant}:"
    (tmp_path / ".env").write_text(f"CREDITLINE_{typo}=1\n")
    with pytest.raises(UsageError, match=words.format(r"\.env")):
        read_settings()
    (tmp_path / ".env").unlink()
    monkeypatch.setenv(PREFIX + typo, "1")
    with pytest.raises(UsageError, match=words.format("the environment")):
        read_settings()


@pytest.mark.parametrize("below", ["", "data", "data/deeper"])
@pytest.mark.parametrize("kind", ["file", "link to nothing"])
def test_a_home_that_cannot_be_a_folder_is_refused_by_name(
    tmp_path: Path, below: str, kind: str
) -> None:
    place = tmp_path / "place"
    if kind == "file":
        place.touch()
    else:
        place.symlink_to(tmp_path / "gone")
    with pytest.raises(UsageError, match="CREDITLINE_HOME cannot be '.*not a folder"):
        read_settings(home=place / below)


def test_a_home_of_nobody_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDITLINE_HOME", "~nobody-of-this-name/data")
    with pytest.raises(UsageError, match="CREDITLINE_HOME cannot be.*no home on this machine"):
        read_settings()
