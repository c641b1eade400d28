"""What was found about one network: the record, the parts of stages that speak of it, the page."""

from .report import Report
from .stage import Column, Figure, Finder, Headline, Number, Stage, Table, View, Words, refused

__all__ = ["Column", "Figure", "Finder", "Headline", "Number", "Report", "Stage", "Table", "View", "Words", "refused"]
