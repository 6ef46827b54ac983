"""EK-FAC: gradients divided by the root of the curvature, in the eigenbasis of Kronecker factors.

In: a model, an objective, the works' examples. Out: the map g -> (F + delta I)^(-1/2) g, so that an
inner product of two mapped gradients is the influence g' (F + delta I)^-1 h (George et al. 2018;
of diffusion models, Mlodozeniec et al. 2025). Knows no projection, no store and no method.

F is the mean of g g' over rows (a work at a timestep with a noise), g the gradient of that row's
objective, kept block by block. Of a Linear layer, with a `[i]` its input (a 1 is appended where its
bias is attributed) and s `[o]` the objective's gradient by its output, both over all positions:

    E[a a'] = U_A diag(.) U_A',   E[s s'] = U_S diag(.) U_S',   Lambda = E[(U_S' G U_A)^2] `[o, i]`,

and the block is (U_S x U_A) diag(Lambda) (U_S x U_A)'. Of any other parameter (norms, convolutions)
the block is diagonal: Lambda = E[g^2]. delta is `DAMPING` times the mean of a block's own Lambda.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from core.attribution.features.gradients import (
    Examples,
    backward_through,
    by_rows,
    gradients_by_rows,
    linear_layers,
)
from core.attribution.features.objectives import Objective
from core.diffusion.protocol import DiffusionModel
from core.errors import UsageError

DAMPING = 0.1  # of the mean eigenvalue of a block: the usual one (Grosse et al. 2023)


@dataclass(frozen=True, eq=False)
class Basis:
    """A Linear layer's eigenvectors, as columns: `inputs [i, i]`, `outputs [o, o]`, float64.

    `biased`: the last input is the 1 that stands for the attributed bias.
    """

    inputs: Tensor
    outputs: Tensor
    biased: bool

    def rotated(self, gradient: Tensor) -> Tensor:
        """U_S' G U_A of `[b, o, i]`."""
        return self.outputs.to(gradient).T @ gradient @ self.inputs.to(gradient)


def in_eigenbasis(bases: Mapping[str, Basis], gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Block -> `[b, ...]`: of a Linear layer, under its own name, U_S' G U_A with the bias as the
    last column of G; every other parameter as it is."""
    blocks = {}
    for name, gradient in gradients.items():
        layer, _, kind = name.rpartition(".")
        if layer not in bases:
            blocks[name] = gradient
        elif kind == "weight":
            columns = [gradient]
            if bases[layer].biased:
                columns.append(gradients[f"{layer}.bias"][..., None])
            blocks[layer] = bases[layer].rotated(torch.cat(columns, dim=-1))
    return blocks


@dataclass(frozen=True, eq=False)
class EkFac:
    """The fitted map. `bases`: layer -> its eigenvectors; `eigenvalues`: block -> Lambda."""

    bases: Mapping[str, Basis]
    eigenvalues: Mapping[str, Tensor]

    @cached_property
    def scales(self) -> dict[str, Tensor]:
        """(Lambda + delta)^(-1/2) per block; 0 where nothing ever had a gradient."""
        scales = {}
        for name, values in self.eigenvalues.items():
            damped = values + DAMPING * values.mean()
            scales[name] = torch.where(damped > 0, damped.rsqrt(), torch.zeros_like(damped))
        return scales

    def mapped(self, gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """(F + delta I)^(-1/2) g of `name -> [b, *shape]`, in the same names and shapes.

        A Linear layer's numbers stay along its eigenvectors: turning them back would change no
        inner product.
        """
        mapped = dict(gradients)
        for name, block in in_eigenbasis(self.bases, gradients).items():
            scaled = block * self.scales[name].to(block)
            if name not in self.bases:
                mapped[name] = scaled
            elif self.bases[name].biased:
                mapped[f"{name}.weight"] = scaled[..., :-1]
                mapped[f"{name}.bias"] = scaled[..., -1]
            else:
                mapped[f"{name}.weight"] = scaled
        return mapped


class EkFacFit:
    """The works' statistics: `add_factors` of all, then `add_squares` of all, then `fitted`.

    One pass per work for the factors, and one per row for the squares. Sums are float64.
    """

    def __init__(self, model: DiffusionModel, objective: Objective, path: str = "auto") -> None:
        self.model = model
        self.objective = objective
        self.path = path
        attributed = model.attributed_parameters()
        self.layers = {
            name: layer
            for name, layer in linear_layers(model).items()
            if f"{name}.weight" in attributed
        }
        self._biased = {name for name in self.layers if f"{name}.bias" in attributed}
        self._factors: dict[str, tuple[Tensor, Tensor]] = {}
        self._squares: dict[str, Tensor] = {}
        self._rows = 0

    def add_factors(self, examples: Examples, rows: int) -> None:
        """Adds a a' `[i, i]` and s s' `[o, o]` of every Linear layer, so many rows at once. Their
        scale plays no part: only the eigenvectors are kept."""
        for part in by_rows(examples, rows):
            backward_through(self.model, self.objective, part, self.layers, self._receive)

    def _receive(self, name: str, entered: Tensor, flowing: Tensor) -> None:
        inputs, outputs = entered.flatten(0, -2), flowing.flatten(0, -2)
        if name in self._biased:
            inputs = torch.cat([inputs, inputs.new_ones(len(inputs), 1)], dim=1)
        products = [(rows.T @ rows).double() for rows in (inputs, outputs)]
        before = self._factors.get(name)
        if before is not None:
            products = [old + new for old, new in zip(before, products, strict=True)]
        self._factors[name] = (products[0], products[1])

    @cached_property
    def bases(self) -> dict[str, Basis]:
        """Of the factors added before the first call."""
        bases = {}
        for name, factors in self._factors.items():
            inputs, outputs = (torch.linalg.eigh(factor)[1] for factor in factors)
            bases[name] = Basis(inputs, outputs, name in self._biased)
        return bases

    def add_squares(self, examples: Examples) -> None:
        """Adds every row's squared gradient, in the eigenbasis of the factors."""
        for piece in gradients_by_rows(self.model, self.objective, examples, self.path):
            self._rows += len(piece.row_losses)
            for name, block in in_eigenbasis(self.bases, piece.by_parameter).items():
                total = block.double().square().sum(0)
                self._squares[name] = self._squares.get(name, torch.zeros_like(total)) + total

    def fitted(self) -> EkFac:
        """Raises `UsageError` where no squares were added."""
        if not self._rows:
            raise UsageError("EK-FAC was fitted to no works: add factors and squares of some.")
        means = {name: total / self._rows for name, total in self._squares.items()}
        return EkFac(self.bases, means)
