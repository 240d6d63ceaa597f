"""The page of a comparison: systems side by side, in tables and figures."""

from hybrid_ir.evaluation.report.compare.files import comparison_files
from hybrid_ir.evaluation.report.compare.queries import Examples, Retrieved

__all__ = ["Examples", "Retrieved", "comparison_files"]
