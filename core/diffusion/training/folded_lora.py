"""A LoRA multiplied into its layers for the length of a training, for small networks.

A layer with a LoRA is three products per token: W x, A x and B (A x). Where layers are hardly wider
than the rank, one product with W + s B A is cheaper, and the gradient G of that sum gives both
matrices theirs: dA = s B' G, dB = s G A'. In: a network with a peft LoRA. Out: the same gradients,
up to round-off. Of a wide layer G is as large as W: there the LoRA as it is spares memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from peft.tuners.lora import Linear
from torch import Tensor, nn

from core.errors import UsageError


@dataclass(frozen=True, eq=False)
class _Layer:
    """One layer: its two matrices `[r, in]` and `[out, r]`, and the Linear that stands in."""

    down: nn.Parameter
    up: nn.Parameter
    scale: float
    base: Tensor
    whole: nn.Linear


class FoldedLora:
    """The layers of a network while they are folded."""

    def __init__(self, layers: list[_Layer]) -> None:
        self._layers = layers

    @torch.no_grad()
    def fold(self) -> None:
        """Each layer's weight is W + s B A of the matrices as they are now, without a gradient."""
        for one in self._layers:
            torch.addmm(one.base, one.up, one.down, alpha=one.scale, out=one.whole.weight.data)
            one.whole.weight.grad = None

    @torch.no_grad()
    def hand_on(self) -> None:
        """The matrices' gradients, from those of the folded weights."""
        for one in self._layers:
            gradient = one.whole.weight.grad
            if gradient is None:
                continue
            one.down.grad = one.scale * one.up.T @ gradient
            one.up.grad = one.scale * gradient @ one.down.T


@contextmanager
def folded(network: nn.Module) -> Iterator[FoldedLora]:
    """Inside, the network's layers with a LoRA are plain ones; outside, as they were.

    Raises `UsageError` for an adapter that is more than two matrices on a Linear layer, or with
    dropout.
    """
    places: list[tuple[nn.Module, str, nn.Module]] = []
    layers: list[_Layer] = []
    for name, module in network.named_modules():
        if not hasattr(module, "base_layer"):
            continue
        parent, _, last = name.rpartition(".")
        places.append((network.get_submodule(parent), last, module))
        layers.append(_layer(name, module))
    for (parent_module, last, _), layer in zip(places, layers, strict=True):
        setattr(parent_module, last, layer.whole)
    try:
        yield FoldedLora(layers)
    finally:
        for parent_module, last, module in places:
            setattr(parent_module, last, module)


def _layer(name: str, module: Any) -> _Layer:
    plain = isinstance(module, Linear) and isinstance(module.base_layer, nn.Linear)
    if not plain or len(module.active_adapters) != 1:
        raise UsageError(f"The adapter on '{name}' cannot be folded: train it as it is.")
    (adapter,) = module.active_adapters
    dropped = isinstance(module.lora_dropout[adapter], nn.Dropout)
    if dropped or adapter in module.lora_variant or module.lora_bias[adapter]:
        raise UsageError(f"The adapter on '{name}' cannot be folded: train it as it is.")
    base, down = module.base_layer, module.lora_A[adapter].weight
    weight = base.weight.detach().to(down.dtype)  # that of the frozen network may be narrower
    whole = nn.Linear(base.in_features, base.out_features, bias=False)
    whole.weight, whole.bias = nn.Parameter(weight.clone()), base.bias
    return _Layer(
        down=down,
        up=module.lora_B[adapter].weight,
        scale=float(module.scaling[adapter]),
        base=weight,
        whole=whole,
    )
