"""`import` on the command line: what it shows, where, and with which exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.cli import main
from tests.small import picture


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Three pictures, one of them twice, one damaged, by a table."""
    for number in range(3):
        picture(number, 48).save(tmp_path / f"{number}.png")
    (tmp_path / "bad.png").write_bytes(b"<html>404")
    rows = ("0,Anna Ek", "1,Anna Ek", "2,Bo Ask", "0,Anna Ek", "bad,Anna Ek", "gone,Anna Ek")
    lines = (f"{name}.png,{artist},Op Art,wide" for name, artist in (r.split(",") for r in rows))
    (tmp_path / "metadata.csv").write_text("\n".join(("file,artist,style,shape", *lines)) + "\n")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *options: object) -> tuple[int, str, str]:
    code = main(["import", *map(str, options)])
    output = capsys.readouterr()
    return code, output.out, output.err


def test_every_row_is_accounted_for_in_words(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, source, "--to", tmp_path / "c", "--name", "Mine")
    assert code == 0
    assert "Mine: 3 works" in out and "3 new" in out and "1 twice" in out and "2 refused" in out
    assert "Columns not read: shape" in out
    assert "4: 0.png: is the same picture as" in err
    assert "5: bad.png: " in err and "web page" in err and "6: gone.png: There is no such" in err
    code, out, _ = run(capsys, source, "--to", tmp_path / "c")
    assert code == 0 and "0 new, 0 changed, 3 unchanged" in out


def test_every_row_is_accounted_for_in_json(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, source, "--to", tmp_path / "c", "--preview", "--json")
    report = json.loads(out)
    assert (code, err, report["written"]) == (0, "", False) and not (tmp_path / "c").exists()
    assert (
        report["rows"]
        == 6
        == report["imported"] + len(report["refused"]) + len(report["duplicates"])
    )
    assert report["refused"][0].keys() == {"row", "reason"}
    code, out, _ = run(capsys, source, "--to", tmp_path / "c", "--json")
    assert json.loads(out) == report | {"written": True}


def test_where_nothing_can_be_taken_the_exit_code_says_so(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, source, "--to", tmp_path / "c", "--style", "Dada")
    assert code == 1 and "(nothing was written)" in out and "Nothing was imported" in err
    assert "No row is of the style 'Dada'. There are: Op Art." in out
    assert not (tmp_path / "c").exists()
    code, out, _ = run(capsys, source, "--preview", "--style", "Dada")
    assert code == 0 and "(preview)" in out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "--to DIR"),
        (("--to", "c", "--limit", "0"), "limit of 0"),
        (("--to", "c", "--map", "painter=Maker"), "maps nothing"),
        (("--to", "c", "--encoding", "klingon"), "klingon"),
        (("--to", "c", "--kind", "folder", "--map", "title=shape"), "would do nothing"),
    ],
)
def test_wrong_usage_has_an_exit_code_of_its_own(
    source: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], sentence: str
) -> None:
    code, _, err = run(capsys, source, *options)
    assert code == 2 and sentence in err
