"""The public names, for the package itself and for type checkers."""

from . import analysis as analysis
from . import models as models
from . import plots as plots
from . import samplers as samplers
from . import tasks as tasks
from . import testing as testing
from . import training as training
from .analysis import *
from .errors import ArtifactError as ArtifactError
from .errors import ContractError as ContractError
from .errors import DynakitError as DynakitError
from .errors import DynakitWarning as DynakitWarning
from .errors import InputError as InputError
from .errors import Interrupted as Interrupted
from .errors import NumericalError as NumericalError
from .errors import ResourceError as ResourceError
from .orbits import Orbit as Orbit
from .pipeline import analyze as analyze
from .pipeline import load as load
from .report import Report as Report
from .results import History as History
from .systems import ClosedLoop as ClosedLoop
from .systems import Driven as Driven
from .systems import Flow as Flow
from .systems import Form as Form
from .systems import FunctionSystem as FunctionSystem
from .systems import Iterated as Iterated
from .systems import Recording as Recording
from .systems import System as System
from .systems import as_flow as as_flow
from .systems import as_system as as_system
from .systems import catalog as catalog
from .systems import record as record
from .training import train as train
from .training import train_together as train_together
from .version import __version__ as __version__
