"""A model's call as a module, so that `torch.func` can run it with other parameters; and which of
its parameters ask for gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

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


@contextmanager
def requiring_grad(parameters: Iterable[nn.Parameter], required: bool) -> Iterator[None]:
    """These parameters ask for gradients, or do not; afterwards each does as it did before."""
    before = [(parameter, parameter.requires_grad) for parameter in parameters]
    try:
        for parameter, _ in before:
            parameter.requires_grad_(required)
        yield
    finally:
        for parameter, asked in before:
            parameter.requires_grad_(asked)
