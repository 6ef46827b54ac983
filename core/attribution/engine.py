"""The engine: a collection's model and indices on one device, ready to paint and to answer.

In: a collection directory with model, LoRA and features. Out: pictures and attributions. One
question is worked on at a time, however many threads ask: they queue for one worker thread (the
processor's threads are set up once for it, not anew for every caller). A painting takes its turn
step by step, so that a question need not wait for a whole picture.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import torch
from PIL import Image
from torch import Tensor

from core.attribution.calibration.artist_null import ArtistNull
from core.attribution.calibration.attributable import Attributable, verdict_of
from core.attribution.calibration.trust import Familiarity
from core.attribution.features.build import (
    DEFAULT,
    features_directory,
    keys_of_works,
    load_attributable,
    load_trust,
    make_index,
    make_null,
)
from core.attribution.features.featurizer import Features, Featurizer
from core.attribution.features.lora_gain import LoraGain, gains
from core.attribution.features.quantization import Packed
from core.attribution.features.spec import FeatureSpec
from core.attribution.features.store import FeatureStore
from core.attribution.methods import D_TRAK, METHODS, Method, method
from core.attribution.result import Attribution, Seconds, Vector
from core.attribution.scoring.index import HEAD, Index
from core.attribution.scoring.influence import Ownership, extreme_works
from core.attribution.scoring.nearest import Gallery
from core.collection.prompts import class_prompt
from core.collection.store import WORKS, load_collection
from core.collection.types import Collection, Work
from core.diffusion.protocol import DiffusionModel
from core.diffusion.sampling import Painted, Step, sample
from core.diffusion.stable import StableDiffusion
from core.diffusion.tensors import image_to_tensor
from core.errors import CollectionError, StoreError, UsageError

T = TypeVar("T")
SpreadIndex = Callable[[Index, Path], Index]  # an index and where it is kept -> the same, elsewhere
GUESS_TIMESTEPS = (200, 500)  # of 1000: where the class shows in the loss


@dataclass(frozen=True, eq=False)
class _Traced:
    """What the engine keeps for one directory of features."""

    featurizer: Featurizer
    phi: Packed  # the works' features [n, k] as they lie on the disk, for leverage
    trust: Familiarity | None
    attributable: Attributable | None
    ownership: Ownership


def _written(collection: Collection) -> int:
    """When its table of works was last written."""
    try:
        return (collection.path / WORKS).stat().st_mtime_ns
    except OSError:
        return 0


def choose_device(name: str) -> torch.device:
    """`auto` takes a GPU if there is one; an impossible device is a `UsageError`."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UsageError(f"The device '{name}' cannot be used here. Choose auto or cpu.") from error
    return device


