"""The benchmark by artist as text for people.

In: `ArtistsFinished`. Out: lines: the noise floor first, then the bookings that stand best, then
every finalist with its intervals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.evaluation.agreement import Interval
from core.evaluation.artist_removal import (
    BEST_ELSEWHERE,
    D_TRAK,
    ONE_SEED,
    ArtistsFinished,
    Finalist,
    Floor,
    best_rows,
)

MEASURED = ("pearson", "spearman", "top1", "ndcg3")


def text_of(finished: ArtistsFinished) -> str:
    """Everything, short first."""
    return "\n".join(_lines(finished)) + "\n"


def _lines(finished: ArtistsFinished) -> Iterator[str]:
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
        yield from _table(split, [one for one in finished.finalists if one.row.split == split])
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


def _table(split: str, finalists: Sequence[Finalist]) -> Iterator[str]:
    halves = any(one.group_lds is not None for one in finalists)
    head = [split, *MEASURED, "slope", "attributed", *(["LDS by halves"] if halves else [])]
    body = [_cells(one, halves) for one in finalists]
    widths = [max(len(line[at]) for line in [head, *body]) for at in range(len(head))]
    for line in [head, *body]:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(cells).rstrip()
    for one in finalists:
        if one.name == BEST_ELSEWHERE:
            yield f"({one.name}, for even and odd pictures: {one.row.shape}.)"


def _cells(one: Finalist, halves: bool) -> list[str]:
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
