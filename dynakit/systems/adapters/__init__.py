"""Any model as a system: what is recognised, copied, and compared."""

from .adapters import as_flow, as_system, compared_on
from .recording import Recording, record

__all__ = ["as_flow", "as_system", "compared_on", "record", "Recording"]
