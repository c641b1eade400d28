"""What was found about one network: the record, its words, its page."""

from .report import MachineAgreement, Report

__all__ = ["MachineAgreement", "Report"]
