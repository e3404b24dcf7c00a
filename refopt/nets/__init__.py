"""Networks with hand-coded backpropagation: forward and backward side by side, no automatic differentiation."""

from refopt.nets.mlp import MLP

__all__ = ["MLP"]
