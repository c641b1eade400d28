"""The benchmarks on which recurrent learning was argued, each with its published criterion."""

from .adding import Adding as Adding
from .counting import CountingLanguage as CountingLanguage
from .language import Language as Language
from .parity import Parity as Parity
from .phonemes import Phonemes as Phonemes
from .reber import EmbeddedReber as EmbeddedReber
from .temporal_order import TemporalOrder as TemporalOrder
from .whole import WholeTrials as WholeTrials
