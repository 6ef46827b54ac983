"""An experiment's figures, and those of the benchmark by artist, as text for people.

In: `Finished`, `ArtistsFinished`. Out: lines. What one must know to read a table stands above it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.attribution.methods import D_TRAK
from core.evaluation.agreement import Interval
from core.evaluation.artist_contest import BEST_ELSEWHERE, ONE_SEED, Finalist
from core.evaluation.artist_removal import ArtistsFinished, best_rows
from core.evaluation.booked_rows import BookedRow
from core.evaluation.bookings import SUMMED
from core.evaluation.removal_effects import Floor
from core.evaluation.runner import Finished, Pair, Regime
from core.evaluation.trials import Row

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
MEASURED = ("pearson", "spearman", "top1", "ndcg3")


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
    yield from _aligned(head, body)
    yield from _booked(finished)
    yield from _pairs(finished)


def _aligned(head: Sequence[str], body: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns under their heads."""
    widths = [max(len(line[at]) for line in [head, *body]) for at in range(len(head))]
    for line in [head, *body]:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _booked(finished: Finished) -> Iterator[str]:
    """What rules pay and what sharpening does, each beside the raw score's LDS."""
    if not finished.booked:
        return
    yield ""
    yield "LDS of what is paid, by each rule of the ledger, and of scores summed with an"
    yield "exponent or weights of parameter groups from the other half; in brackets, over raw:"
    groups: dict[tuple[str, ...], dict[str, BookedRow]] = {}
    for row in finished.booked:
        setting = "-" if row.noise is None else f"{row.noise}, K = {row.timesteps}"
        rule = f"{row.rule}, {row.shape}" if row.rule == SUMMED else row.rule
        groups.setdefault((row.pool, setting, row.method, rule), {})[row.split] = row
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


def artists_text(finished: ArtistsFinished) -> str:
    """The benchmark by artist: the noise floor first, then the bookings that stand best, then every
    finalist with its intervals."""
    return "\n".join(_artist_lines(finished)) + "\n"


def _artist_lines(finished: ArtistsFinished) -> Iterator[str]:
    config = finished.config
    yield (
        f"{finished.preset}: {config['works']} works of {len(finished.artists)} artists, "
        f"{config['epochs']} epochs; trained on all works and without each artist, "
        f"{config['removals']} seeds each; {config['validation']} held-out and "
        f"{config['generated']} generated pictures."
    )
    for floor in finished.floors:
        yield _floor(floor)
    yield ""
    yield (
        "Effect of an artist: the loss without them minus the loss with all, mean over seeds. "
        "Agreement of shares with it, mean over pictures, 95 % interval over pictures and artists."
    )
    yield (
        "'p learnt': the exponent (1, 2 or 3) that was best for the other half of the pictures. "
        f"'{ONE_SEED}': the first seed's effects against the other seeds'."
    )
    for split in dict.fromkeys(one.row.split for one in finished.finalists):
        yield ""
        yield from _finalists(split, [one for one in finished.finalists if one.row.split == split])
    yield ""
    yield "Of all bookings, those that stand best on average (chosen on these pictures):"
    for standing, row in best_rows(finished):
        yield f"  {standing:.3f}  {row.method}, {row.rule}, null {row.null}, {row.shape}"
    yield from _forgetting(finished)
    yield from _differences(finished)


def _floor(floor: Floor) -> str:
    return (
        f"{floor.split}: reliability of the mean of {floor.seeds} seeds {floor.reliability:.2f} "
        f"(ceiling {floor.ceiling:.0f}, ranks {floor.rank_ceiling:.0f}); largest effect "
        f"{floor.largest_effect:.4f}, mean {floor.mean_effect:.4f}, full models of other seeds "
        f"differ by {floor.full_spread:.4f}; the model gained {floor.gain:.4f} over its base, "
        f"all removals together {100 * floor.summed_over_gain:.0f} % of it; decided beyond chance "
        f"by one artist: {100 * floor.decided:.0f} % of pictures."
    )


def _finalists(split: str, finalists: Sequence[Finalist]) -> Iterator[str]:
    halves = any(one.group_lds is not None for one in finalists)
    head = [split, *MEASURED, "slope", "attributed", *(["LDS by halves"] if halves else [])]
    body = [_finalist(one, halves) for one in finalists]
    yield from _aligned(head, body)
    for one in finalists:
        if one.name == BEST_ELSEWHERE:
            yield f"({one.name}, for even and odd pictures: {one.row.shape}.)"


def _finalist(one: Finalist, halves: bool) -> list[str]:
    cells = [one.name, *(_interval(one.intervals[name]) for name in (*MEASURED, "slope"))]
    cells.append("-" if one.row.attributed is None else f"{one.row.attributed:.2f}")
    if halves:
        group = one.group_lds
        cells.append("-" if group is None else f"{group.value:5.1f} +-{group.sd:3.1f}")
    return cells


def _interval(value: Interval) -> str:
    return f"{value.value:.2f} [{value.low:.2f}, {value.high:.2f}]"


def _forgetting(finished: ArtistsFinished) -> Iterator[str]:
    if not finished.forgetting:
        return
    yield ""
    yield (
        f"Forgetting instead of retraining, {len(finished.forgetting[0].artists)} artists: what it "
        "does to a picture's loss against what retraining without the artist does."
    )
    for row in finished.forgetting:
        measures = ", ".join(f"{name} {_interval(getattr(row, name))}" for name in MEASURED)
        yield (
            f"  {row.split}, target {row.target}: {measures}; mean change of loss "
            f"{row.loss_ratio:.2f} times that of retraining"
        )


def _differences(finished: ArtistsFinished) -> Iterator[str]:
    """Where what is booked by D-TRAK differs from a reference by more than the interval."""
    yield ""
    yield (
        "Paired differences of D-TRAK's bookings from each reference that are more than their "
        "interval (95 %; those of every method are in the JSON):"
    )
    for one in finished.finalists:
        if one.row.method not in (D_TRAK, BEST_ELSEWHERE) or one.row.credited == 0:
            continue
        differences = [
            f"{reference} {name} {value.value:+.2f}"
            for reference, by_measure in one.differences.items()
            for name, value in by_measure.items()
            if value.low > 0 or value.high < 0
        ]
        differences += [
            f"{reference} LDS {gap.value:+.1f} +-{gap.sd:.1f}"
            for reference, gap in one.group_differences.items()
            if abs(gap.value) > 1.96 * gap.sd
        ]
        if differences:
            yield f"  {one.row.split}, {one.name}: {'; '.join(differences)}"
