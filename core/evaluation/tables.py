"""An experiment's figures as text for people.

In: `Finished`. Out: lines. What one must know to read a table stands above it.
"""

from __future__ import annotations

from collections.abc import Iterator

from core.evaluation.runner import Finished, Pair, Regime
from core.evaluation.trials import BookedRow, Row

FIELDS = (
    "placement",
    "draws",
    "dimension",
    "eta",
    "checkpoint",
    "members",
    "projections",
    "outcome",
    "arithmetic",
    "rule",
)


def text_of(finished: Finished) -> str:
    """Head, regime, then a table a group of equal settings."""
    return "\n".join(_lines(finished)) + "\n"


def _lines(finished: Finished) -> Iterator[str]:
    config = finished.config
    yield (
        f"{finished.preset}, {finished.experiment}: {config['works']} works "
        f"({config['works_a_subset']} a subset), {config['validation']} validation and "
        f"{config['generated']} generated queries, {config['parameters']:,} parameters, "
        f"{config['epochs']} epochs."
    )
    for regime in finished.regimes:
        yield _regime(regime)
    shared = {name for name in FIELDS if len({getattr(row, name) for row in finished.rows}) == 1}
    varied = [name for name in FIELDS if name not in shared]
    groups: dict[tuple[object, ...], dict[tuple[str, str], Row]] = {}
    for row in finished.rows:
        key = (row.pool, row.noise, row.timesteps, row.method, *(getattr(row, n) for n in varied))
        groups.setdefault(key, {})[row.split, row.lambda_rule] = row
    yield ""
    yield "LDS in percent +- standard deviation over resampled subsets. Lambda by the default rule"
    yield (
        f"({config['default_lambda']}), best of a grid (peeked), or chosen on half of the queries "
        "for the other half."
    )
    for loss in finished.lambda_losses:
        yield (
            f"Lambda by {loss.rule} loses {loss.mean:.1f} points to the peeked best, on average "
            f"over {loss.rows} rows; at worst {loss.worst:.1f} ({loss.where})."
        )
    head = ["method", "subsets", "noise", "K", *varied]
    head += [f"{split[:3]} {rule}" for split in ("validation", "generation") for rule in RULES]
    known = any(row.artist_top1 is not None for row in finished.rows)
    head += ["artist top-1"] if known else []
    body = [_cells(key, rows, known) for key, rows in groups.items()]
    widths = [max(len(line[i]) for line in [head, *body]) for i in range(len(head))]
    for line in [head, *body]:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        yield "  ".join(cells).rstrip()
    yield from _booked(finished)
    yield from _pairs(finished)


def _booked(finished: Finished) -> Iterator[str]:
    """What rules pay and what sharpening does, each beside the raw score's LDS."""
    if not finished.booked:
        return
    yield ""
    yield "LDS of what is paid, by each rule of the ledger, and of sharpened scores ('summed'; the"
    yield "exponent learnt on the other half of the queries); in brackets, above raw scores:"
    groups: dict[tuple[str, ...], dict[str, BookedRow]] = {}
    for row in finished.booked:
        setting = "-" if row.noise is None else f"{row.noise}, K = {row.timesteps}"
        groups.setdefault((row.pool, setting, row.method, row.rule), {})[row.split] = row
    for (pool, setting, method, rule), by_split in sorted(groups.items()):
        values = "; ".join(
            f"{split[:3]} {row.lds:5.1f} +-{row.sd:3.1f} "
            f"({row.over_raw:+.1f} +-{row.over_raw_sd:.1f})"
            for split, row in by_split.items()
        )
        yield f"  {method}, {rule} ({pool}, {setting}): {values}"


def _pairs(finished: Finished) -> Iterator[str]:
    """D-TRAK against each method under equal settings, over equal resamples of the subsets."""
    groups: dict[tuple[object, ...], dict[tuple[str, str], Pair]] = {}
    for pair in finished.pairs:
        if pair.lambda_rule in ("default", "best"):
            key = (pair.method, pair.pool, pair.noise, pair.timesteps)
            groups.setdefault(key, {})[pair.split, pair.lambda_rule] = pair
    if not groups:
        return
    yield ""
    yield "D-TRAK's LDS minus the method's, +- standard deviation over the same resampled subsets:"
    for (method, pool, noise, timesteps), pairs in groups.items():
        values = ", ".join(
            f"{split[:3]} {rule} {pair.difference:+.1f} +-{pair.sd:.1f}"
            for (split, rule), pair in pairs.items()
        )
        yield f"  {method} ({pool}, {noise}, K = {timesteps}): {values}"


RULES = ("default", "best", "half")


def _cells(key: tuple[object, ...], rows: dict[tuple[str, str], Row], known: bool) -> list[str]:
    pool, noise, timesteps, method, *others = key
    cells = [str(method), str(pool), str(noise or "-"), str(timesteps or "-"), *map(str, others)]
    for split in ("validation", "generation"):
        for rule in RULES:
            row = rows.get((split, rule)) or rows.get((split, "none"))
            cells.append("-" if row is None else f"{row.lds:5.1f} +-{row.sd:3.1f}")
    if known:
        row = rows.get(("validation", "default")) or rows.get(("validation", "none"))
        top1 = None if row is None else row.artist_top1
        cells.append("-" if top1 is None else f"{top1:.2f}")
    return cells


def _regime(regime: Regime) -> str:
    ceilings = ", ".join(
        f"{value:.0f} ({split})" for split, value in regime.ceiling.items() if value is not None
    )
    verdict = (
        ""
        if regime.memorising
        else " NOT in the memorising regime: TRAK can tie or win here, so no order is judged."
    )
    return (
        f"Subsets '{regime.pool}': {regime.subsets}, {regime.seeds} seed(s) each; loss of works "
        f"learnt {regime.loss_in:.4f}, left out {regime.loss_out:.4f}, out/in {regime.ratio:.2f}; "
        f"noise ceiling {ceilings or 'not measured'}.{verdict}"
    )
