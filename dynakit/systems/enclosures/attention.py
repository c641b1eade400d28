"""Attention over a fixed number of slots: products of jets and a softmax."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .arithmetic import add, mul
from .constants import Unsupported
from .contractions import linear, matmul
from .jets import Jet, operation
from .masks import where
from .norms import softmax


@operation("scaled_dot_product_attention")
def attended(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Jet:
    """softmax(q k' / sqrt(d)) v."""
    return _weighed(query, key, value, _mask(query, key, attn_mask, is_causal), dropout_p, scale, enable_gqa)[
        0
    ]


def _mask(query: Any, key: Any, mask: Any, is_causal: bool) -> Any:
    if not is_causal:
        return mask
    return torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool, device=query.device).tril()


def _weighed(
    query: Any, key: Any, value: Any, mask: Any, dropout_p: float, scale: float | None, grouped: bool
) -> tuple[Jet, Jet]:
    """What is attended to, and the weights."""
    if dropout_p or grouped:
        raise Unsupported("attention with dropout or groups of heads has no enclosure")
    scores = matmul(query, key.transpose(-2, -1))
    scores = mul(scores, 1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if isinstance(mask, Tensor):
        scores = where(mask, scores, -torch.inf) if mask.dtype == torch.bool else add(scores, mask)
    weights = softmax(scores, -1)
    return matmul(weights, value), weights


@operation("multi_head_attention_forward")
def _multi_head(
    query: Any,
    key: Any,
    value: Any,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Any,
    in_proj_bias: Any,
    bias_k: Any,
    bias_v: Any,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Any,
    out_proj_bias: Any,
    *,
    training: bool = True,
    need_weights: bool = True,
    attn_mask: Any = None,
    is_causal: bool = False,
    average_attn_weights: bool = True,
    **other: Any,
) -> tuple[Jet, Jet | None]:
    """The function behind nn.MultiheadAttention, of (slot, point, unit)."""
    given = [v for name, v in other.items() if name not in ("key_padding_mask", "use_separate_proj_weight")]
    if (
        bias_k is not None
        or add_zero_attn
        or any(v is not None for v in (*given, other.get("key_padding_mask")))
    ):
        raise Unsupported("only attention with one joint projection has an enclosure")
    biases = [None] * 3 if in_proj_bias is None else in_proj_bias.detach().chunk(3)
    weights = in_proj_weight.detach().chunk(3)
    q, k, v = (
        linear(v, W, b).unflatten(-1, (num_heads, -1)).permute(1, 2, 0, 3)
        for v, W, b in zip((query, key, value), weights, biases)
    )
    mask = ~attn_mask if attn_mask is not None and attn_mask.dtype == torch.bool else attn_mask
    seen, looks = _weighed(q, k, v, mask, dropout_p if training else 0.0, None, False)
    out = linear(seen.permute(2, 0, 1, 3).flatten(2), out_proj_weight.detach(), out_proj_bias)
    if not need_weights:
        return out, None
    return out, looks.mean(1) if average_attn_weights else looks
