"""Per-example gradients of the mean objective over K timesteps; two ways, one answer.

The gradient is linear, so the K timesteps stand in the batch and their mean is differentiated
once; where each is brought to length one before, they go one by one. `hooks`: for Linear layers
(all of a LoRA), from layer inputs and output gradients of one ordinary backward; where an adapter
changes a layer's weight (LoHa, LoKr, DoRA), by the chain rule from there. `functional`:
`vmap(grad)`, for any layer; of one example, plain `grad`. Knows no projection and no store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.func import grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.hooks import RemovableHandle

from core.attribution.features.objectives import Objective
from core.diffusion.conditioning import Conditioning
from core.diffusion.protocol import Call, DiffusionModel, FunctionalModel, requiring_grad
from core.diffusion.weight_changes import PARAMETRIZED, WeightChange, changed_layers, pulled_back
from core.errors import ModelError, UsageError

PATHS = ("auto", "hooks", "functional")


@dataclass(frozen=True, eq=False)
class Examples:
    """`latents [b, c, h, w]`, `noise [b, r, c, h, w]`, `timesteps [r]`, `conditioning [b, ...]`.

    r = K x draws rows per example; conditioning may be None. `of_answer`: the objective is taken of
    the network's own answer (see `objectives.ANSWER`), not of the noise that it stands for.
    """

    latents: Tensor
    noise: Tensor
    timesteps: Tensor
    conditioning: Conditioning | None
    of_answer: bool = False


@dataclass(frozen=True, eq=False)
class Gradients:
    """`by_parameter`: name -> `[b, *shape]`; `row_losses [b, r]`: L_Simple of the same rows."""

    by_parameter: dict[str, Tensor]
    row_losses: Tensor

    @property
    def losses(self) -> Tensor:
        """Their mean, `[b]`."""
        return self.row_losses.mean(1)


def per_example_gradients(
    model: DiffusionModel,
    objective: Objective,
    examples: Examples,
    path: str = "auto",
    rows: int | None = None,
    *,
    normalised: bool = False,
) -> Gradients:
    """grad_theta (1/r) sum_rows f(eps_theta(x_t, t), eps), one per example.

    `rows`: at most so many of the r rows of an example at once, to spare memory; None: all.
    `normalised`: (1/r) sum_rows g_row / |g_row| instead, |.| over all parameters, at the cost of a
    pass per row, so that no timestep's scale decides. A gradient of zero stays zero. Raises
    `UsageError` for an unknown path, `ModelError` where hooks cannot reach a parameter.
    """
    if path not in PATHS:
        raise UsageError(f"There is no gradient path '{path}'. Choose: {', '.join(PATHS)}.")
    count = examples.timesteps.shape[0]
    together = count if rows is None else min(rows, count)
    if normalised:
        together = 1
    elif together == count:
        return _at_once(model, objective, examples, path)
    total: dict[str, Tensor] = {}
    losses = []
    for piece in gradients_by_rows(model, objective, examples, path, together):
        share = piece.row_losses.shape[1] / count
        losses.append(piece.row_losses)
        factors = share * _inverse_lengths(piece) if normalised else None
        for name, value in piece.by_parameter.items():
            value.mul_(share if factors is None else factors.reshape(-1, *[1] * (value.ndim - 1)))
            total[name] = total[name].add_(value) if name in total else value
    return Gradients(total, torch.cat(losses, dim=1))


def gradients_by_rows(
    model: DiffusionModel,
    objective: Objective,
    examples: Examples,
    path: str = "auto",
    rows: int = 1,
) -> Iterator[Gradients]:
    """Of so many rows of every example at a time, the mean over them; a pass each."""
    for part in by_rows(examples, rows):
        yield _at_once(model, objective, part, path)


def by_rows(examples: Examples, rows: int) -> Iterator[Examples]:
    """So many rows of every example at a time."""
    for start in range(0, examples.timesteps.shape[0], rows):
        part = slice(start, start + rows)
        yield replace(examples, noise=examples.noise[:, part], timesteps=examples.timesteps[part])


def _inverse_lengths(gradients: Gradients) -> Tensor:
    """1 / |g| over all parameters, 0 where g is zero, `[b]`."""
    by_parameter = [
        torch.linalg.vector_norm(value.flatten(1), dim=1)
        for value in gradients.by_parameter.values()
    ]
    lengths = torch.linalg.vector_norm(torch.stack(by_parameter), dim=0)
    return torch.where(lengths > 0, 1.0 / lengths, torch.zeros_like(lengths))


def _at_once(
    model: DiffusionModel, objective: Objective, examples: Examples, path: str
) -> Gradients:
    layers = linear_layers(model)
    if path == "auto":
        path = "hooks" if not _out_of_reach(model, layers) else "functional"
    if path == "functional":
        # one example needs no vmap: its mean objective is one ordinary backward, and faster
        if len(examples.latents) == 1:
            return _by_backward(model, objective, examples)
        if examples.conditioning is not None and examples.conditioning.lengths is not None:
            return _one_by_one(model, objective, examples)
        return _by_functional(model, objective, examples)
    return _by_hooks(model, objective, examples, layers)


def linear_layers(model: DiffusionModel) -> dict[str, nn.Linear]:
    """The Linear layers that hold attributed parameters, by name, and those whose weight such
    parameters change."""
    names = {name.rpartition(".")[0] for name in model.attributed_parameters()}
    modules = ((name, model.network.get_submodule(name)) for name in names)
    layers = {name: layer for name, layer in modules if isinstance(layer, nn.Linear)}
    return layers | {name: layer for name, (layer, _) in _changed(model).items()}


def _changed(model: DiffusionModel) -> dict[str, tuple[nn.Linear, WeightChange]]:
    """The Linear layers whose weight attributed parameters change."""
    if not any(PARAMETRIZED in name for name in model.attributed_parameters()):
        return {}
    there = changed_layers(model.network).items()
    return {name: (one, change) for name, (one, change) in there if isinstance(one, nn.Linear)}


def _out_of_reach(model: DiffusionModel, layers: dict[str, nn.Linear]) -> list[str]:
    return [
        name
        for name in model.attributed_parameters()
        if name.rpartition(".")[0] not in layers and name.partition(PARAMETRIZED)[0] not in layers
    ]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Rows:
    """Rows of examples, example-major: all `[b * r, ...]`."""

    latents: Tensor
    noise: Tensor
    times: Tensor
    conditioning: Conditioning | None
    of_answer: bool

    @classmethod
    def of(cls, examples: Examples) -> _Rows:
        count = examples.timesteps.shape[0]
        conditioning = examples.conditioning
        return cls(
            latents=examples.latents.repeat_interleave(count, 0),
            noise=examples.noise.flatten(0, 1),
            times=examples.timesteps.repeat(examples.latents.shape[0]),
            conditioning=None if conditioning is None else conditioning.repeat_interleave(count),
            of_answer=examples.of_answer,
        )

    def values(
        self, model: DiffusionModel, call: Call, objective: Objective
    ) -> tuple[Tensor, Tensor]:
        """f and, without a gradient, L_Simple of each row, `[b * r]`; `call` is the model's
        `predict`, maybe with other parameters."""
        schedule = model.schedule
        noisy = schedule.add_noise(self.latents, self.noise, self.times)
        answer = call(noisy, self.times, self.conditioning)
        predicted = schedule.to_noise(answer, noisy, self.times)
        if self.of_answer:
            target = schedule.target(self.latents, self.noise, self.times)
            value = objective(answer, target, self.times, schedule)
        else:
            value = objective(predicted, self.noise, self.times, schedule)
        return value, (predicted.detach() - self.noise).flatten(1).square().mean(1)


def _by_hooks(
    model: DiffusionModel,
    objective: Objective,
    examples: Examples,
    layers: dict[str, nn.Linear],
) -> Gradients:
    unreachable = _out_of_reach(model, layers)
    if unreachable:
        raise ModelError(
            f"Hooks reach only Linear layers, and '{unreachable[0]}' belongs to another kind. "
            "Use the functional path for this model."
        )
    parameters = model.attributed_parameters()
    changed, names = _changed(model), {id(value): name for name, value in parameters.items()}
    count = examples.latents.shape[0]
    gradients: dict[str, Tensor] = {}

    def add(key: str, value: Tensor) -> None:
        gradients[key] = gradients[key] + value if key in gradients else value

    def receive(name: str, entered: Tensor, flowing: Tensor) -> None:
        flowing = flowing.reshape(count, -1, flowing.shape[-1])
        if name in changed:
            layer, change = changed[name]
            arrived = entered.reshape(count, -1, entered.shape[-1])
            by_weight = (out.T @ given for out, given in zip(flowing, arrived, strict=True))
            own = {short: names[id(value)] for short, value in change.named_parameters()}
            for short, value in pulled_back(layer, change, by_weight).items():
                add(own[short], value)
        if f"{name}.weight" in parameters:
            arrived = entered.reshape(count, -1, entered.shape[-1])
            add(f"{name}.weight", torch.einsum("bto,bti->boi", flowing, arrived))
        if f"{name}.bias" in parameters:
            add(f"{name}.bias", flowing.sum(1))

    rows = examples.timesteps.shape[0]
    losses = backward_through(model, objective, examples, layers, receive, over=rows)
    return Gradients({name: gradients[name] for name in parameters}, losses)


def backward_through(
    model: DiffusionModel,
    objective: Objective,
    examples: Examples,
    layers: dict[str, nn.Linear],
    receive: Callable[[str, Tensor, Tensor], None],
    *,
    over: int = 1,
) -> Tensor:
    """One backward of the sum of f / `over` over all rows; whatever a layer's call was given and
    what flows back into it goes to `receive(layer, entered [b r, ..., i], flowing [b r, ..., o])`.

    Returns each row's L_Simple, `[b, r]`.
    """
    handles: list[RemovableHandle] = []
    try:
        for name, layer in layers.items():
            handles.append(layer.register_forward_hook(_watch(name, layer, receive)))
        # only the layers' outputs are differentiated: no work is done twice
        with (
            requiring_grad(model.attributed_parameters().values(), False),
            torch.enable_grad(),
        ):
            values, losses = _Rows.of(examples).values(model, model.predict, objective)
            (values.sum() / over).backward()
    finally:
        for handle in handles:
            handle.remove()
    return losses.reshape(examples.latents.shape[0], -1)


def _watch(
    name: str, layer: nn.Linear, receive: Callable[[str, Tensor, Tensor], None]
) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    """A forward hook that hands on this call's input and output gradient, in full precision."""
    own = next(layer.parameters())  # of the weight, whatever changes it
    precision = torch.float64 if own.dtype == torch.float64 else torch.float32

    def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        entered = inputs[0].detach()
        if not output.requires_grad:
            output.requires_grad_(True)

        def flow(gradient: Tensor) -> None:
            receive(name, entered.to(precision), gradient.to(precision))

        output.register_hook(flow)

    return hook


