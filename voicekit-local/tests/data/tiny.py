"""Makes the tiny networks of the tests: the shapes of the real ones, without their sense.

    pip install onnx numpy && python tiny.py

tiny-voice.onnx is cut like a Piper voice: phoneme ids to lengths (two frames each) and noisy
latent frames, then a convolution and an upsampling of 256 samples a frame. tiny-minilm.onnx gives
each token four numbers.
"""

import numpy as np
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh
from onnx import save

rng = np.random.default_rng(7)


def const(name, values, kind):
    return nh.from_array(np.array(values, kind), name)


def network(name, nodes, inputs, output, constants):
    graph = h.make_graph(nodes, name, inputs, [output], constants)
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 15)], producer_name="voicekit")
    model.ir_version = 8
    save(model, name + ".onnx")


network(
    "tiny-voice",
    [
        h.make_node("Cast", ["input"], ["ids"], to=T.FLOAT),
        h.make_node("Unsqueeze", ["ids", "axis1"], ["row"]),
        h.make_node("Mul", ["row", "zero"], ["zeros"]),
        h.make_node("Add", ["zeros", "one_and_a_half"], ["lengths"]),
        h.make_node("Ceil", ["lengths"], ["whole_lengths"]),
        h.make_node("Mul", ["row", "small"], ["own_level"]),
        h.make_node("Mul", ["whole_lengths", "small"], ["length_level"]),
        h.make_node("Add", ["own_level", "length_level"], ["level"]),
        h.make_node("Unsqueeze", ["level", "axis3"], ["column"]),
        h.make_node("Concat", ["column", "column"], ["twice"], axis=3),
        h.make_node("Reshape", ["twice", "as_frames"], ["frames"]),
        h.make_node("RandomNormalLike", ["frames"], ["noise"]),
        h.make_node("Slice", ["scales", "from0", "to1"], ["noise_scale"]),
        h.make_node("Mul", ["noise", "noise_scale"], ["scaled"]),
        h.make_node("Add", ["frames", "scaled"], ["noisy"]),
        h.make_node("Concat", ["noisy", "frames"], ["latent"], axis=1),
        h.make_node("Conv", ["latent", "conv"], ["wide"], kernel_shape=[7], pads=[3, 3]),
        h.make_node("LeakyRelu", ["wide"], ["bent"]),
        h.make_node("ConvTranspose", ["bent", "up"], ["sound"], kernel_shape=[256], strides=[256]),
        h.make_node("Tanh", ["sound"], ["soft"]),
        h.make_node("Unsqueeze", ["soft", "axis1"], ["output"]),
    ],
    [
        h.make_tensor_value_info("input", T.INT64, ["batch", "phonemes"]),
        h.make_tensor_value_info("input_lengths", T.INT64, ["batch"]),
        h.make_tensor_value_info("scales", T.FLOAT, [3]),
    ],
    h.make_tensor_value_info("output", T.FLOAT, ["batch", 1, 1, "samples"]),
    [
        const("axis1", [1], np.int64),
        const("axis3", [3], np.int64),
        const("as_frames", [1, 1, -1], np.int64),
        const("from0", [0], np.int64),
        const("to1", [1], np.int64),
        const("zero", 0, np.float32),
        const("one_and_a_half", 1.5, np.float32),
        const("small", 1 / 256, np.float32),
        const("conv", rng.normal(size=(4, 2, 7)) / 4, np.float32),
        const("up", rng.normal(size=(4, 1, 256)) / 4, np.float32),
    ],
)

network(
    "tiny-minilm",
    [
        h.make_node("Cast", ["input_ids"], ["ids"], to=T.FLOAT),
        h.make_node("Unsqueeze", ["ids", "axis2"], ["column"]),
        h.make_node("Mul", ["column", "frequencies"], ["angles"]),
        h.make_node("Sin", ["angles"], ["last_hidden_state"]),
    ],
    [
        h.make_tensor_value_info("input_ids", T.INT64, ["batch", "tokens"]),
        h.make_tensor_value_info("attention_mask", T.INT64, ["batch", "tokens"]),
    ],
    h.make_tensor_value_info("last_hidden_state", T.FLOAT, ["batch", "tokens", 4]),
    [const("axis2", [2], np.int64), const("frequencies", [0.1, 0.7, 1.3, 2.9], np.float32)],
)
