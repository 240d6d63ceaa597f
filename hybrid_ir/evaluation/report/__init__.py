"""The report of a workdir: its files in, report.md and report.html out."""

from hybrid_ir.evaluation.report.write import write_report

__all__ = ["write_report"]
