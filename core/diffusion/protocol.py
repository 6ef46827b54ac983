"""The single seam between a diffusion model and everything that studies it.

A pixel DDPM and a pipeline with a LoRA both answer these calls; attribution, training and
sampling know nothing else about a model. `FunctionalModel` runs a call with other parameters, as
`torch.func` needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call

from core.diffusion.conditioning import Conditioning
from core.diffusion.schedule import Schedule


class DiffusionModel(Protocol):
    """Letters: b batch, c channels, h x w pixels, h' x w' latent pixels, s tokens, d width."""

    name: str
    device: torch.device
    image_size: int
    latent_shape: tuple[int, int, int]
    schedule: Schedule
    network: nn.Module

    @property
    def digest(self) -> str:
        """sha256 over everything that changes a number: weights, LoRA, schedule."""
        ...

    def encode(self, images: Tensor) -> Tensor:
        """Images `[b, 3, h, w]` in [-1, 1] -> latents `[b, c, h', w']`, deterministic."""
        ...

    def decode(self, latents: Tensor) -> Tensor:
        """Latents `[b, c, h', w']` -> images `[b, 3, h, w]` in [-1, 1]."""
        ...

    def condition(self, prompts: Sequence[str]) -> Conditioning | None:
        """Prompts -> what the network reads of them, `[b, ...]`; None where nothing conditions."""
        ...

    def predict(
        self, noisy: Tensor, timesteps: Tensor, conditioning: Conditioning | None
    ) -> Tensor:
        """The network's own answer (eps, v or a velocity: what `schedule.target` is)."""
        ...

    def predict_noise(
        self, noisy: Tensor, timesteps: Tensor, conditioning: Conditioning | None
    ) -> Tensor:
        """eps_theta(x_t, t): `[b, c, h', w']`, whatever the network predicts."""
        return self.schedule.to_noise(
            self.predict(noisy, timesteps, conditioning), noisy, timesteps
        )

    def attributed_parameters(self) -> dict[str, nn.Parameter]:
        """Ordered; names as in `network.named_parameters()`. Of a pipeline its LoRA only."""
        ...


Call = Callable[[Tensor, Tensor, Conditioning | None], Tensor]


class _Called(nn.Module):
    def __init__(self, network: nn.Module, call: Call) -> None:
        super().__init__()
        self.network = network
        self.call = call

    def forward(self, noisy: Tensor, times: Tensor, conditioning: Conditioning | None) -> Tensor:
        return self.call(noisy, times, conditioning)


class FunctionalModel:
    """A model's call as a function of its parameters, for `torch.func`.

    `call` is one of the model's own: `predict` or `predict_noise`.
    """

    def __init__(self, model: DiffusionModel, call: Call) -> None:
        self._called = _Called(model.network, call)

    def __call__(
        self,
        parameters: Mapping[str, Tensor],
        noisy: Tensor,
        times: Tensor,
        conditioning: Conditioning | None,
    ) -> Tensor:
        """The call's answer with these parameters (named as in the network) in place of its own."""
        named = {f"network.{name}": value for name, value in parameters.items()}
        answer: Tensor = functional_call(self._called, named, (noisy, times, conditioning))
        return answer


@contextmanager
def requiring_grad(parameters: Iterable[nn.Parameter], required: bool) -> Iterator[None]:
    """Set `requires_grad` of these parameters; afterwards each has the value it had before."""
    before = [(parameter, parameter.requires_grad) for parameter in parameters]
    try:
        for parameter, _ in before:
            parameter.requires_grad_(required)
        yield
    finally:
        for parameter, earlier in before:
            parameter.requires_grad_(earlier)