def _by_backward(model: DiffusionModel, objective: Objective, examples: Examples) -> Gradients:
    parameters = model.attributed_parameters()
    with requiring_grad(parameters.values(), True), torch.enable_grad():
        values, losses = _Rows.of(examples).values(model, model.predict, objective)
        gradients = torch.autograd.grad(
            values.mean(), list(parameters.values()), allow_unused=True, materialize_grads=True
        )
    named = zip(parameters, gradients, strict=True)
    return Gradients({name: value.detach()[None] for name, value in named}, losses[None])


def _one_by_one(model: DiffusionModel, objective: Objective, examples: Examples) -> Gradients:
    """A backward each: prompts of several lengths are of no one shape, and networks that take them
    write into tensors in place, which `vmap` does not allow."""
    each = []
    for at in range(len(examples.latents)):
        own, given = slice(at, at + 1), examples.conditioning
        one = replace(
            examples,
            latents=examples.latents[own],
            noise=examples.noise[own],
            conditioning=None if given is None else given[own],
        )
        each.append(_by_backward(model, objective, one))
    names = each[0].by_parameter
    stacked = {name: torch.cat([one.by_parameter[name] for one in each]) for name in names}
    return Gradients(stacked, torch.cat([one.row_losses for one in each]))


def _by_functional(model: DiffusionModel, objective: Objective, examples: Examples) -> Gradients:
    functional = FunctionalModel(model, model.predict)
    parameters = {name: value.detach() for name, value in model.attributed_parameters().items()}
    times, conditioning = examples.timesteps, examples.conditioning
    given = () if conditioning is None else conditioning.tensors

    def mean_objective(
        values: dict[str, Tensor], latents: Tensor, noise: Tensor, given: tuple[Tensor, ...]
    ) -> tuple[Tensor, Tensor]:
        each = None
        if conditioning is not None:
            each = conditioning.of([one.expand(len(times), *one.shape) for one in given])
        rows = _Rows(
            latents=latents.expand(times.shape[0], *latents.shape),
            noise=noise,
            times=times,
            conditioning=each,
            of_answer=examples.of_answer,
        )
        value, losses = rows.values(model, partial(functional, values), objective)
        return value.mean(), losses

    # fused attention has no batching rule: under vmap it would run example by example, and say so
    with sdpa_kernel(SDPBackend.MATH):
        gradients, losses = vmap(grad(mean_objective, has_aux=True), (None, 0, 0, 0))(
            parameters, examples.latents, examples.noise, given
        )
    return Gradients({name: value.detach() for name, value in gradients.items()}, losses)


def flatten(gradients: dict[str, Tensor]) -> Tensor:
    """name -> `[b, *shape]`, concatenated in the mapping's order -> `[b, p]`."""
    return torch.cat([value.flatten(1) for value in gradients.values()], dim=1)


def parameter_group(name: str) -> str:
    """The part of the network that a parameter belongs to, from its name's beginning:
    `down_blocks.0`, `mid_block`, `enter`."""
    first, _, rest = name.partition(".")
    number = rest.partition(".")[0]
    return f"{first}.{number}" if number.isdigit() else first


def by_group(gradients: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Group -> all gradients, those of other groups zero; they sum up to what was given."""
    groups = dict.fromkeys(parameter_group(name) for name in gradients)
    return {
        group: {
            name: value if parameter_group(name) == group else torch.zeros_like(value)
            for name, value in gradients.items()
        }
        for group in groups
    }
