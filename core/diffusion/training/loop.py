"""Training a diffusion model on cached latents: base models, LoRAs and pixel DDPMs alike.

In: a model, latents, the prompts' numbers, a recipe, a directory. Out: trained parameters, and a
checkpoint from which a killed run goes on to the same result: every random choice of a step comes
from (seed, step). Knows no pictures and no files but its checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.diffusion.conditioning import Conditioning
from core.diffusion.protocol import DiffusionModel
from core.diffusion.tensors import chosen_precision
from core.diffusion.training.checkpoint import cosine, follow, load_training, save_training
from core.diffusion.training.folded_lora import folded
from core.errors import UsageError
from core.progress import Progress

Embed = Callable[[], Conditioning]
# (rows, noisy latents, timesteps, conditioning, the usual target) -> the target to learn instead
Teach = Callable[[Tensor, Tensor, Tensor, Conditioning | None, Tensor], Tensor]
ORDERS = ("drawn", "epochs")
TIMES = ("stratified", "uniform")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How long and how fast. `ema` 0 keeps no moving average; `prompt_dropout` serves guidance.

    order: works `drawn` with replacement, or `epochs`: each once per epoch. times: `stratified`
    over the batch, or `uniform`. floor: the last learning rate as a share of its peak. flip: half
    of the works mirrored. sampled: latents drawn from the encoder's posterior, where there is one,
    instead of its mode. dropout: in every `nn.Dropout` whose name holds `dropout_in` and not
    `dropout_not`, while training.
    """

    steps: int
    batch_size: int = 16
    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 1e-6
    warmup: int = 200
    ema: float = 0.0
    prompt_dropout: float = 0.1
    checkpoint_every: int = 100
    seed: int = 0
    order: str = "drawn"
    times: str = "stratified"
    floor: float = 0.02
    flip: bool = False
    dropout: float = 0.0
    dropout_in: str = ""
    dropout_not: str = "\n"  # in no name
    sampled: bool = False

    def __post_init__(self) -> None:
        if self.order not in ORDERS or self.times not in TIMES:
            raise UsageError(
                f"There is no recipe with order '{self.order}' and times '{self.times}'. "
                f"Choose order: {', '.join(ORDERS)}; times: {', '.join(TIMES)}."
            )


@dataclass(frozen=True)
class Execution:
    """How a step is computed; what is learnt depends on it only by round-off.

    `precision`: of the network, on a GPU; parameters and optimizer stay in float32. `accumulate`:
    a batch in so many parts, one after the other, to spare memory (with dropout, other units are
    dropped: as another seed would). `threads`: so many parts side by side, each on its own share
    of the processor's cores, which small networks use better than all cores one layer at a time;
    without dropout, whose chances are drawn in one order. `checkpointing`: a block's activations
    are computed again in the backward pass instead of kept, a third more work for much less memory.
    `folded`: a LoRA multiplied into its layers at each step (see `folded_lora`), which pays where
    they are hardly wider than its rank.
    """

    precision: str = "float32"
    accumulate: int = 1
    threads: int = 1
    checkpointing: bool = False
    folded: bool = False

    def __post_init__(self) -> None:
        if self.accumulate < 1:
            raise UsageError(f"A batch cannot be in {self.accumulate} parts: give 1 or more.")
        if self.threads < 1 or (self.threads > 1 and self.accumulate > 1):
            raise UsageError(
                f"A batch cannot be in {self.threads} parts side by side and in {self.accumulate} "
                "one after the other: give 1 or more of one of them."
            )

    def casting(self, device: torch.device) -> AbstractContextManager[object]:
        """The network in half precision where that was chosen. Raises `UsageError` for an unknown
        precision."""
        chosen = chosen_precision(self.precision, device)
        if chosen == "float32":
            return nullcontext()
        return torch.autocast(device.type, getattr(torch, chosen))


PLAIN = Execution()


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingSet:
    """`latents [n, c, h', w']`; `prompt_of [n]` indexes `prompts`, of which number 0 is empty.

    `spread`: the standard deviation of each latent's posterior. `mirrored`: the same set of the
    mirrored pictures; None where a mirrored latent is that of the mirrored picture (pixels).
    """

    latents: Tensor
    prompt_of: Tensor
    prompts: Sequence[str]
    spread: Tensor | None = None
    mirrored: TrainingSet | None = None

    def of(self, rows: Sequence[int]) -> TrainingSet:
        """Some of the works."""
        kept = list(rows)
        return TrainingSet(
            latents=self.latents[kept],
            prompt_of=self.prompt_of[kept],
            prompts=self.prompts,
            spread=None if self.spread is None else self.spread[kept],
            mirrored=None if self.mirrored is None else self.mirrored.of(kept),
        )


