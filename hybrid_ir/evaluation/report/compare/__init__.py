"""The page of a comparison: systems side by side, in tables and figures."""

from hybrid_ir.evaluation.report.compare.files import comparison_files

__all__ = ["comparison_files"]
