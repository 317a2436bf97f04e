"""Benchmarks: the library beside its peers, in one process, ratio by ratio."""
