"""What was found about one network: the record, the parts of stages that speak of it, the page."""

from .report import Report
from .stage import Figure, Finder, Headline, Interactive, Stage, Table, Words, refused

__all__ = ["Figure", "Finder", "Headline", "Interactive", "Report", "Stage", "Table", "Words", "refused"]
