"""`xp`, the library of the device: the stand-in everywhere, and CuPy itself where there is a device."""

import math

import hostkernel
import numpy as np
import pytest
import standin

from refopt.fast import blocked


class ElementwiseKernel(hostkernel.ElementwiseKernel):
    """The kernels of the stand-in: compiled for the host, of arrays of the device and NumPy's scalars."""

    launched = 0

    def __call__(self, *arguments):
        ElementwiseKernel.launched += 1
        assert all(isinstance(x, (standin.ndarray, np.generic)) for x in arguments)
        super().__call__(*(x._x if isinstance(x, standin.ndarray) else x for x in arguments))


class StandIn:
    """The stand-in, whose bits are NumPy's, and which counts what is moved."""

    exact = True
    module = standin
    compiles = hostkernel.COMPILER is not None

    def put(self, x):
        """NumPy arrays, alone or in containers, on the device."""
        return _mapped(self.module.asarray, np.ndarray, x)

    def get(self, x):
        """The same back on the host."""
        return _mapped(lambda y: y.get(), self.module.ndarray, x)

    def begin(self):
        """From now on moves and launches of kernels are counted."""
        standin.transfers.clear()
        ElementwiseKernel.launched = 0

    def launched(self, count):
        """So many kernels of ours were launched."""
        assert ElementwiseKernel.launched == count

    def moved(self, way, count):
        """So often something was moved to the "host" or to the "device"; `count` may be a range."""
        found = [how for there, *how in standin.transfers.log if there == way]
        assert len(found) in (count if isinstance(count, range) else [count]), (
            f"{len(found)} moves to the {way}, not {count}: {found}"
        )

    def same(self, got, expected, roundings=0):
        """The numbers of NumPy, in every bit; where `roundings` are given within so many of the largest number's.

        On CuPy always within 4,096 of them: its exp and tanh are other roundings, its sums run in another order, and a
        network or six steps of a rule are some hundred operations deep. A formula that is wrong is wrong in the first digits.
        """
        if isinstance(expected, (list, tuple, dict)):
            keys = expected if isinstance(expected, dict) else range(len(expected))
            assert len(got) == len(expected)
            for key in keys:
                self.same(got[key], expected[key], roundings)
            return
        if not isinstance(expected, (np.ndarray, np.generic)):
            assert got == expected or (got != got and expected != expected)
            return
        assert isinstance(got, self.module.ndarray), f"{type(got)} lives on the host"
        assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
        got, roundings = got.get(), roundings if self.exact else max(roundings, 4096)
        if roundings and expected.size and expected.dtype.kind in "fc":
            size = float(np.max(np.abs(expected), initial=0, where=np.isfinite(expected)))
            bound = roundings * np.finfo(expected.dtype).eps * size + math.ulp(0.0)
            assert np.allclose(got, expected, rtol=0, atol=bound, equal_nan=True)
        else:
            assert np.array_equal(got, expected, equal_nan=expected.dtype.kind in "fc")


class CuPy(StandIn):
    """CuPy on a device. It does not count."""

    exact = False
    compiles = True

    def __init__(self):
        cupy = pytest.importorskip(
            "cupy", reason="CuPy is not installed; with refopt[cuda] and a GPU this test runs there, too"
        )
        try:
            found = cupy.cuda.runtime.getDeviceCount()
        except cupy.cuda.runtime.CUDARuntimeError:
            found = 0
        if not found:
            pytest.skip("CuPy finds no CUDA device here")
        self.module = cupy

    def moved(self, way, count):
        """Nobody knows."""

    def launched(self, count):
        """Nobody counts."""


def _mapped(move, kind, x):
    if isinstance(x, kind):
        return move(x)
    if isinstance(x, dict):
        return {key: _mapped(move, kind, part) for key, part in x.items()}
    if isinstance(x, (list, tuple)):
        parts = [_mapped(move, kind, part) for part in x]
        return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
    return x


@pytest.fixture(autouse=True)
def kernels(monkeypatch):
    """Kernels for the stand-in where there is a C compiler, in recordings of each test's own."""
    monkeypatch.setattr(blocked, "_RECORDINGS", {})
    monkeypatch.setattr(blocked, "_REFUSED", {})
    if hostkernel.COMPILER is not None:
        monkeypatch.setattr(standin, "ElementwiseKernel", ElementwiseKernel, raising=False)


@pytest.fixture(params=[StandIn, pytest.param(CuPy, marks=pytest.mark.gpu)], ids=["stand-in", "cupy"])
def xp(request):
    return request.param()
