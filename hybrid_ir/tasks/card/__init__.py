"""The model card of an export. From a run's files, to task=export."""

from hybrid_ir.tasks.card.write import write_card

__all__ = ["write_card"]
