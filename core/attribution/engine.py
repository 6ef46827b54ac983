"""The engine: a collection's model and indices on one device, ready to paint and to answer.

In: a collection directory with model, LoRA and features. Out: pictures and attributions. One
question is worked on at a time, however many threads ask: they queue for one worker thread (the
processor's threads are set up once for it, not again for every caller). A painting takes its turn
step by step, so that a question need not wait for a whole picture. Every answer is of one snapshot:
works, scores and names of one moment, though works leave meanwhile.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from typing import Any, Concatenate, ParamSpec, TypeVar

import torch
from PIL import Image
from torch import Tensor

from core.attribution.calibration.attributable import verdict_of
from core.attribution.features.featurizer import Features, Featurizer
from core.attribution.features.lora_gain import LoraGain, gains
from core.attribution.features.spec import DEFAULT, FeatureSpec
from core.attribution.methods import D_TRAK, Method, method
from core.attribution.result import Attribution, Compared, Seconds
from core.attribution.snapshot import Facts, Snapshot, SpreadIndex
from core.collection.store import WORKS, load_collection
from core.collection.types import Collection, Work
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.protocol import DiffusionModel
from core.diffusion.sampling import Painted, Step, sample
from core.diffusion.tensors import image_to_tensor
from core.errors import CollectionError, StoreError, UsageError

P = ParamSpec("P")
T = TypeVar("T")
GUESSES = 32  # captions that are tried for a picture of which nobody says what it shows
GUESS_TIMESTEPS = (200, 500)  # of 1000: where the class shows in the loss
Written = tuple[int, int, int]  # when, which file, how long
UNREAD: Written = (0, 0, 0)  # also what is said of a collection that lies on no disk


def _written(collection: Collection) -> Written:
    """The writing of its table of works that lies on the disk."""
    try:
        about = (collection.path / WORKS).stat()
    except OSError:
        return UNREAD
    return about.st_mtime_ns, about.st_ino, about.st_size


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
        self.device = model.device
        self._spread = spread
        self._threads = torch.get_num_threads()
        self._painting_threads = max(1, self._threads - spare_threads)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self._reading = Lock()
        self._process = os.getpid()
        # what is on the disk, and which writing of it: swapped together, never changed
        self._current = (UNREAD, Snapshot(model, collection, spread))

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
        model = PipelineModel.load(
            collection.path / "model", collection.path / "lora", device=choose_device(device)
        )
        engine = cls(model, collection, spare_threads=spare_threads, spread=spread)
        engine._newest().index(method(D_TRAK))
        return engine

    @property
    def collection(self) -> Collection:
        """As it is on the disk now: a work that left is gone at once."""
        return self._newest().collection

    @property
    def facts(self) -> Facts:
        """What can be said of the collection, of one moment."""
        return self._of_one(lambda snapshot: snapshot.facts)

    @property
    def spec(self) -> FeatureSpec:
        """The default features' spec."""
        return self._of_one(lambda snapshot: snapshot.spec)

    @property
    def lambda_(self) -> float:
        """The ridge of the default method."""
        return self.facts.lambda_

    @property
    def added(self) -> int:
        """How many works joined the default method's index after its kernel was fitted."""
        return self.facts.added

    @property
    def methods_available(self) -> tuple[str, ...]:
        """The methods whose features this collection has."""
        return self._newest().methods_available

    def require_style(self, style: str) -> None:
        """Raise `UsageError` for a class that the collection does not have."""
        self._newest().require_style(style)

    def _newest(self) -> Snapshot:
        """The collection as it is on the disk now."""
        with self._reading:
            written, snapshot = self._current
            now = _written(snapshot.collection)
            if now != written:
                with suppress(CollectionError):  # half written: the next look sees the whole
                    newest = load_collection(snapshot.collection.path, check_files=False)
                    snapshot = Snapshot(self.model, newest, self._spread)
                    self._current = (now, snapshot)
            return snapshot

    def _of_one(
        self, answer: Callable[Concatenate[Snapshot, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """An answer of one snapshot. Where files left before it had opened them, of the next."""
        while True:
            snapshot = self._newest()
            try:
                return answer(snapshot, *args, **kwargs)
            except StoreError:
                if self._newest() is snapshot:
                    raise

    def paint(
        self, style: str, *, seed: int, steps: int, guidance: float, preview_every: int = 0
    ) -> Iterator[Step | Painted]:
        """`core.diffusion.sampling.sample` for a class, taking its turn step by step."""
        self.require_style(style)
        steps_of = sample(
            self.model,
            self.collection.prompt(style),
            seed=seed,
            steps=steps,
            guidance=guidance,
            preview_every=preview_every,
        )
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
        return self._in_turn(
            self._threads, self._of_one, self._attribute, image, style, row, query_sha256
        )

    def compare(self, image: Image.Image, style: str, names: Sequence[str]) -> dict[str, Compared]:
        """Method -> what it says of the works; each vector is made once for all of them."""
        rows = [method(name) for name in names]
        return self._in_turn(self._threads, self._of_one, self._compare, image, style, rows)

    def _compare(
        self, snapshot: Snapshot, image: Image.Image, style: str, rows: Sequence[Method]
    ) -> dict[str, Compared]:
        snapshot.require_style(style)
        latents = self._encode(image, snapshot)
        content = hashlib.sha256(image.tobytes()).hexdigest()
        vectors: dict[str, Tensor] = {}
        compared = {}
        for row in rows:
            index = snapshot.index(row)
            if row.features not in vectors:
                featurizer = snapshot.featurizer(row.features)
                made = featurizer.features(latents, [snapshot.collection.prompt(style)], [content])
                vectors[row.features] = made.phi[0]
            scores = index.scores(vectors[row.features])
            parts = snapshot.ownership(row).parts(scores, index.own_leverage)
            artists = snapshot.artists(row, parts, index.departed_influence(vectors[row.features]))
            compared[row.name] = Compared(scores, index.z(scores), parts, artists)
        return compared

    def _in_turn(self, threads: int, work: Callable[..., T], *arguments: Any) -> T:
        """Queue a piece of work for the worker and wait for what it returns or raises."""

        if self._process != os.getpid():  # forked: threads and locks stayed behind
            self._worker = ThreadPoolExecutor(1, thread_name_prefix="engine")
            self._reading, self._process = Lock(), os.getpid()

        def job() -> T:
            if torch.get_num_threads() != threads:
                torch.set_num_threads(threads)
            return work(*arguments)

        return self._worker.submit(job).result()

    def similar(self, image: Image.Image, count: int) -> tuple[tuple[Work, float], ...]:
        """The works that look most alike (cosine of latents): similarity, not influence."""
        return self._in_turn(self._threads, self._of_one, self._similar, image, count)

    def _similar(
        self, snapshot: Snapshot, image: Image.Image, count: int
    ) -> tuple[tuple[Work, float], ...]:
        query = torch.nn.functional.normalize(self._encode(image, snapshot).flatten(), dim=0)
        places, products = snapshot.gallery.nearest(query, count)
        works = snapshot.collection.works
        pairs = zip(places, products, strict=True)
        return tuple((works[place], float(value)) for place, value in pairs)

    def _attribute(
        self,
        snapshot: Snapshot,
        image: Image.Image,
        style: str | None,
        row: Method,
        query_sha256: str,
    ) -> Attribution:
        if style is not None:
            snapshot.require_style(style)
        began = time.perf_counter()
        index, featurizer = snapshot.index(row), snapshot.featurizer(row.features)
        default, default_index = snapshot.featurizer(DEFAULT), snapshot.index(method(D_TRAK))
        latents = self._encode(image, snapshot)
        guessed = style is None
        style = style or self._guess_style(latents, snapshot.collection)
        encoded = time.perf_counter()
        content = query_sha256 or hashlib.sha256(image.tobytes()).hexdigest()
        own = featurizer.features(latents, [snapshot.collection.prompt(style)], [content])
        usual = own
        if featurizer is not default:
            usual = default.features(latents, [snapshot.collection.prompt(style)], [content])
        differentiated = time.perf_counter()
        scores, loss = index.scores(own.phi[0]), float(usual.losses[0])
        leverage = snapshot.leverage(usual.phi[0])
        signals: dict[str, float] = {}
        parts, artists, attributable, departed = None, {}, None, 0.0
        line = snapshot.attributable
        if line is None:  # features of before: the verdict by loss and leverage alone
            trust = snapshot.trust(loss, leverage)
        else:
            gain, finest = self._gain(
                default, usual, latents, snapshot.collection.prompt(style), content
            )
            explained = default_index.explained(usual.phi[0], leverage)
            signals = {"explained": explained, "gain": gain, "fine_loss": finest}
            attributable = line.of(explained, gain, finest)
            trust = verdict_of(attributable)
            parts = snapshot.ownership(row).parts(scores, index.own_leverage)
            departed = index.departed_influence(own.phi[0])
            artists = snapshot.artists(row, parts, departed)
        done = time.perf_counter()
        return Attribution(
            query_sha256=content,
            width=image.width,
            height=image.height,
            style=style,
            style_guessed=guessed,
            method=row.name,
            spec_digest=featurizer.spec.digest,
            model_digest=self.model.digest,
            device=str(self.device),
            collection=snapshot.collection,
            scores=scores,
            z=index.z(scores),
            self_influence=(index if row.plain_ridge else default_index).self_influence,
            query_leverage=leverage,
            loss=loss,
            trust=trust,
            seconds=Seconds(
                encoded - began, differentiated - encoded, done - differentiated, done - began
            ),
            attributable=attributable,
            signals=signals,
            parts=parts,
            artists=artists,
            departed=departed,
        )

    def _gain(
        self, default: Featurizer, usual: Features, latents: Tensor, prompt: str, content: str
    ) -> tuple[float, float]:
        """1 - L_lora / L_base, and the loss at the least noise; only the base's is made here."""
        assert isinstance(self.model, PipelineModel)
        assert usual.row_losses is not None
        gain = LoraGain(default, self.model)
        with_lora, finest = gain.of_rows(usual.row_losses)
        base = gain.of_base(latents, [prompt], [content], [0])
        return float(gains(with_lora, base)), float(finest)

    def _guess_style(self, latents: Tensor, collection: Collection) -> str:
        """The class whose prompt the model needs least correction for: lowest denoising loss. Of
        many captions, some spread evenly over them are tried."""
        labels = collection.labels
        styles = labels[:: -(-len(labels) // GUESSES)] if collection.by_caption else labels
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
                conditioning = self.model.condition([collection.prompt(style)] * len(times))
                answer = self.model.predict_noise(noisy, times.to(noisy.device), conditioning)
                losses.append(float((answer - noise).square().mean()))
        return styles[losses.index(min(losses))]

    def _encode(self, image: Image.Image, snapshot: Snapshot) -> Tensor:
        return self.model.encode(image_to_tensor(image, snapshot.collection.image_size)[None])
