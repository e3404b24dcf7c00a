"""Data sets: handwritten digits, which ship with the package, synthetic ones of every shape, and files that you have.

Every set comes as a `Split`, float32 unless asked otherwise; the synthetic ones depend on their arguments and `seed` alone.
Images have their channels last. Nothing here downloads anything.
"""

from refopt.data.batches import batches
from refopt.data.cifar import cifar10, cifar100
from refopt.data.digits import digits
from refopt.data.idx import idx, mnist
from refopt.data.images import SHAPES, images
from refopt.data.npz import npz
from refopt.data.plane import blobs, moons, spirals
from refopt.data.regression import Teacher, teacher, teacher_student
from refopt.data.sequences import adding_problem, sequences, tokens
from refopt.data.signals import mnist1d
from refopt.data.split import Split, class_counts, split
from refopt.data.standardise import Scale, standardise

__all__ = [
    "SHAPES", "Scale", "Split", "Teacher", "adding_problem", "batches", "blobs", "cifar10", "cifar100", "class_counts",
    "digits", "idx", "images", "mnist", "mnist1d", "moons", "npz", "sequences", "spirals", "split", "standardise", "teacher",
    "teacher_student", "tokens",
]  # fmt: skip
