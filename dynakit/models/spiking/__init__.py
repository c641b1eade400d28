"""Spiking layers, their surrogate derivatives, and the way from rates to spikes."""

from .conversion import SpikingRNN, to_spiking
from .nir import to_nir
from .nir_import import from_nir
from .spiking import LIF, SpikingNetwork
from .surrogate import SURROGATES, spike

__all__ = ["LIF", "from_nir", "spike", "SpikingNetwork", "SpikingRNN", "SURROGATES", "to_nir", "to_spiking"]
