"""What a command shows: plain bytes to a file or a pipe, a bar and a fitted table to a person."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator

import pytest

from app.cli.output import complain, last, run, say, show_json, table, watch
from app.services.serialize import Record
from core.progress import Progress

HEADERS = ("artist", "share", "works")
ROWS = (("葛飾北斎 [bold]", "12.50 %", 3), ("Eugène Boudin", "7.00 %", 120))


class Screen(io.StringIO):
    """A stream that a person watches."""

    def isatty(self) -> bool:
        return True


def screen(monkeypatch: pytest.MonkeyPatch, stream: str, width: int = 100) -> Screen:
    """Make this stream a terminal. Called in the test: pytest sets its own before each step."""
    shown = Screen()
    monkeypatch.setattr(sys, stream, shown)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    return shown


def work() -> Iterator[Progress | str]:
    yield Progress("Training", 1, 2, "loss [/x] 0.1")
    yield "halfway"
    yield Progress("Training", 2, 2)
    yield Progress("Painting", 1, 1)
    yield "done"


def plain(text: str) -> str:
    """Without the codes that move the cursor and colour letters."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_a_table_in_a_file_is_one_row_a_line_with_numbers_to_the_right(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table(HEADERS, ROWS)
    assert capsys.readouterr().out == (
        "artist           share  works\n"
        "葛飾北斎 [bold]    12.50 %      3\n"
        "Eugène Boudin   7.00 %    120\n"
    )


def test_a_row_in_a_file_is_never_broken(capsys: pytest.CaptureFixture[str]) -> None:
    table(("path",), [("x" * 500,)])
    assert capsys.readouterr().out.splitlines() == ["path", "x" * 500]


def test_a_table_for_a_person_fits_the_window_and_loses_no_letter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = screen(monkeypatch, "stdout", width=40)
    table(("name", "path"), [("葛飾北斎 [bold]", "p" * 90)])
    shown = plain(stream.getvalue())
    assert max(len(line) for line in shown.splitlines()) <= 40
    assert shown.count("p") == 90 + "path".count("p")
    assert "葛飾北斎" in shown and "[bold]" in shown


def test_where_nobody_watches_no_bar_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(watch(work())) == ["halfway", "done"]
    assert capsys.readouterr() == ("", "")


def test_a_person_sees_phase_count_and_note_as_they_are_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = screen(monkeypatch, "stderr")
    assert last(work(), str) == "done"
    shown = plain(stream.getvalue())
    assert re.search(r"Training 1/2 .*loss \[/x\] 0\.1", shown)
    assert "Training 2/2" in shown and "Painting 1/1" in shown


def test_what_is_said_while_the_bar_is_drawn_goes_to_stdout_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = screen(monkeypatch, "stderr")
    for event in watch(work()):
        say(event)
    assert capsys.readouterr().out == "halfway\ndone\n"
    assert "halfway" not in stream.getvalue()
    assert "Training" in stream.getvalue()


def test_what_the_work_itself_prints_is_not_taken_for_the_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def talkative() -> Iterator[Progress]:
        yield Progress("Training", 1, 2)
        say("from within")
        yield Progress("Training", 2, 2)

    stream = screen(monkeypatch, "stderr")
    run(talkative())
    assert capsys.readouterr().out == "from within\n"
    assert "from within" not in stream.getvalue()


def test_leaving_early_ends_the_line_and_closes_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = screen(monkeypatch, "stderr")
    events = work()
    watched = watch(events)
    assert next(watched) == "halfway"
    watched.close()
    assert next(events, None) is None
    assert stream.getvalue().endswith("\x1b[?25h"), "the cursor is shown again"


def test_work_without_its_result_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="int"):
        last(work(), int)


class Named(Record):
    name: str


EVIL = "Maria\x1b[2J\x1b]0;x\x07 \x9b31m \u202eevil"


def test_no_letter_of_a_strangers_text_steers_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say(EVIL)
    complain(EVIL)
    table(("name",), [(EVIL,)])
    show_json([Named(name=EVIL)])
    shown = capsys.readouterr()
    for text in (shown.out, shown.err):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
    assert json.loads(shown.out.splitlines()[-1]) == [{"name": EVIL}]