def train(
    model: DiffusionModel,
    parameters: dict[str, nn.Parameter],
    data: TrainingSet,
    recipe: Recipe,
    directory: Path,
    *,
    embed: Embed | None = None,
    table: Conditioning | None = None,
    teach: Teach | None = None,
    kept: Tensor | None = None,
    execution: Execution = PLAIN,
) -> Iterator[Progress]:
    """Minimise the mean squared error of the network's answer (L_Simple for eps-prediction).

    `teach` may put other targets in place of the usual ones. `kept [n]` bool: the works that are
    learnt; the others are drawn all the same and left out of their batch. `embed` answers the
    prompts' conditioning `[prompts, ...]` when the text encoder is trained too; otherwise it is
    `table`, on any device, or computed once. At the end the parameters hold the moving average, if
    any.
    """
    for parameter in parameters.values():
        parameter.requires_grad_(True)
    model.network.train()
    optimizer = torch.optim.AdamW(
        list(parameters.values()),
        recipe.learning_rate,
        recipe.betas,
        weight_decay=recipe.weight_decay,
    )
    checkpoint = directory / "training.safetensors"
    average = {name: value.detach().clone() for name, value in parameters.items()}
    done = load_training(checkpoint, parameters, optimizer, average)
    fixed = table
    if embed is None and table is None:
        fixed = model.condition(data.prompts)
    dropped = _set_dropout(model.network, recipe)
    if dropped and execution.threads > 1:
        raise UsageError("With dropout a batch is not computed side by side: set 1 thread.")

    def learn(part: _Part) -> Tensor:
        """Add the gradients of one piece to the parameters' own; returns its part of the loss."""
        given = embed() if embed is not None else fixed
        with execution.casting(model.device):
            piece = _loss(model, data, part, given, teach) * part.share
        piece.backward()
        return piece.detach()

    if execution.checkpointing:
        model.network.enable_gradient_checkpointing()  # type: ignore[operator]
    pieces = max(execution.accumulate, execution.threads)
    with folded(model.network) if execution.folded else nullcontext() as fold:
        for step in range(done, recipe.steps):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(recipe, step)
            optimizer.zero_grad(set_to_none=True)
            if fold is not None:
                fold.fold()
            parts = list(_parts(model, data, recipe, step, pieces, kept))
            loss = torch.zeros((), device=model.device)
            with (
                torch.random.fork_rng(enabled=bool(dropped)),
                side_by_side(execution.threads) as each,
            ):
                if dropped:  # dropout knows only the global generator
                    torch.manual_seed(recipe.seed * 1_000_003 + step)
                if not len(parts[0].chances.rows):
                    for parameter in parameters.values():
                        parameter.grad = torch.zeros_like(parameter)
                else:
                    loss = torch.stack(list(each(learn, parts))).sum()
            if fold is not None:
                fold.hand_on()
            nn.utils.clip_grad_norm_(parameters.values(), 1.0)
            optimizer.step()
            if recipe.ema:
                follow(average, parameters, min(recipe.ema, (1 + step) / (10 + step)))
            # what the caller keeps of this step is there before the step counts as done
            yield Progress(directory.name, step + 1, recipe.steps, f"loss {loss.item():.4f}")
            if (step + 1) % recipe.checkpoint_every == 0 or step + 1 == recipe.steps:
                moving = average if recipe.ema else None
                save_training(checkpoint, parameters, optimizer, step + 1, moving)
    if recipe.ema:
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(average[name])
    for parameter in parameters.values():
        parameter.requires_grad_(False)
    for module, share in dropped.items():
        module.p = share
    if execution.checkpointing:
        model.network.disable_gradient_checkpointing()  # type: ignore[operator]
    model.network.eval()


