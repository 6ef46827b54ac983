"""Does a model paint as its works look? A judge from outside: hands, distance, sharpness, copies.

In: embeddings and pixels of works, of held-out works, and of pictures painted for a class. Out:
figures. Knows no model: whoever calls it paints and embeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from core.errors import UsageError

Matrix = NDArray[np.float64]
COMPONENTS = 64  # of the Fréchet distance
FOLDS = 5
COPY_QUANTILE = 0.01  # of the works' distances to their nearest other work
# luma of ITU-R BT.601
LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True, kw_only=True, eq=False)
class PictureSample:
    """`embeddings [n, d]`, `pixels [n, 3, h, w]` in [-1, 1], and the class of each."""

    embeddings: Matrix
    pixels: NDArray[np.float32]
    styles: Sequence[str]


@dataclass(frozen=True)
class Recognised:
    """Of `pictures`: the share whose recognised hand has works of the picture's class, and the
    judge's mean confidence in the hand it names; both in [0, 1]."""

    pictures: int
    in_class: float
    confidence: float


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What the judge says of painted pictures, beside what it says of pictures that are right.

    `hands`: how often it names the right hand of pictures it did not learn (`hands_of`: held-out
    works, or works left out in turn). `distance`: Fréchet's, on 64 components of the works'
    embeddings, of painted pictures and of held-out works (None without any). `sharpness`: per class
    the painted pictures' against the works'. `copies`: the share of painted pictures that lie
    nearer to one work than all but one in a hundred works lie to each other; `nearest [n]`: places
    of the works to which each is nearest.
    """

    embedding: str
    hands: float
    hands_of: str
    held_out: Recognised | None
    painted: Recognised
    distance: float
    distance_held_out: float | None
    sharpness: Mapping[str, float]
    copies: float
    nearest: tuple[int, ...]


class Judge:
    """A linear classifier of hands on a collection's works, and what these works are like."""

    def __init__(self, works: PictureSample, hands: Sequence[str], seed: int = 0) -> None:
        """`hands [n]`: who made each work. Raises `UsageError` for fewer than two hands."""
        if len(set(hands)) < 2:
            raise UsageError("A judge needs works by two artists at least, to tell them apart.")
        self.works, self.hands, self.seed = works, list(hands), seed
        self._classifier = _fitted(works.embeddings, self.hands, seed)
        self._classes: dict[str, set[str]] = {}
        for hand, style in zip(hands, works.styles, strict=True):
            self._classes.setdefault(hand, set()).add(style)
        components = min(COMPONENTS, len(works.embeddings) - 1, works.embeddings.shape[1])
        self._components = PCA(components, random_state=seed).fit(works.embeddings)

    def recognised(self, pictures: PictureSample) -> Recognised:
        """How often the hand it names has works of the class, and how sure it is."""
        chances = self._classifier.predict_proba(pictures.embeddings)
        named = self._classifier.classes_[chances.argmax(axis=1)]
        in_class = [
            style in self._classes[hand] for hand, style in zip(named, pictures.styles, strict=True)
        ]
        return Recognised(len(in_class), float(np.mean(in_class)), float(chances.max(1).mean()))

    def accuracy(self, pictures: PictureSample, hands: Sequence[str]) -> float:
        """The share of pictures whose hand it names."""
        named = self._classifier.predict(pictures.embeddings)
        return float(np.mean(named == np.asarray(hands)))

    def left_out(self) -> float:
        """The same of the works themselves, each judged by a classifier that did not see it."""
        order = np.random.default_rng(self.seed).permutation(len(self.hands))
        hands, right = np.asarray(self.hands), 0
        for part in np.array_split(order, min(FOLDS, len(order))):
            rest = np.setdiff1d(order, part)
            if len(set(hands[rest])) < 2:
                continue
            fitted = _fitted(self.works.embeddings[rest], hands[rest].tolist(), self.seed)
            right += int((fitted.predict(self.works.embeddings[part]) == hands[part]).sum())
        return right / len(order)

    def distance(self, pictures: PictureSample) -> float:
        """Fréchet's distance to the works: |m - m'|^2 + tr(C + C' - 2 (C C')^(1/2)), on components
        of the works' embeddings."""
        one, other = (
            self._components.transform(each.embeddings) for each in (self.works, pictures)
        )
        return frechet(one, other)

    def sharpness(self, pictures: PictureSample) -> dict[str, float]:
        """Per class the mean detail of these pictures against that of the works."""
        ratios = {}
        for style in sorted(set(pictures.styles)):
            own = _of_style(self.works, style)
            if len(own):
                ratios[style] = float(
                    detail(_of_style(pictures, style)).mean() / max(detail(own).mean(), 1e-12)
                )
        return ratios

    def nearest(self, pictures: PictureSample) -> tuple[tuple[int, ...], float]:
        """The work nearest to each picture, and the share of pictures that may be copies."""
        among = _distances(self.works.embeddings, self.works.embeddings)
        np.fill_diagonal(among, np.inf)
        usual = np.quantile(among.min(axis=1), COPY_QUANTILE)
        own = _distances(pictures.embeddings, self.works.embeddings)
        copies = float((own.min(axis=1) < usual).mean())
        return tuple(own.argmin(axis=1).tolist()), copies

    def judge(
        self,
        painted: PictureSample,
        embedding: str,
        held_out: PictureSample | None = None,
        held_out_hands: Sequence[str] = (),
    ) -> Judgement:
        """Everything, of pictures painted for their classes."""
        nearest, copies = self.nearest(painted)
        if held_out is None:
            hands, hands_of = self.left_out(), "works left out in turn"
        else:
            hands, hands_of = self.accuracy(held_out, held_out_hands), "held-out works"
        return Judgement(
            embedding=embedding,
            hands=hands,
            hands_of=hands_of,
            held_out=None if held_out is None else self.recognised(held_out),
            painted=self.recognised(painted),
            distance=self.distance(painted),
            distance_held_out=None if held_out is None else self.distance(held_out),
            sharpness=self.sharpness(painted),
            copies=copies,
            nearest=nearest,
        )


