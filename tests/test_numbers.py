"""numbers: Python numbers stay weak, arrays keep their dtype. What happens on a device is in tests/gpu."""

import numpy as np
import pytest

from refopt import numbers


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_python_numbers_stay_weak(dtype):
    x = np.ones(3, dtype)
    assert type(numbers.sqrt(0.25)) is float
    assert (x * numbers.sqrt(2)).dtype == dtype
    assert (x * numbers.maximum(0.5, 0.25)).dtype == dtype
    assert (x * numbers.sign(-2.0)).dtype == dtype
    assert numbers.where(x > 2, 1.2, 0.5, like=x).dtype == dtype
    assert numbers.where(x > 2, x, 0.5).dtype == dtype


def test_values():
    assert numbers.sqrt(9) == 3.0
    assert [numbers.sign(x) for x in (-2.5, 0, 0.0, 7)] == [-1, 0, 0, 1]
    assert np.isnan(numbers.sign(float("nan")))
    assert numbers.maximum(1, 2.5) == 2.5
    assert np.isnan(numbers.maximum(float("nan"), 1.0))
    assert np.isnan(numbers.maximum(1.0, float("nan")))
    a, b = np.zeros(2), np.ones(2)
    assert numbers.where(True, a, b) is a
    assert numbers.where(np.bool_(False), a, b) is b
    assert numbers.where(np.array([True, False]), 1.0, 2.0, like=a).tolist() == [1.0, 2.0]
