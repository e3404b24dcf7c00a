"""numbers on a device: what NumPy's protocols do not cover."""

import numpy as np
from scipy import special

from refopt import numbers


def test_where_things_are(xp):
    x = np.arange(3.0)
    device = xp.put(x)
    assert numbers.is_array(device)
    assert numbers.on_host(x)
    assert not numbers.on_host(device)
    assert numbers.to_host(x) is x
    assert numbers.to_host(2.0) == 2.0
    assert np.array_equal(numbers.to_host(device), x)
    assert numbers.beside(x, x) is x
    assert numbers.beside(x, None) is x
    xp.same(numbers.beside(x, device), x)
    assert numbers.overlap(device, device[1:])
    assert not numbers.overlap(device, xp.put(x))
    assert not numbers.overlap(device, x)


def test_a_move_happens_only_where_it_is_asked_for(xp):
    device = xp.put(np.linspace(-2, 2, 12).reshape(3, 4))
    xp.begin()
    for function in (numbers.sqrt, numbers.exp, numbers.erf, numbers.norm, numbers.mean, numbers.sign, numbers.highest):
        function(abs(device))
    numbers.maximum(device, 0.5)
    numbers.where(device > 0, 1.0, 2.0, like=device)
    numbers.over(device[0, 0], device[0, 1], device[2, 0], device[0, 0])
    numbers.zeros_like(device)
    xp.moved("host", 0)
    xp.moved("device", 0)
    numbers.gaussian(device, 7)
    xp.moved("device", 1)
    assert numbers.finite(device) is True
    xp.moved("host", 1)


def test_values(xp):
    x = np.array([[1.0, -2.0, np.nan], [0.0, 5.0, 2.0]])
    xp.same(numbers.highest(xp.put(x)), np.array([1.0, 5.0, np.nan]))
    xp.same(numbers.largest(xp.put(x), 1), np.array([[np.nan], [5.0]]))
    xp.same(numbers.gaussian(xp.put(np.zeros(4, np.float32)), 3, 4), numbers.gaussian(np.zeros(4, np.float32), 3, 4))
    one, two, zero = (xp.put(np.asarray(value)) for value in (1.0, 2.0, 0.0))
    for got, expected in ((numbers.over(one, two, one, two), 0.5), (numbers.over(one, zero, one, zero), 1.0)):
        xp.same(got, np.asarray(expected), roundings=1)


def test_the_error_function_beside_the_real_axis_as_scipy_has_it_anywhere(xp):
    x = np.array([-3.0, -0.5, 0.0, 1e-3, 2.0, 30.0])
    near = x + 1e-30j * np.array([1.0, -2.0, 3.0, 1.0, 1.0, 1.0])
    xp.same(numbers.erf(xp.put(x)), special.erf(x), roundings=4)
    got, expected = xp.get(numbers.erf(xp.put(near))), special.erf(near)
    assert np.allclose(got.real, expected.real, rtol=1e-15, atol=0)
    assert np.allclose(got.imag, expected.imag, rtol=1e-14, atol=0)
    assert np.isnan(xp.get(numbers.erf(xp.put(x + 0.5j)))).all()  # further away nothing is known
