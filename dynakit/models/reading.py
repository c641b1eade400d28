"""Networks of others from one file, whatever wrote it; nothing of a file is ever run."""

from __future__ import annotations

from pathlib import Path

from ..errors import ArtifactError, InputError
from ..surroundings import in_own_surroundings
from .keras import built, chain, opened
from .layered import LayeredNetwork
from .state_dict import ImportedNetwork, from_state_dict

KERAS = (".keras", ".h5", ".hdf5")


@in_own_surroundings
def read(path: str | Path) -> LayeredNetwork | ImportedNetwork:
    """The network in a file of Keras, or in one of torch's, for :func:`dynakit.as_system` and all that takes models.

    ``.keras`` and ``.h5`` (the whole model as Keras, 1 to 3, saves it) give a :class:`LayeredNetwork`: Sequential
    models and functional ones that are a chain, of LSTM, GRU, SimpleRNN, Dense, Embedding (its inputs are one-hot) and
    Activation layers, TimeDistributed or not.  Options that change the map are followed: activations, hard sigmoids by
    the version of Keras, ``reset_after``, ``use_bias``.  Dropout and noise, which are off after training, and masks are
    left out; ``left_out`` and the name of the system say so.  A stateful layer differs in its first state alone,
    :func:`dynakit.record` takes that as ``x0``.  Needs the extra ``keras`` (h5py).  Files of torch
    (``.safetensors``, ``.pt``, ``.pth``, ``.ckpt``) are read as by :func:`from_state_dict`.

    Raises ArtifactError for a file that cannot be read, InputError for a network that is none of these, naming the
    layer; ImportError without h5py.

    >>> network = read("model.keras")  # doctest: +SKIP
    >>> dk.as_system(network)  # doctest: +SKIP
    LSTM and GRU, 2 layers: 3 inputs -> 14 state -> 2 outputs
    """
    if not isinstance(path, (str, Path)):
        raise InputError(f"path must be the path of a file, got {type(path).__name__}")
    path = Path(path)
    where = f"path {path}"
    if path.is_dir():
        raise ArtifactError(f"{where} is a folder: dk.models.load takes one that dk.models.save made")
    if path.suffix.lower() not in KERAS:
        return from_state_dict(path)
    with opened(path) as file:
        entries = chain(file.config, where)
        arrays = [file.arrays(entry) for entry in entries]
        version = file.version
    return built(zip(entries, arrays), version, where)
