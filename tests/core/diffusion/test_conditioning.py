"""A conditioning is one value of several tensors: what is done to it is done to each of them."""

from __future__ import annotations

import pytest
import torch

from core.diffusion.conditioning import Conditioning


def made(count: int, *, pooled: bool = True, guidance: bool = True) -> Conditioning:
    generator = torch.Generator().manual_seed(count)
    return Conditioning(
        text=torch.randn(count, 3, 4, generator=generator),
        pooled=torch.randn(count, 5, generator=generator) if pooled else None,
        guidance=torch.rand(count, generator=generator) if guidance else None,
    )


def same(one: Conditioning, other: Conditioning) -> bool:
    return len(one.tensors) == len(other.tensors) and all(
        torch.equal(*pair) for pair in zip(one.tensors, other.tensors, strict=True)
    )


@pytest.mark.parametrize("guidance", [True, False])
@pytest.mark.parametrize("pooled", [True, False])
def test_its_tensors_make_it_again(pooled: bool, guidance: bool) -> None:
    whole = made(4, pooled=pooled, guidance=guidance)
    assert len(whole.tensors) == 1 + pooled + guidance
    again = whole.of(whole.tensors)
    assert same(whole, again)
    assert (again.pooled is None, again.guidance is None) == (not pooled, not guidance)
    with pytest.raises(ValueError, match="argument"):
        whole.of(whole.tensors[:-1])


def test_parts_put_together_are_the_whole() -> None:
    whole = made(4)
    assert same(Conditioning.cat(list(whole)), whole)
    assert same(Conditioning.cat([whole[:1], whole[torch.tensor([1, 2])], whole[[3]]]), whole)


def test_what_is_repeated_stays_beside_itself() -> None:
    whole = made(3)
    twice = whole.repeat_interleave(2)
    assert len(twice) == 6
    assert same(twice[::2], whole) and same(twice[1::2], whole)


def test_precision_is_that_of_every_tensor() -> None:
    assert {one.dtype for one in made(2).to(torch.float64).tensors} == {torch.float64}


def test_prompts_of_several_lengths_stay_of_their_lengths() -> None:
    """Only what pads them changes: nothing that a network reads."""
    long, short = made(1), made(1)
    parts = [
        Conditioning(text=long.text, lengths=(3,)),
        Conditioning(text=short.text[:, :2], lengths=(2,)),
    ]
    whole = Conditioning.cat(parts)
    assert whole.lengths == (3, 2) and whole.text.shape == (2, 3, 4)
    assert not whole.text[1, 2].any()
    assert whole[1:].lengths == (2,) and whole[torch.tensor([1, 0, 1])].lengths == (2, 3, 2)
    assert whole.repeat_interleave(2).lengths == (3, 3, 2, 2)
    assert whole.to(torch.float64).lengths == (3, 2) and len(whole.tensors) == 1
    assert [one.lengths for one in whole] == [(3,), (2,)]
