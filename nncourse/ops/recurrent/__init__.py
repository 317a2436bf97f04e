"""Recurrent layers as operations: one layer in one direction over all steps of a batch.

Each file holds one network: the layer as one operation with its backward pass, and beside it the
spelled-out twin, the same step by step in small operations.
"""
