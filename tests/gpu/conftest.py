"""`xp`, the library of the device: the stand-in everywhere, and CuPy itself where there is a device."""

import numpy as np
import pytest
import standin


class StandIn:
    """The stand-in, whose bits are NumPy's."""

    name, exact = "stand-in", True

    def __init__(self):
        self.library = standin
        standin.transfers.clear()

    def put(self, x):
        """NumPy arrays, alone or in containers, on the device."""
        return _mapped(self.library.asarray, np.ndarray, x)

    def get(self, x):
        """The same back on the host."""
        return _mapped(lambda y: y.get(), self.library.ndarray, x)

    def moves(self):
        """Begin to count: the object has `to_host` and `to_device`."""
        standin.transfers.clear()
        return standin.transfers


class CuPy(StandIn):
    """CuPy on a device: other roundings of exp and tanh, sums in another order."""

    name, exact = "cupy", False

    def __init__(self):
        cupy = pytest.importorskip("cupy", reason="CuPy is not installed; pip install 'refopt[cuda]' runs this test on a GPU")
        try:
            found = cupy.cuda.runtime.getDeviceCount()
        except cupy.cuda.runtime.CUDARuntimeError:
            found = 0
        if not found:
            pytest.skip("CuPy is installed, but there is no CUDA device")
        self.library = cupy

    def moves(self):
        """CuPy does not count."""
        return None


def _mapped(move, kind, x):
    if isinstance(x, kind):
        return move(x)
    if isinstance(x, dict):
        return {key: _mapped(move, kind, part) for key, part in x.items()}
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*(_mapped(move, kind, part) for part in x))
    return type(x)(_mapped(move, kind, part) for part in x) if isinstance(x, (list, tuple)) else x


@pytest.fixture(params=[StandIn, pytest.param(CuPy, marks=pytest.mark.gpu)], ids=["stand-in", "cupy"])
def xp(request):
    return request.param()
