"""What others have measured on this stream, and where it was read.

``RAMKUMAR``, ``GRU``: table 2 of Ramkumar (2019) and the mean curves of its figure of accuracies, read off; ten runs.
``CUI``: the runs of Cui, Ahmad and Hawkins (2016), from the curves they published with their code, by the metric of
that table (their streams are drawn anew for each run, and only digits are decoded).
"""

from __future__ import annotations

RAMKUMAR = {  # mean, spread
    "KNN": (0.6391, 0.0212),
    "TDNN": (0.8112, 0.0123),
    "TDSNN": (0.8097, 0.0131),
    "LSTM": (0.8049, 0.0884),
    "CSNN": (0.8250, 0.1194),
    "GRU": (0.7470, 0.0955),  # in the figure, not in the table
}
GRU = {  # of its mean curve: means of the halves, and three accuracies
    "before the exchange": 0.6440,
    "at the exchange": 0.850,
    "lowest after it": 0.706,
    "after it": 0.8497,
    "last": 0.886,
}
CUI = {  # mean, spread, before the exchange, after it, last
    "HTM": (0.7326, 0.0585, 0.563, 0.902, 1.000),
    "LSTM, batch rule": (0.8258, 0.0871, 0.794, 0.857, 0.878),
    "TDNN": (0.8128, 0.0176, 0.852, 0.774, 1.000),
    "LSTM, retrained on the last 3,000": (0.7512, 0.0631, 0.771, 0.732, 0.874),
    "ELM": (0.4854, 0.0578, 0.655, 0.316, 0.476),
}
ELEMENTS = (500, 1000, 1500, 2000, 3000, 5000, 8000, 9990, 10870, 11500, 12000, 13000, 15000, 19990)
CURVES = {  # mean accuracy at ELEMENTS
    "LSTM": (0.114, 0.327, 0.464, 0.529, 0.660, 0.846, 0.947, 0.927, 0.635, 0.757, 0.794, 0.862, 0.887, 0.934),
    "TDNN": (0.017, 0.006, 0.308, 0.579, 0.965, 1.0, 1.0, 1.0, 0.0, 0.188, 0.233, 0.823, 1.0, 1.0),
    "TDSNN": (0.019, 0.006, 0.306, 0.572, 0.966, 1.0, 1.0, 1.0, 0.0, 0.182, 0.215, 0.810, 1.0, 1.0),
    "KNN": (0.707, 0.848, 0.954, 0.978, 0.985, 1.0, 1.0, 1.0, 0.037, 0.100, 0.136, 0.212, 0.304, 0.487),
    "CSNN": (0.674, 0.827, 0.914, 0.923, 0.922, 0.848, 0.809, 0.873, 0.530, 0.762, 0.800, 0.823, 0.843, 0.830),
}
DEATH = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)  # share of units that die at element 10,000, and accuracy after it (Cui et al.)
AFTER_DEATH = {"HTM": (1.0, 1.0, 1.0, 1.0, 0.894, 0.522), "LSTM": (0.994, 0.585, 0.432, 0.313, 0.263, 0.269)}