def frechet(one: Matrix, other: Matrix) -> float:
    """Fréchet's distance between the normal distributions of two samples, `[n, k]` and `[m, k]`."""
    if min(len(one), len(other)) < 2:
        raise UsageError("A distance between samples needs two pictures of each at least.")
    covariances = [np.atleast_2d(np.cov(each, rowvar=False)) for each in (one, other)]
    # tr (C C')^(1/2) by the eigenvalues of C^(1/2) C' C^(1/2), which are real and not negative
    values, vectors = np.linalg.eigh(covariances[0])
    root = vectors * np.sqrt(values.clip(0.0)) @ vectors.T
    spread = np.sqrt(np.linalg.eigvalsh(root @ covariances[1] @ root).clip(0.0)).sum()
    apart = one.mean(axis=0) - other.mean(axis=0)
    return float(apart @ apart + np.trace(covariances[0] + covariances[1]) - 2.0 * spread)


def detail(pixels: NDArray[np.float32]) -> Matrix:
    """How much detail each picture `[n, 3, h, w]` has: the mean absolute Laplacian of its luma."""
    luma = np.tensordot(pixels.astype(np.float64), LUMA, axes=([1], [0]))
    inner = luma[:, 1:-1, 1:-1]
    around = luma[:, :-2, 1:-1] + luma[:, 2:, 1:-1] + luma[:, 1:-1, :-2] + luma[:, 1:-1, 2:]
    values: Matrix = np.abs(4.0 * inner - around).mean(axis=(1, 2))
    return values


def _of_style(pictures: PictureSample, style: str) -> NDArray[np.float32]:
    rows = [place for place, one in enumerate(pictures.styles) if one == style]
    return pictures.pixels[rows]


def _fitted(embeddings: Matrix, hands: list[str], seed: int) -> LogisticRegression:
    return LogisticRegression(max_iter=2_000, random_state=seed).fit(embeddings, hands)


def _distances(one: Matrix, other: Matrix) -> Matrix:
    """1 - cosine of each pair."""
    units = [
        each / np.linalg.norm(each, axis=1, keepdims=True).clip(1e-12) for each in (one, other)
    ]
    distances: Matrix = 1.0 - units[0] @ units[1].T
    return distances
