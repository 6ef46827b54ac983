"""What an adapter that is not a plain LoRA makes of a layer's weight: LoHa, LoKr, DoRA, a Tucker
core, a whole difference.

In: a layer's weight and the adapter's tensors. Out: the changed weight, by a function of the kind,
put on the layer with torch's own parametrization: the layer stays what it is, the tensors are
parameters like others, and a gradient by the weight becomes one by the tensors. Knows no file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call, vjp
from torch.nn.utils import parametrize

Tensors = Mapping[str, Tensor]
Shape = Sequence[int]
PARAMETRIZED = ".parametrizations."  # stands in the name of every parameter of a change
EPSILON = 1e-7  # under a norm, as LyCORIS does


def low_rank(tensors: Tensors, shape: Shape) -> Tensor:
    """up down (Hu et al. 2021); `down [r, in, ...]`, `up [out, r, ...]`, with a Tucker core
    `mid [r, r, kh, kw]` between them where there is one (LoCon)."""
    up, down = tensors["up"].flatten(1), tensors["down"].flatten(1)
    if "mid" in tensors:
        return torch.einsum("op,pqhw,qi->oihw", up, tensors["mid"], down)
    return (up @ down).reshape(*shape)


def hadamard(tensors: Tensors, shape: Shape) -> Tensor:
    """(w1_a w1_b) * (w2_a w2_b), element by element (LoHa; Hyeon-Woo et al. 2022)."""
    product = [_factored(tensors, number, core="t{}") for number in ("1", "2")]
    return (product[0] * product[1]).reshape(*shape)


def kronecker(tensors: Tensors, shape: Shape) -> Tensor:
    """w1 x w2, either of them whole or of two factors (LoKr; Edalati et al. 2022)."""
    first, second = (
        tensors[f"w{number}"] if f"w{number}" in tensors else _factored(tensors, number, core="t{}")
        for number in ("1", "2")
    )
    first = first.reshape(*first.shape, *[1] * (second.ndim - 2))
    return torch.kron(first, second.contiguous()).reshape(*shape)


def _factored(tensors: Tensors, number: str, core: str) -> Tensor:
    """a b, or with a Tucker core `[r, r, kh, kw]` between `a [r, out]` and `b [r, in]`."""
    a, b = tensors[f"w{number}_a"], tensors[f"w{number}_b"]
    between = tensors.get(core.format(number))
    if between is None:
        return a @ b
    return torch.einsum("pqhw,po,qi->oihw", between, a, b)


def whole(tensors: Tensors, shape: Shape) -> Tensor:
    """The difference itself."""
    return tensors["diff"].reshape(*shape)


KINDS: dict[str, Callable[[Tensors, Shape], Tensor]] = {
    "LoRA": low_rank,
    "LoHa": hadamard,
    "LoKr": kronecker,
    "whole layers": whole,
}


def decomposed(weight: Tensor, magnitude: Tensor) -> Tensor:
    """magnitude W / |W| (DoRA; Liu et al. 2024). The norm is that of each output's row, or of each
    input's column where the magnitude is `[1, in, ...]`, as OneTrainer and older LyCORIS do; what
    peft writes so of a convolution's outputs is made flat where it is read."""
    over = (
        [0, *range(2, weight.ndim)]
        if of_inputs(magnitude, weight.shape)
        else [*range(1, weight.ndim)]
    )
    norm = torch.linalg.vector_norm(weight, dim=over, keepdim=True) + EPSILON
    return weight * (magnitude.reshape(norm.shape) / norm)


def of_inputs(magnitude: Tensor, shape: Shape) -> bool:
    """Whether a magnitude counts the inputs of a weight of this shape, not its outputs."""
    own = tuple(magnitude.shape)
    if len(own) > 1 and own[0] == 1 and magnitude.numel() == shape[1]:
        return own[1] == shape[1]
    return False


