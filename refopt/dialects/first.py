"""NovoGrad: which gradient begins the second moment of a tensor."""

__all__ = ["of_all", "that_moves"]


def of_all(t, v):
    """That of the first step, which may be zero: the paper; optax, braintools, pytorch_optimizer."""
    return t == 1


def that_moves(t, v):
    """The first that is not zero: NVIDIA's code, timm, torch_optimizer, which ask whether v is still 0."""
    return v == 0