@contextmanager
def side_by_side(threads: int) -> Iterator[Callable[..., Iterable[Tensor]]]:
    """A `map` over pieces: one after the other, or each in a thread on its share of the cores."""
    if threads == 1:
        yield map
        return
    cores = torch.get_num_threads()
    torch.set_num_threads(max(1, cores // threads))
    try:
        with ThreadPoolExecutor(threads) as pool:
            yield pool.map
    finally:
        torch.set_num_threads(cores)


def _set_dropout(network: nn.Module, recipe: Recipe) -> dict[nn.Dropout, float]:
    """Give every dropout the recipe's share; returns what they had."""
    before = {}
    for name, module in network.named_modules():
        named = recipe.dropout_in in name and recipe.dropout_not not in name
        if isinstance(module, nn.Dropout) and recipe.dropout > 0 and named:
            before[module] = module.p
            module.p = recipe.dropout
    return before


def learning_rate(recipe: Recipe, step: int) -> float:
    """The recipe's learning rate at step `step`, from 0."""
    return cosine(step, recipe.steps, recipe.learning_rate, recipe.warmup, recipe.floor)


@dataclass(frozen=True, kw_only=True, eq=False)
class Draw:
    """One step's random choices: `rows [b]` of the set, `times [b]`, `noise [b, ...]`, what is
    blanked and what is mirrored `[b]`, and `posterior [b, ...]`, the noise of sampled latents."""

    rows: Tensor
    times: Tensor
    noise: Tensor
    blank: Tensor
    mirrored: Tensor
    posterior: Tensor | None

    def of(self, own: Tensor | slice) -> Draw:
        """The chances of some of its rows; `own` is a mask `[b]` or a slice."""
        return Draw(
            rows=self.rows[own],
            times=self.times[own],
            noise=self.noise[own],
            blank=self.blank[own],
            mirrored=self.mirrored[own],
            posterior=None if self.posterior is None else self.posterior[own],
        )


def draw(recipe: Recipe, step: int, works: int, shape: Sequence[int], length: int) -> Draw:
    """From (seed, step) alone, so that a resumed run makes the same random choices."""
    generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + step)
    if recipe.order == "drawn":
        rows = torch.randint(works, (recipe.batch_size,), generator=generator)
    else:
        rows = _of_epoch(recipe, step, works)
    count = len(rows)
    if recipe.times == "stratified":
        # One timestep per stratum: the same uniform law, a far less noisy loss.
        offsets = (torch.arange(count) + torch.rand(count, generator=generator)) / count
        times = (offsets * length).long().clamp_max(length - 1)
    else:
        times = torch.randint(length, (count,), generator=generator)
    noise = torch.randn((count, *shape), generator=generator)
    blank = torch.rand(count, generator=generator) < recipe.prompt_dropout
    mirrored = torch.zeros(count, dtype=torch.bool)
    if recipe.flip:
        mirrored = torch.rand(count, generator=generator) < 0.5
    posterior = None
    if recipe.sampled:
        posterior = torch.randn((count, *shape), generator=generator)
    return Draw(
        rows=rows, times=times, noise=noise, blank=blank, mirrored=mirrored, posterior=posterior
    )


def _of_epoch(recipe: Recipe, step: int, works: int) -> Tensor:
    batches = -(-works // recipe.batch_size)
    epoch, batch = divmod(step, batches)
    generator = torch.Generator().manual_seed(recipe.seed * 7_368_787 + epoch)
    order = torch.randperm(works, generator=generator)
    return order[batch * recipe.batch_size : (batch + 1) * recipe.batch_size]


def chosen(
    data: TrainingSet, rows: Tensor, mirrored: Tensor, posterior: Tensor | None = None
) -> Tensor:
    """Latents `[b, ...]` of these rows, mirrored where chosen, sampled where there is a spread."""
    latents = data.latents[rows]
    if posterior is not None and data.spread is not None:
        latents = latents + data.spread[rows] * posterior
    if mirrored.any():
        turned = latents.flip(-1)
        if data.mirrored is not None:
            turned = chosen(data.mirrored, rows, torch.zeros_like(mirrored), posterior)
        latents = torch.where(mirrored.reshape(-1, 1, 1, 1), turned, latents)
    return latents


@dataclass(frozen=True, eq=False)
class _Part:
    """A piece of one step's batch, and its share of the whole."""

    chances: Draw
    share: float


def _parts(
    model: DiffusionModel,
    data: TrainingSet,
    recipe: Recipe,
    step: int,
    count: int,
    kept: Tensor | None,
) -> Iterator[_Part]:
    """One step's random choices in `count` pieces: made for the whole, so they are the same."""
    chances = draw(recipe, step, len(data.latents), data.latents.shape[1:], model.schedule.length)
    if kept is not None:
        chances = chances.of(kept[chances.rows])
    whole = len(chances.rows)
    if not whole:
        yield _Part(chances, 0.0)
        return
    size = -(-whole // count)
    for start in range(0, whole, size):
        part = chances.of(slice(start, start + size))
        yield _Part(part, len(part.rows) / whole)


def _loss(
    model: DiffusionModel,
    data: TrainingSet,
    part: _Part,
    table: Conditioning | None,
    teach: Teach | None,
) -> Tensor:
    """The mean loss of one piece of a batch."""
    chances = part.chances
    latents = chosen(data, chances.rows, chances.mirrored, chances.posterior)
    prompts = torch.where(chances.blank, 0, data.prompt_of[chances.rows])
    latents, noise = latents.to(model.device), chances.noise.to(model.device)
    conditioning = None if table is None else table[prompts].to(model.device)
    times = chances.times.to(model.device)
    noisy = model.schedule.add_noise(latents, noise, times)
    target = model.schedule.target(latents, noise, times)
    if teach is not None:
        target = teach(chances.rows, noisy, times, conditioning, target)
    answer = model.predict(noisy, times, conditioning)
    return functional.mse_loss(answer.to(target.dtype), target)
