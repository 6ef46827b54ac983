"""The section "How far to trust these credits": a collection's report, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.web.views.html import e
from core.attribution.methods import METHODS

TITLE = "How far to trust these credits"


def section(report: Mapping[str, Any] | None) -> str:
    """What was measured; or that nothing was, and how to."""
    if report is None:
        return (
            f'<h2 class="cl-h2">{TITLE}</h2><p>Nobody has measured this collection yet. A keeper '
            "can: <code>python -m app evaluate report</code>.</p>"
        )
    parts = [f'<h2 class="cl-h2">{TITLE}</h2>', f"<p>{e(_opening(report))}</p>", _methods(report)]
    parts += [_words(_counterfactual(report)), _checks(report), _trust(report)]
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
            f"{max(ratio for _, ratio, _ in ratios):.2f} times that of works learnt): what is "
            "measured is how a hand is learnt, more than one work."
        )
    ceilings = [
        value for one in facts["regimes"] for value in one.get("ceiling", {}).values() if value
    ]
    if ceilings:
        words += (
            " Training the same half twice agrees with itself only up to about "
            f"{min(ceilings):.0f} to {max(ceilings):.0f}: no method can reach more. ± is the "
            "largest of a row."
        )
    return words


def _methods(report: Mapping[str, Any]) -> str:
    rows = report["methods"]
    if not rows:
        return ""
    asked = report["facts"].get("validation", "")
    columns = (
        ("By works, held-out", "lds_validation"), ("By works, generated", "lds_generation"),
        ("By artists, held-out", "group_lds_validation"),
        ("By artists, generated", "group_lds_generation"),
        ("±", "sd"), (f"Right artist first, of {asked}", "artist_top1"),
    )  # fmt: skip
    ordered = sorted(rows, key=lambda row: -(row["group_lds_generation"] or -100.0))
    head = "".join(f'<th class="cl-number">{e(name)}</th>' for name, _ in columns)
    body = "".join(
        f"<tr><td>{e(_title(row['method']))}</td>"
        + "".join(f'<td class="cl-number">{e(_figure(row[key], key))}</td>' for _, key in columns)
        + "</tr>"
        for row in ordered
    )
    return (
        '<div class="cl-scroll"><table class="cl-table"><thead><tr><th>Method</th>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _title(method: str) -> str:
    return METHODS[method].title if method in METHODS else method


def _figure(value: float | None, key: str) -> str:
    if value is None:
        return "–"
    return f"{100 * value:.0f} %" if key == "artist_top1" else f"{value:.0f}"


def _trust(report: Mapping[str, Any]) -> str:
    roc = report["roc"]
    if roc is None:
        return ""
    words = (
        "The word of trust before an upload's names tells pictures this model knows from foreign "
        f"ones: of a known and a foreign picture it trusts the known one more in "
        f"{100 * roc['auc']:.0f} % of cases ({roc['known']} known, {roc['foreign']} foreign)."
    )
    line = " ".join(f"{100 * float(x):.1f},{100 - 100 * float(y):.1f}" for x, y in roc["points"])
    return (
        f'<figure class="cl-roc"><svg viewBox="-2 -2 104 104" role="img" aria-label="{e(words)}">'
        '<path d="M0,0 V100 H100" class="cl-axis"/><path d="M0,100 L100,0" class="cl-chance"/>'
        f'<polyline points="{e(line)}"/></svg><figcaption>{e(words)} Upwards: known pictures '
        "called known; to the right: foreign pictures called known; dashed: guessing."
        "</figcaption></figure>"
    )


def _counterfactual(report: Mapping[str, Any]) -> str:
    found = report["counterfactual"]
    if found is None:
        return ""
    rows = sorted(found["rows"], key=lambda row: -row["l2_median"])
    said = ", ".join(f"{_title(row['method'])} {row['l2_median']:.1f}" for row in rows)
    first = rows[0]["method"]
    verdict = (
        "Taking away the works that D-TRAK names moves the pictures most."
        if first == "d-trak"
        else f"The works that D-TRAK names do not move them most here: {_title(first)}'s do."
    )
    return (
        f"With the {found['removed']} works a method names taken away (of {found['works']}), the "
        f"model taught anew and the same {len(rows[0]['l2'])} seeds painted again, the pictures "
        f"moved by (median distance): {said}. {verdict}"
    )


def _checks(report: Mapping[str, Any]) -> str:
    """Where the truth is known: a row a method, a column a check."""
    found: dict[str, dict[str, tuple[float, int]]] = {}
    for name, value, queries in report["checks"]:
        method, _, check = name.partition(": ")
        found.setdefault(method, {})[check] = (value, queries)
    if not found:
        return ""
    checks = {check: queries for row in found.values() for check, (_, queries) in row.items()}
    head = "".join(
        f'<th class="cl-number">{e(check.capitalize())}<br><small>of {queries}</small></th>'
        for check, queries in checks.items()
    )
    body = "".join(
        f"<tr><td>{e(_title(method))}</td>"
        + "".join(
            f'<td class="cl-number">{100 * row[check][0]:.0f} %</td>' if check in row
            else '<td class="cl-number">–</td>'
            for check in checks
        )
        + "</tr>"
        for method, row in found.items()
    )  # fmt: skip
    return (
        "<p>Where the truth is known: does a training work find itself first; are the ten "
        "strongest works of the class that was asked for; does a work no model has seen get "
        "traced to its own artist.</p>"
        '<div class="cl-scroll"><table class="cl-table"><thead><tr><th>Method</th>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
