"""A picture and its twin of the same seed, painted without one artist's works."""

from __future__ import annotations

from urllib.parse import quote

from app.services.artist_ablation import ArtistAblationResult
from app.web.views.html import e, run_picture
from core.evaluation.artist_ablation import RETRAIN, WithoutArtist


def answers(found: list[ArtistAblationResult]) -> str:
    """Every answer that is kept with a run."""
    return "".join(answer(one) for one in found)


def answer(found: ArtistAblationResult) -> str:
    """Side by side, then what changed, in words and figures."""
    figures = found.figures
    how = "a model trained anew without them" if figures.way == RETRAIN else (
        "the model after it was made to forget them"
    )  # fmt: skip
    twin = f"/media/runs/{found.run_id}/without/{quote(figures.artist_id)}.png?way={figures.way}"
    return (
        f'<section class="cl-without"><h3 class="cl-h3">Without {e(found.artist)}</h3>'
        '<div class="cl-twins">'
        f"{_twin(run_picture(found.run_id), 'As it was painted')}"
        f"{_twin(twin, f'Same seed, without {found.artist}')}</div>"
        f"<p>{e(words(found.artist, figures))}</p>"
        f'<p class="cl-lead">Painted by {how} ({e(figures.works)} works). Loss of this picture '
        f"{figures.picture_before:.4f} → {figures.picture_after:.4f}; of their own works "
        f"{figures.own_before:.4f} → {figures.own_after:.4f}; of others' "
        f"{figures.others_before:.4f} → {figures.others_after:.4f}.</p></section>"
    )


def words(artist: str, figures: WithoutArtist) -> str:
    """What changed, for people."""
    rise = _rise(figures.picture_before, figures.picture_after)
    own = _rise(figures.own_before, figures.own_after)
    others = _rise(figures.others_before, figures.others_after)
    knows = (
        f"Without {artist} the model knows this picture less well: its error on it is {rise:.1f} % "
        "higher."
        if rise >= max(1.0, 2.0 * others)
        else f"Without {artist} the model knows this picture about as well as before "
        f"({rise:+.1f} % error)."
    )
    return (
        f"{knows} On their own works the error changed by {own:+.1f} %, on everybody else's by "
        f"{others:+.1f} %. Painted again from the same seed, the picture differs by "
        f"{100 * figures.moved:.0f} % (0 %: the same picture; 100 %: as far as a blank one)."
    )


def _rise(before: float, after: float) -> float:
    return 100.0 * (after / before - 1.0) if before else 0.0


def _twin(source: str, caption: str) -> str:
    return (
        f'<figure class="cl-twin"><img src="{e(source)}" alt="{e(caption)}" loading="lazy">'
        f"<figcaption>{e(caption)}</figcaption></figure>"
    )
