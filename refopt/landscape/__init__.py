"""Loss landscapes and curvature: directions, planes, surfaces, spectra; arrays in, arrays out. `refopt.view` draws them.

net, data = refopt.nets.MLP([64, 64, 10]), refopt.data.digits()
path = Trajectory()
history = refopt.train(net, refopt.adam, data, epochs=20, callbacks=[path])
objective = Objective(net, data.x_train, data.y_train)          # the loss over these examples, a function of theta alone
plane = pca_plane(path.thetas)                                  # or random_plane(history.theta, net)
ground = surface(objective.loss, plane, path=path.thetas)       # losses on a grid, the path projected on it
H = hessian(objective, history.theta)                           # matrix-free: H @ v
eigenpairs(H, 5), trace(H), density(H)
"""

from refopt.landscape.directions import normalised, random_directions
from refopt.landscape.evaluation import evaluate
from refopt.landscape.files import load, save
from refopt.landscape.hessian import Hessian, hessian
from refopt.landscape.noise import NoiseScale, noise_scale
from refopt.landscape.objective import Objective
from refopt.landscape.planes import Plane, Trajectory, pca_plane, random_plane
from refopt.landscape.sharpness import Ball, Stability, ball_sharpness, edge_of_stability
from refopt.landscape.spectrum import Density, Eigenpairs, Estimate, density, eigenpairs, lanczos, trace
from refopt.landscape.surfaces import Line, Surface, line, surface

__all__ = [
    "Ball", "Density", "Eigenpairs", "Estimate", "Hessian", "Line", "NoiseScale", "Objective", "Plane", "Stability",
    "Surface", "Trajectory", "ball_sharpness", "density", "edge_of_stability", "eigenpairs", "evaluate", "hessian",
    "lanczos", "line", "load", "noise_scale", "normalised", "pca_plane", "random_directions", "random_plane", "save",
    "surface", "trace",
]  # fmt: skip
