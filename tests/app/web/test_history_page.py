"""History and Compare by their addresses: what is searched, who may delete, what is said."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from sqlalchemy import select

from app.services.session import Studio
from app.web.callers import CALLER, Caller
from app.web.pages.compare import compare_page
from app.web.pages.history import NOT_THE_KEEPER, HistoryPage, history_page
from core.accounts.roles import AccountRole, allowed_to
from core.errors import UsageError
from core.ledger.records import RunView
from core.ledger.schema import run_deleted
from tests.app.services.test_runs import generated, studio
from tests.runs import record

__all__ = ["studio"]


def unbooked(studio: Studio, title: str = "cat.png", **changes: Any) -> RunView:
    run = replace(record(kind="upload"), title=title, seed=None, **changes)
    return studio.ledger.record(run)


def asks(keeper: bool = True, **query: str) -> Any:
    """A request with this query, from the keeper's browser or from a visitor's."""
    role = AccountRole.KEEPER if keeper else AccountRole.VISITOR
    caller = Caller(role=role, actions=allowed_to(role), actor="kim")
    return SimpleNamespace(query_params=query, headers={}, scope={CALLER: caller})


def page(studio: Studio) -> HistoryPage:
    with gr.Blocks():
        return HistoryPage(studio)


def test_a_search_is_all_in_the_address(studio: Studio) -> None:
    unbooked(studio, "cat.png")
    unbooked(studio, "dog.png", verdict="unfamiliar")
    assert "dog.png" not in history_page(studio, {"text": "CAT"})
    html = history_page(studio, {"verdict": "unfamiliar", "text": "g.p"})
    assert "dog.png" in html and "cat.png" not in html
    assert 'value="g.p"' in html
    assert '<option value="unfamiliar" selected>' in html
    assert "No run matches this search" in history_page(studio, {"text": "horse"})


def test_a_search_that_means_nothing_is_refused_in_words(studio: Studio) -> None:
    with pytest.raises(UsageError, match="familiar, uncertain, unfamiliar"):
        history_page(studio, {"verdict": "perhaps"})
    with pytest.raises(UsageError, match="200 letters"):
        history_page(studio, {"text": "x" * 201})
    shown = page(studio)._opened(asks(verdict="perhaps"))
    assert "There is no verdict" in shown[0]["value"]


def test_only_a_run_that_is_not_booked_offers_to_be_deleted(studio: Studio) -> None:
    booked = generated(studio).view
    assert booked is not None
    assert "delete=" not in history_page(studio, {})
    view = unbooked(studio)
    assert f"delete={view.record.id}" in history_page(studio, {})
    assert f"delete={booked.record.id}" not in history_page(studio, {})
    question, button, _ = page(studio)._opened(asks(delete=booked.record.id))
    assert "kept for ever" in question["value"] and not button["visible"]


def test_the_keeper_is_asked_first_and_then_it_is_gone(studio: Studio) -> None:
    view = unbooked(studio)
    history = page(studio)
    question, button, body = history._opened(asks(delete=view.record.id))
    assert "Delete run" in question["value"] and button["visible"]
    assert studio.ledger.run(view.record.id) is not None  # asked, not done
    done, button, body = history._delete(asks(delete=view.record.id))
    assert "is deleted" in done and not button["visible"]
    assert "cat.png" not in body
    assert studio.ledger.run(view.record.id) is None
    with studio.ledger.engine.connect() as raw:
        assert raw.execute(select(run_deleted.c.actor)).scalar_one() == "kim"
    assert studio.ledger.verify().ok
    again = history._delete(asks(delete=view.record.id))
    assert "may have been deleted already" in again[0]


def test_nobody_but_the_keeper_deletes(studio: Studio) -> None:
    view = unbooked(studio)
    history = page(studio)
    question, button, body = history._opened(asks(keeper=False, delete=view.record.id))
    assert NOT_THE_KEEPER.split(".")[0].replace("'", "&#39;") in question["value"]
    assert not button["visible"] and "delete=" not in body  # nor is it offered
    refused = history._delete(asks(keeper=False, delete=view.record.id))
    assert 'role="alert"' in refused[0]
    assert studio.ledger.run(view.record.id) is not None


def test_the_first_run_of_a_comparison_stays_chosen_while_one_searches(studio: Studio) -> None:
    first, second = unbooked(studio, "one.png"), unbooked(studio, "two.png")
    html = history_page(studio, {"compare": first.record.id, "text": "two"})
    assert f'href="./compare?a={first.record.id}&amp;b={second.record.id}"' in html
    assert f'name="compare" value="{first.record.id}"' in html


def test_a_comparison_is_all_in_its_address(studio: Studio) -> None:
    first, second = unbooked(studio, "one.png"), unbooked(studio, "two.png")
    html = compare_page(studio, {"a": first.record.id, "b": second.record.id})
    assert html.index("one.png") < html.index("two.png")
    assert f"a={second.record.id}&amp;b={first.record.id}" in html  # swapped
    missing = compare_page(studio, {"a": first.record.id, "b": "gone"})
    assert "may have been deleted" in missing and f"compare={first.record.id}" in missing
    assert "Choose two runs" in compare_page(studio, {})
