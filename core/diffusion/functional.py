"""A model's call as a module, so that `torch.func` can run it with other parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn
from torch.func import functional_call

from core.diffusion.protocol import DiffusionModel

Call = Callable[[Tensor, Tensor, Tensor | None], Tensor]


class _Called(nn.Module):
    def __init__(self, network: nn.Module, call: Call) -> None:
        super().__init__()
        self.network = network
        self.call = call

    def forward(self, noisy: Tensor, times: Tensor, conditioning: Tensor | None) -> Tensor:
        return self.call(noisy, times, conditioning)


class Swappable:
    """`call` is one of the model's own: `predict` or `predict_noise`."""

    def __init__(self, model: DiffusionModel, call: Call) -> None:
        self._called = _Called(model.network, call)

    def __call__(
        self,
        parameters: Mapping[str, Tensor],
        noisy: Tensor,
        times: Tensor,
        conditioning: Tensor | None,
    ) -> Tensor:
        """The call's answer with these parameters (named as in the network) in place of its own."""
        named = {f"network.{name}": value for name, value in parameters.items()}
        answer: Tensor = functional_call(self._called, named, (noisy, times, conditioning))
        return answer
