"""Benchmarks, measures, results. From rankings, to the report."""
