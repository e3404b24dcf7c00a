"""Networks with hand-coded backpropagation: forward and backward side by side, no automatic differentiation."""

from refopt.nets.activations import ACTIVATIONS, Activation, Softmax
from refopt.nets.attention import SelfAttention
from refopt.nets.composite import (
    Chain,
    Residual,
    SqueezeExcite,
    basic_block,
    inverted_residual,
    transformer_block,
)
from refopt.nets.convolution import Conv2d
from refopt.nets.dropout import Dropout, Standout
from refopt.nets.embedding import Embedding, Positions
from refopt.nets.layer import Layer, Run
from refopt.nets.linear import Linear
from refopt.nets.losses import LOSSES, MAE, MSE, BinaryCrossEntropy, Hinge, Huber, Loss, SoftmaxCrossEntropy
from refopt.nets.mlp import MLP
from refopt.nets.models import CNN, MobileNetV3, RecurrentClassifier, ResNet, TransformerClassifier
from refopt.nets.network import Network
from refopt.nets.normalisation import BatchNorm, LayerNorm, RMSNorm
from refopt.nets.pooling import AveragePool2d, Flatten, GlobalAveragePool2d, LastStep, MaxPool2d, MeanOverSteps
from refopt.nets.recurrent import GRU, SimpleRNN

__all__ = [
    "ACTIVATIONS", "CNN", "GRU", "LOSSES", "MAE", "MLP", "MSE", "Activation", "AveragePool2d", "BatchNorm",
    "BinaryCrossEntropy", "Chain", "Conv2d", "Dropout", "Embedding", "Flatten", "GlobalAveragePool2d", "Hinge", "Huber",
    "LastStep", "Layer", "LayerNorm", "Linear", "Loss", "MaxPool2d", "MeanOverSteps", "MobileNetV3", "Network", "Positions",
    "RMSNorm", "RecurrentClassifier", "ResNet", "Residual", "Run", "SelfAttention", "SimpleRNN", "Softmax",
    "SoftmaxCrossEntropy", "SqueezeExcite", "Standout", "TransformerClassifier", "basic_block", "inverted_residual",
    "transformer_block",
]  # fmt: skip