class Engine:
    """Safe to call from several threads; `device` says where it works.

    `spare_threads` of the processor are left to others while it paints: a web server that shows
    every step needs one. A question, which nobody watches step by step, takes them all.
    """

    def __init__(
        self,
        model: DiffusionModel,
        collection: Collection,
        *,
        spare_threads: int = 0,
        spread: SpreadIndex | None = None,
    ) -> None:
        self.model = model
        self._held = self._newest = collection  # what answers are about; what is on the disk
        self._reading = Lock()
        self.device = model.device
        self._spread = spread
        self._threads = torch.get_num_threads()
        self._painting_threads = max(1, self._threads - spare_threads)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self._traced: dict[str, _Traced] = {}
        self._indices: dict[str, Index] = {}
        self._nulls: dict[str, ArtistNull] = {}
        self._gallery: Gallery | None = None
        self._read = _written(collection)

    @classmethod
    def open(
        cls,
        collection: Collection,
        *,
        device: str = "auto",
        spare_threads: int = 0,
        spread: SpreadIndex | None = None,
    ) -> Engine:
        """Load model and default index. Raises `ModelError` or `StoreError`, naming what to do.

        `spread` puts the rows of an index that is kept on the disk into other processes.
        """
        model = StableDiffusion.load(
            collection.path / "model", collection.path / "lora", device=choose_device(device)
        )
        engine = cls(model, collection, spare_threads=spare_threads, spread=spread)
        engine._open_features(DEFAULT)
        engine._index(method(D_TRAK))
        return engine

    @property
    def spec(self) -> FeatureSpec:
        """The default features' spec."""
        return self._open_features(DEFAULT).featurizer.spec

    @property
    def lambda_(self) -> float:
        """The ridge of the default method."""
        return self._index(method(D_TRAK)).lambda_

    @property
    def added(self) -> int:
        """How many works joined the default method's index after its kernel was fitted."""
        index = self._index(method(D_TRAK))
        return 0 if index.added is None else len(index.added.rows)

    @property
    def methods_available(self) -> tuple[str, ...]:
        """The methods whose features this collection has."""
        return tuple(
            row.name for row in METHODS.values()
            if row.served
            and (features_directory(self._held, row.features) / "header.json").is_file()
        )  # fmt: skip

    def paint(
        self, style: str, *, seed: int, steps: int, guidance: float, preview_every: int = 0
    ) -> Iterator[Step | Painted]:
        """`core.diffusion.sampling.sample` for a class, taking its turn step by step."""
        self.require_style(style)
        steps_of = sample(
            self.model, class_prompt(style), seed=seed, steps=steps, guidance=guidance,
            preview_every=preview_every,
        )  # fmt: skip
        while (event := self._in_turn(self._painting_threads, next, steps_of, None)) is not None:
            yield event

    def attribute(
        self,
        image: Image.Image,
        *,
        style: str | None = None,
        method_name: str = D_TRAK,
        query_sha256: str = "",
    ) -> Attribution:
        """Scores of every work for one picture (specification, section 2).

        `style` None lets the model say which class it takes the picture for.
        """
        row = method(method_name)
        if style is not None:
            self.require_style(style)
        return self._in_turn(self._threads, self._attribute, image, style, row, query_sha256)

    def compare(
        self, image: Image.Image, style: str, names: Sequence[str]
    ) -> dict[str, tuple[Vector, Vector]]:
        """Method -> scores `[n]` and z `[n]`; each vector is made once for all of them."""
        rows = [method(name) for name in names]
        self.require_style(style)
        return self._in_turn(self._threads, self._compare, image, style, rows)

    def _compare(
        self, image: Image.Image, style: str, rows: Sequence[Method]
    ) -> dict[str, tuple[Vector, Vector]]:
        latents = self._encode(image)
        content = hashlib.sha256(image.tobytes()).hexdigest()
        vectors: dict[str, Tensor] = {}
        found = {}
        for row in rows:
            index = self._index(row)
            if row.features not in vectors:
                featurizer = self._open_features(row.features).featurizer
                made = featurizer.features(latents, [class_prompt(style)], [content])
                vectors[row.features] = made.phi[0]
            scores = index.scores(vectors[row.features])
            found[row.name] = (scores, index.z(scores))
        return found

    def _in_turn(self, threads: int, work: Callable[..., T], *arguments: Any) -> T:
        """Queue a piece of work for the worker and wait for what it returns or raises."""

        def job() -> T:
            self._follow()
            if torch.get_num_threads() != threads:
                torch.set_num_threads(threads)
            return work(*arguments)

        return self._worker.submit(job).result()

    @property
    def collection(self) -> Collection:
        """As it is on the disk now: a work that left is gone at once."""
        with self._reading:
            written = _written(self._newest)
            if written != self._read:
                with suppress(CollectionError):  # half written: the next look sees the whole
                    self._newest = load_collection(self._newest.path, check_files=False)
                    self._read = written
            return self._newest

    def _follow(self) -> None:
        """Let the next answer be about the collection as it is now."""
        newest = self.collection
        if newest is self._held:
            return
        self._held = newest
        self._traced.clear()
        self._indices.clear()
        self._nulls.clear()
        self._gallery = None

    def require_style(self, style: str) -> None:
        """Raise `UsageError` for a class that the collection does not have."""
        if style not in self._held.styles:
            raise UsageError(
                f"The collection '{self._held.name}' has no class '{style}'. "
                f"Choose one of: {', '.join(self._held.styles)}."
            )

    def similar(self, image: Image.Image, count: int) -> tuple[tuple[Work, float], ...]:
        """The works that look most alike (cosine of latents): similarity, not influence."""
        return self._in_turn(self._threads, self._similar, image, count)

    def _similar(self, image: Image.Image, count: int) -> tuple[tuple[Work, float], ...]:
        traced = self._open_features("latents")
        if self._gallery is None:
            self._gallery = Gallery(torch.nn.functional.normalize(traced.phi.floats(), dim=1))
        query = torch.nn.functional.normalize(self._encode(image).flatten(), dim=0)
        places, products = self._gallery.nearest(query, count)
        pairs = zip(places, products, strict=True)
        return tuple((self._held.works[place], float(value)) for place, value in pairs)

    def _attribute(
        self, image: Image.Image, style: str | None, row: Method, query_sha256: str
    ) -> Attribution:
        began = time.perf_counter()
        index = self._index(row)
        traced = self._open_features(row.features)
        default, default_index = self._open_features(DEFAULT), self._index(method(D_TRAK))
        latents = self._encode(image)
        guessed = style is None
        style = style or self.guess_style(latents)
        encoded = time.perf_counter()
        content = query_sha256 or hashlib.sha256(image.tobytes()).hexdigest()
        found = traced.featurizer.features(latents, [class_prompt(style)], [content])
        usual = found if traced is default else default.featurizer.features(
            latents, [class_prompt(style)], [content]
        )  # fmt: skip
        differentiated = time.perf_counter()
        scores = index.scores(found.phi[0])
        leverage, explained = self._leverage(usual.phi[0])
        loss = float(usual.losses[0])
        signals: dict[str, float] = {}
        parts, artists, attributable = None, {}, None
        if default.attributable is not None:
            gain, finest = self._gain(default, usual, latents, class_prompt(style), content)
            signals = {"explained": explained, "gain": gain, "fine_loss": finest}
            attributable = default.attributable.of(explained, gain, finest)
            trust = verdict_of(attributable)
            parts = traced.ownership.parts(scores, index.leverage)
            artists = self._artists(row, index, traced, parts)
        else:  # features of before: the verdict by loss and leverage alone
            assert default.trust is not None
            trust = default.trust.trust(loss, leverage)
        done = time.perf_counter()
        return Attribution(
            query_sha256=content, width=image.width, height=image.height, style=style,
            style_guessed=guessed, method=row.name, spec_digest=traced.featurizer.spec.digest,
            model_digest=self.model.digest, device=str(self.device),
            works=self._held.works, scores=scores, z=index.z(scores),
            self_influence=index.self_influence, query_leverage=leverage,
            loss=loss, trust=trust,
            seconds=Seconds(
                encoded - began, differentiated - encoded, done - differentiated, done - began
            ),
            attributable=attributable, signals=signals, parts=parts, artists=artists,
            extreme=frozenset(extreme_works(default_index.self_influence).tolist()),
        )  # fmt: skip

    def guess_style(self, latents: Tensor) -> str:
        """The class whose prompt the model needs least correction for: lowest denoising loss."""
        styles = self._held.styles
        if len(styles) == 1:
            return styles[0]
        times = torch.tensor([t * self.model.schedule.length // 1000 for t in GUESS_TIMESTEPS])
        generator = torch.Generator("cpu").manual_seed(0)
        noise = torch.randn((len(times), *self.model.latent_shape), generator=generator)
        noise = noise.to(latents)
        noisy = self.model.schedule.add_noise(latents.expand_as(noise), noise, times)
        losses = []
        with torch.no_grad():
            for style in styles:
                conditioning = self.model.condition([class_prompt(style)] * len(times))
                answer = self.model.predict_noise(noisy, times.to(noisy.device), conditioning)
                losses.append(float((answer - noise).square().mean()))
        return styles[losses.index(min(losses))]

    def _encode(self, image: Image.Image) -> Tensor:
        return self.model.encode(image_to_tensor(image, self._held.image_size)[None])

    def _gain(
        self, default: _Traced, usual: Features, latents: Tensor, prompt: str, content: str
    ) -> tuple[float, float]:
        """1 - L_lora / L_base, and the loss at the least noise; only the base's is made here."""
        assert isinstance(self.model, StableDiffusion) and usual.row_losses is not None
        gain = LoraGain(default.featurizer, self.model)
        with_lora, finest = gain.of_rows(usual.row_losses)
        base = gain.of_base(latents, [prompt], [content], [0])
        return float(gains(with_lora, base)), float(finest)

    def _artists(
        self, row: Method, index: Index, traced: _Traced, parts: Vector
    ) -> dict[str, tuple[float, float]]:
        """Artist -> influence, and how often an artist without a part has as much."""
        if row.name not in self._nulls:
            directory = features_directory(self._held, row.features)
            self._nulls[row.name] = make_null(self._held, directory, index, traced.ownership)
        sums = traced.ownership.sums(parts)
        chances = self._nulls[row.name].chances(sums)
        pairs = zip(traced.ownership.artists, sums.tolist(), chances.tolist(), strict=True)
        return {artist: (influence, chance) for artist, influence, chance in pairs}

    def _leverage(self, query: Tensor) -> tuple[float, float]:
        """Leverage q' (Phi'Phi + lambda I)^-1 q = (|q|^2 - q'Hq) / lambda, with q'Hq = (Phi q) .
        (W q); and the explained share q'Hq / |q|^2, H the hat matrix of the works."""
        index, phi = self._index(method(D_TRAK)), self._open_features(DEFAULT).phi
        fitted = float(phi.products(query).cpu().numpy() @ index.products(query))
        length = float(query.double() @ query.double())
        explained = min(1.0, max(0.0, fitted / length)) if length else 0.0
        return max(0.0, (length - fitted) / index.lambda_), explained

    def _open_features(self, name: str) -> _Traced:
        if name not in self._traced:
            directory = features_directory(self._held, name)
            store = FeatureStore.open(directory)
            store.require(self.model.digest)
            trust = load_trust(directory) if name == DEFAULT else None
            attributable = load_attributable(directory) if name == DEFAULT else None
            featurizer = Featurizer(self.model, store.header.spec)
            keys = keys_of_works(self._held, store.header.spec)
            phi = store.packed(keys)
            owner = Ownership.of([work.artist_id for work in self._held.works], phi)
            self._traced[name] = _Traced(
                featurizer, phi.to(self.device), trust, attributable, owner
            )
        return self._traced[name]

    def _index(self, row: Method) -> Index:
        if not row.served:
            raise UsageError(
                f"The method '{row.name}' cannot be answered from one model and one picture: it "
                f"needs {row.needs}. Compare it with `python -m app evaluate lds`."
            )
        if row.name not in self._indices:
            try:
                self._open_features(row.features)
            except StoreError as error:
                if row.name == D_TRAK:
                    raise
                raise UsageError(
                    f"The method '{row.name}' needs the features '{row.features}': {error.message}"
                ) from error
            directory = features_directory(self._held, row.features)
            index = make_index(self._held, directory, row)
            kept = directory / "index" / row.name
            if self._spread is not None and (kept / HEAD).is_file():
                index = self._spread(index, kept)
            self._indices[row.name] = index.to(self.device)
        return self._indices[row.name]
