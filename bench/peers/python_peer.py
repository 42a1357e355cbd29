"""What a Python user would assemble: confluent-kafka, ONNX Runtime, psycopg.

Python has none of the features, so it scores what the message carries beside the transaction: the network's encoded inputs.
It keeps no state of any customer. Run: python_peer.py BROKERS TOPIC DATABASE_URL MODEL_PATH BATCH_SIZE, until SIGTERM.
"""

import base64
import json
import signal
import sys

import numpy as np
import onnx
import onnxruntime
import psycopg
from confluent_kafka import Consumer
from onnx import TensorProto, helper, numpy_helper

LOG_SIGMA_MIN, LOG_SIGMA_MAX = -5.0, 3.0
LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)
COLUMNS = ["id", "occurred_at", "customer", "merchant", "amount", "currency", "category", "channel", "country"]
INSERT = (
    f"INSERT INTO peer_rows ({', '.join(COLUMNS)}, features, score, outcome) VALUES ({', '.join(['%s'] * 12)})"
)


def log_softmax(values):
    values = values - values.max(axis=-1, keepdims=True)
    return values - np.log(np.exp(values).sum(axis=-1, keepdims=True))


class Density:
    """-log p of the autoregressive mixture: a network of two hidden layers, then a mixture or a choice for each column."""

    def __init__(self, path):
        with open(f"{path}.json", encoding="utf-8") as file:
            self.layout = json.load(file)
        values = np.fromfile(f"{path}.f32", dtype=np.float32)
        weights, at = [], 0
        for name, rows, columns in self.layout["shapes"]:
            shape = (columns,) if name.startswith("b") else (rows, columns)
            weights.append(numpy_helper.from_array(values[at : at + rows * columns].reshape(shape).copy(), name))
            at += rows * columns
        nodes = [
            helper.make_node("Gemm", ["x", "w1", "b1"], ["a1"]),
            helper.make_node("Relu", ["a1"], ["h1"]),
            helper.make_node("Gemm", ["h1", "w2", "b2"], ["a2"]),
            helper.make_node("Relu", ["a2"], ["r2"]),
            helper.make_node("Add", ["h1", "r2"], ["h2"]),
            helper.make_node("Gemm", ["h2", "w3", "b3"], ["y"]),
        ]
        value = lambda name, width: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width])
        inputs, outputs = value("x", self.layout["inputs"]), value("y", self.layout["outputs"])
        graph = helper.make_graph(nodes, "density", [inputs], [outputs], weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
        onnx.checker.check_model(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])

    def score(self, carried):
        """carried: rows x (inputs, z, counts, chosen outputs, constant). Answers nats."""
        layout = self.layout
        n, inputs, mixtures, k = len(carried), layout["inputs"], layout["mixtures"], layout["components"]
        x, z, counts, chosen, constant = np.split(
            carried, [inputs, inputs + mixtures, inputs + 2 * mixtures, carried.shape[1] - 1], axis=1
        )
        y = self.session.run(None, {"x": np.ascontiguousarray(x)})[0]
        logits, means, log_sigmas = y[:, : 3 * mixtures * k].reshape(n, 3, mixtures, k).transpose(1, 0, 2, 3)
        log_sigmas = np.clip(log_sigmas, LOG_SIGMA_MIN, LOG_SIGMA_MAX)
        residuals = (z[:, :, None] - means) * np.exp(-log_sigmas)
        joint = log_softmax(logits) - 0.5 * residuals**2 - log_sigmas - LOG_SQRT_2PI
        top = joint.max(axis=-1)
        densities = top + np.log(np.exp(joint - top[:, :, None]).sum(axis=-1))
        total = constant[:, 0] - (counts * densities).sum(axis=1)
        for column, (start, count) in enumerate(layout["logits"]):
            position = chosen[:, column].astype(np.int64) - start
            logs = log_softmax(y[:, start : start + count])
            total -= np.where(position >= 0, logs[np.arange(n), np.maximum(position, 0)], 0)
        return total


def main(brokers, topic, url, model, batch_size):
    density = Density(model)
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": f"python-peer-{batch_size}-{topic}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    running = True

    def stop(*_):
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, stop)
    with psycopg.connect(url) as connection:
        while running:
            messages = consumer.consume(batch_size, timeout=0.5)
            if not messages:
                continue
            records = [json.loads(message.value()) for message in messages]
            vectors = [base64.b64decode(record["carried"]) for record in records]
            carried = np.frombuffer(b"".join(vectors), dtype=np.float32).reshape(len(records), -1)
            scores = density.score(carried)
            rows = [
                [*(record[column] for column in COLUMNS), vector, float(score), "approve"]
                for record, vector, score in zip(records, vectors, scores)
            ]
            with connection.cursor() as cursor:
                if len(rows) == 1:
                    cursor.execute(INSERT, rows[0])
                else:
                    cursor.executemany(INSERT, rows)
            connection.commit()
            consumer.commit(asynchronous=True)
    consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:5], int(sys.argv[5]))
