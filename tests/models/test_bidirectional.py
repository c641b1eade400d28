"""Networks that hear a sequence from both ends, over trials of unequal length."""

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.testing import assert_close

from dynakit.models import BidirectionalElman, BidirectionalLSTM

LENGTHS = torch.tensor([11, 1, 5, 3, 11, 2, 9])


@pytest.mark.parametrize("kind", [BidirectionalLSTM, BidirectionalElman])
def test_trials_of_unequal_length_run_as_torchs_packed_sequences_do(kind):
    model = kind(3, 5, 2).double()
    inputs = torch.randn(
        7, 11, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True
    )
    packed, _ = model.rnn(pack_padded_sequence(inputs, LENGTHS, batch_first=True, enforce_sorted=False))
    known, _ = pad_packed_sequence(packed, batch_first=True, total_length=11)
    before = torch.get_rng_state()
    run = model(inputs, lengths=LENGTHS)
    assert torch.equal(torch.get_rng_state(), before)
    assert_close(run.states, known, rtol=0, atol=1e-14)
    assert_close(run.outputs, model.readout(known), rtol=0, atol=1e-14)
    weights = [inputs, *model.rnn.parameters()]
    ours, theirs = (
        torch.autograd.grad((s * torch.linspace(-1, 2, 10)).sum(), weights) for s in (run.states, known)
    )
    for a, b in zip(ours, theirs, strict=True):
        assert_close(a, b, rtol=0, atol=1e-12)


def test_what_stands_beyond_the_ends_of_trials_is_not_heard():
    model = BidirectionalLSTM(3, 5, 2)
    inputs = torch.randn(7, 11, 3, generator=torch.Generator().manual_seed(0))
    beyond = torch.arange(11) >= LENGTHS[:, None]
    run = model(inputs.masked_fill(beyond[..., None], torch.nan), lengths=LENGTHS)
    assert_close(run.states, model(inputs, lengths=LENGTHS).states, rtol=0, atol=0)
    run.outputs[~beyond].sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())