class WeightChange(nn.Module):
    """W -> (W + scale change) or, with a `magnitude` among the tensors, its decomposed form.

    `tensors` are parameters, shared with the other layers of which one tensor of the file makes
    parts: `rows` are this layer's among the `outputs` of the whole; None where it is the whole.
    """

    def __init__(
        self,
        kind: str,
        tensors: Mapping[str, nn.Parameter],
        scale: float,
        *,
        rows: Tensor | None = None,
        outputs: int | None = None,
        origin: str = "",
        of_bias: bool = False,
    ) -> None:
        super().__init__()
        self.kind = kind
        self.of_bias = of_bias
        self.origin = origin
        self.outputs = outputs
        self.enabled = True
        for name, value in tensors.items():
            self.register_parameter(name, value)
        self.scale: Tensor
        self.register_buffer("scale", torch.tensor(float(scale)))
        self.rows: Tensor | None
        self.register_buffer("rows", rows)

    def forward(self, weight: Tensor) -> Tensor:
        """The changed weight, in the precision of the given one."""
        if not self.enabled:
            return weight
        precise = torch.promote_types(weight.dtype, torch.float32)
        tensors = {
            name: value.to(precise) for name, value in self._parameters.items() if value is not None
        }
        magnitude = tensors.pop("magnitude", None)
        shape = list(weight.shape)
        if self.outputs is not None:
            shape[0] = self.outputs
        change = KINDS[self.kind](tensors, shape) * self.scale.to(precise)
        if self.rows is not None:
            change = change[self.rows]
        changed = weight.to(precise) + change
        if magnitude is not None:
            if self.rows is not None:
                magnitude = magnitude.flatten()[self.rows]
            changed = decomposed(changed, magnitude)
        return changed.to(weight.dtype)


def put_change(layer: nn.Module, change: WeightChange) -> None:
    """Let the layer's weight (or its bias) be the changed one from now on."""
    of = "bias" if change.of_bias else "weight"
    own = getattr(layer, of)
    change.to(own.device)
    parametrize.register_parametrization(layer, of, change, unsafe=True)


def change_of(layer: nn.Module) -> WeightChange | None:
    """The change that lies on a layer's weight, if any."""
    if not parametrize.is_parametrized(layer, "weight"):
        return None
    change = layer.parametrizations["weight"][0]  # type: ignore[index]
    return change if isinstance(change, WeightChange) else None


def changed_layers(network: nn.Module) -> dict[str, tuple[nn.Module, WeightChange]]:
    """Name -> the layer and the change of its weight."""
    return {
        name: (layer, change)
        for name, layer in network.named_modules()
        if (change := change_of(layer)) is not None
    }


def changes(network: nn.Module) -> Iterator[WeightChange]:
    """Every change, of weights and biases."""
    return (one for one in network.modules() if isinstance(one, WeightChange))


@contextmanager
def without_changes(network: nn.Module) -> Iterator[None]:
    """Inside, every weight is its own."""
    there = list(changes(network))
    for change in there:
        change.enabled = False
    try:
        yield
    finally:
        for change in there:
            change.enabled = True


def pulled_back(
    layer: nn.Module, change: WeightChange, by_weight: Iterator[Tensor]
) -> dict[str, Tensor]:
    """Gradients by the changed weight, an example each -> by its tensors, `[b, *shape]`."""
    original = layer.parametrizations["weight"].original.detach()  # type: ignore[union-attr, index]
    precise = torch.promote_types(original.dtype, torch.float32)
    given = {name: value.detach().to(precise) for name, value in change.named_parameters()}

    def changed(values: dict[str, Tensor]) -> Tensor:
        weight: Tensor = functional_call(change, values, (original.to(precise),))
        return weight

    back = vjp(changed, given)[1]
    columns = [back(gradient.to(precise))[0] for gradient in by_weight]
    return {name: torch.stack([column[name] for column in columns]) for name in given}
