"""The last layer in a model.onnx: read and replaced without the onnx package, and what it computes."""

from __future__ import annotations

import numpy as np
import pytest

from fingerspell.core.errors import BundleError
from fingerspell.core.head import Head, read_head, softmax, temperature_of, with_head
from fingerspell.core.onnx_file import read_initialiser, replace_initialisers

onnx = pytest.importorskip("onnx")
FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
WEIGHT = np.arange(12, dtype=np.float32).reshape(3, 4) / 7
BIAS = np.array([0.5, -1.0, 2.0], np.float32)


def raw(name: str, values: np.ndarray, kind: int = FLOAT) -> onnx.TensorProto:
    return onnx.helper.make_tensor(name, kind, values.shape, values.tobytes(), raw=True)


def model(*tensors: onnx.TensorProto) -> bytes:
    value = onnx.helper.make_tensor_value_info("features", FLOAT, ["n", 4])
    output = onnx.helper.make_tensor_value_info("y", FLOAT, ["n", 3])
    node = onnx.helper.make_node("Gemm", ["features", "head.weight", "head.bias"], ["y"], transB=1)
    return onnx.helper.make_model(
        onnx.helper.make_graph([node], "g", [value], [output], list(tensors))
    ).SerializeToString()


WHOLE = model(raw("other", WEIGHT * 2), raw("head.weight", WEIGHT), raw("head.bias", BIAS))


class TestInitialisers:
    def test_read_by_name(self):
        assert np.array_equal(read_initialiser(WHOLE, "head.weight"), WEIGHT)
        assert np.array_equal(read_initialiser(WHOLE, "other"), WEIGHT * 2)
        assert read_initialiser(WHOLE, "head") is None

    def test_scalars_and_packed_shapes(self):
        scalar = model(raw("head.weight", np.float32(3)))
        assert read_initialiser(scalar, "head.weight") == np.float32(3)
        # shape (3, 4) as one packed field, as other writers have it
        body = b"\x0a\x02\x03\x04" + b"\x10\x01" + b"\x42\x01w" + b"\x4a\x30" + WEIGHT.tobytes()
        graph = b"\x2a" + bytes([len(body)]) + body
        packed = b"\x3a" + bytes([len(graph)]) + graph
        assert np.array_equal(read_initialiser(packed, "w"), WEIGHT)

    @pytest.mark.parametrize(
        "tensor",
        [
            onnx.helper.make_tensor("head.weight", FLOAT, [2], [1.0, 2.0]),
            raw("head.weight", np.zeros(3, np.int64), INT64),
            onnx.TensorProto(name="head.weight", data_type=FLOAT, dims=[5], raw_data=b"1234"),
            onnx.TensorProto(name="head.weight", data_type=FLOAT, dims=[2**33, 2**33], raw_data=b""),
        ],
        ids=["not raw", "not float", "too short", "too large"],
    )
    def test_what_is_not_raw_float32_is_none(self, tensor):
        assert read_initialiser(model(tensor), "head.weight") is None

    def test_replaced_in_place(self):
        found = replace_initialisers(WHOLE, {"head.weight": -WEIGHT, "head.bias": BIAS + 1})
        assert len(found) == len(WHOLE)
        assert np.array_equal(read_initialiser(found, "head.weight"), -WEIGHT)
        assert np.array_equal(read_initialiser(found, "head.bias"), BIAS + 1)
        assert np.array_equal(read_initialiser(found, "other"), WEIGHT * 2)
        assert np.array_equal(read_initialiser(WHOLE, "head.weight"), WEIGHT)  # the given one stays as it is
        assert onnx.load_from_string(found).graph.node[0].op_type == "Gemm"

    def test_memory_order_does_not_matter(self):
        found = replace_initialisers(WHOLE, {"head.weight": np.asfortranarray(-WEIGHT).astype(np.float64)})
        assert np.array_equal(read_initialiser(found, "head.weight"), -WEIGHT)

    @pytest.mark.parametrize("values", [WEIGHT.T, WEIGHT[:2], WEIGHT * np.nan, WEIGHT + np.inf], ids=str)
    def test_another_shape_or_no_numbers(self, values):
        with pytest.raises(ValueError, match=r"\(3, 4\)"):
            replace_initialisers(WHOLE, {"head.weight": values})

    def test_a_name_that_is_not_there(self):
        with pytest.raises(BundleError, match="no weights named 'tail'"):
            replace_initialisers(WHOLE, {"tail": BIAS})


class TestHead:
    def test_what_it_computes(self):
        features = np.array([[1, 2, 3, 4], [-1, 0, 0, 9]], np.float32)
        logits = (features @ WEIGHT.T + BIAS) / 0.5
        found = read_head(WHOLE, 0.5)
        assert found.logits(features) == pytest.approx(logits, rel=1e-6)
        expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        assert found.probabilities(features) == pytest.approx(expected, rel=1e-5)

    def test_large_logits_stay_finite(self):
        assert softmax(np.array([[1e5, 0.0], [-1e5, -1e5]])).tolist() == [[1.0, 0.0], [0.5, 0.5]]

    def test_written_back(self):
        head = Head(WEIGHT[::-1].copy(), -BIAS, 1.0)
        assert np.array_equal(read_head(with_head(WHOLE, head), 1.0).weight, head.weight)
        assert np.array_equal(read_head(with_head(WHOLE, head), 1.0).bias, head.bias)

    def test_a_model_of_format_1(self):
        with pytest.raises(BundleError, match=r"head\.weight") as caught:
            read_head(model(raw("w", WEIGHT), raw("head.bias", BIAS)), 1.0)
        assert "export" in caught.value.remedy

    @pytest.mark.parametrize(
        ("weight", "bias", "temperature"),
        [
            (WEIGHT, BIAS[:2], 1.0),
            (WEIGHT.ravel(), BIAS, 1.0),
            (WEIGHT, BIAS, 0.0),
            (WEIGHT, BIAS, float("nan")),
            (WEIGHT, BIAS * np.float32(np.nan), 1.0),
            (WEIGHT + np.float32(np.inf), BIAS, 1.0),
        ],
        ids=str,
    )
    def test_a_layer_that_makes_no_sense(self, weight, bias, temperature):
        with pytest.raises(BundleError, match="makes no sense"):
            read_head(model(raw("head.weight", weight), raw("head.bias", bias)), temperature)

    def test_the_temperature_is_the_cards(self):
        assert temperature_of({"temperature": 2}) == 2.0
        assert temperature_of({}) == 1.0
        for value in (0, -1, True, "2", None, float("inf"), float("nan")):
            with pytest.raises(BundleError, match="temperature"):
                temperature_of({"temperature": value})
