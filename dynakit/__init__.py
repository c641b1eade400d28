"""Dynamical-systems analysis of trained recurrent networks: what does it compute, and how?

The line: task -> training -> model -> system -> analysis -> plots -> report.  Names are loaded on first use; the stub
beside this file lists them.
"""

from .lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
