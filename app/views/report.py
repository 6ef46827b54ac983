"""The section "How far to trust these credits": a collection's report, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.views.html import e

TITLE = "How far to trust these credits"


def section(report: Mapping[str, Any] | None) -> str:
    """What was measured; or that nothing was, and how to."""
    if report is None:
        return (
            f'<h2 class="cl-h2">{TITLE}</h2><p>Nobody has measured this collection yet. A keeper '
            "can: <code>python -m app evaluate report</code>.</p>"
        )
    parts = [f'<h2 class="cl-h2">{TITLE}</h2>', f"<p>{e(_opening(report))}</p>", _methods(report)]
    parts += [_words(_counterfactual(report)), _words(_trust(report)), _checks(report)]
    return "".join(parts) + f'<p class="cl-quiet">Measured on {e(report["date"])}.</p>'


def _words(text: str) -> str:
    return f"<p>{e(text)}</p>" if text else ""


def _opening(report: Mapping[str, Any]) -> str:
    facts = report["facts"]
    if not facts:
        return (
            "The model has not been retrained without parts of this collection yet, so how well "
            "credits predict reality here is not known."
        )
    words = (
        f"The model was taught again and again without half of {facts['works']} works, and each "
        "method had to say beforehand how the model's knowledge of a picture would change. 100 is "
        "a perfect order, 0 is guessing. By works: half of the works left out; by artists: half of "
        "the artists, with all their works, which is the question the ledger pays by."
    )
    ratios = [(one["pool"], one["ratio"], one["memorising"]) for one in facts["regimes"]]
    if not all(memorising for _, _, memorising in ratios):
        words += (
            " The models hardly memorised single works here (loss of works left out "
            f"{max(ratio for _, ratio, _ in ratios):.2f} times that of works learnt), so figures "
            "by works are small for every method."
        )
    return words


def _methods(report: Mapping[str, Any]) -> str:
    rows = report["methods"]
    if not rows:
        return ""
    columns = (
        ("By works, held-out", "lds_validation"), ("By works, generated", "lds_generation"),
        ("By artists, held-out", "group_lds_validation"),
        ("By artists, generated", "group_lds_generation"), ("Right artist first", "artist_top1"),
    )  # fmt: skip
    ordered = sorted(rows, key=lambda row: -(row["group_lds_generation"] or -100.0))
    head = "".join(f'<th class="cl-number">{e(name)}</th>' for name, _ in columns)
    body = "".join(
        f"<tr><td>{e(row['method'])}</td>"
        + "".join(f'<td class="cl-number">{e(_figure(row[key], key))}</td>' for _, key in columns)
        + "</tr>"
        for row in ordered
    )
    return (
        '<div class="cl-scroll"><table class="cl-table"><thead><tr><th>Method</th>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _figure(value: float | None, key: str) -> str:
    if value is None:
        return "–"
    return f"{100 * value:.0f} %" if key == "artist_top1" else f"{value:.0f}"


def _trust(report: Mapping[str, Any]) -> str:
    roc = report["roc"]
    if roc is None:
        return ""
    return (
        "The word of trust before an upload's names tells pictures this model knows from foreign "
        f"ones: of a known and a foreign picture it trusts the known one more in "
        f"{100 * roc['auc']:.0f} % of cases ({roc['known']} known, {roc['foreign']} foreign)."
    )


def _counterfactual(report: Mapping[str, Any]) -> str:
    found = report["counterfactual"]
    if found is None:
        return ""
    rows = sorted(found["rows"], key=lambda row: -row["l2_median"])
    said = ", ".join(f"{row['method']} {row['l2_median']:.1f}" for row in rows)
    return (
        f"With the {found['removed']} works a method names taken away, the model taught anew and "
        f"the same {len(rows[0]['l2'])} seeds painted again, the pictures moved by (median "
        f"distance): {said}."
    )


def _checks(report: Mapping[str, Any]) -> str:
    rows = [row for row in report["checks"] if row[0].startswith("d-trak:")]
    said = "; ".join(f"{e(name.removeprefix('d-trak: '))} {value:.2f} of {queries}"
                     for name, value, queries in rows)  # fmt: skip
    return f"<p>Where the truth is known, D-TRAK: {said}.</p>" if said else ""
