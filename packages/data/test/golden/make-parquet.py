"""Writes the Parquet files of the tests with pyarrow. Run in this folder: python make-parquet.py"""

import datetime

import pyarrow as pa
import pyarrow.parquet as pq

gsm8k = pa.table({
    "question": [f"What is {i} + {i}?" for i in range(50)],
    "answer": [f"{i} + {i} = <<{i}+{i}={2 * i}>>{2 * i}\n#### {2 * i}" for i in range(50)],
})
for compression in ["none", "snappy", "gzip", "zstd", "brotli", "lz4"]:
    pq.write_table(gsm8k, f"gsm8k-{compression}.parquet", compression=compression, row_group_size=16)

message = pa.struct([("role", pa.string()), ("content", pa.string())])
verl = pa.table({
    "data_source": pa.array(["openai/gsm8k"] * 3),
    "prompt": pa.array([[{"role": "user", "content": f"What is {i}?"}] for i in range(3)], pa.list_(message)),
    "ability": pa.array(["math", None, "math"]),
    "reward_model": pa.array([{"style": "rule", "ground_truth": str(i)} for i in range(3)]),
    "extra_info": pa.array([{"index": i, "split": "train"} for i in range(3)]),
})
pq.write_table(verl, "verl.parquet")

types = pa.table({
    "prompt": pa.array(["a", "b"]),
    "target": pa.array([7, 2**60]),
    "double": pa.array([0.5, None]),
    "bool": pa.array([True, False]),
    "time": pa.array([datetime.datetime(2026, 1, 2, 3, 4, 5)] * 2, pa.timestamp("us")),
    "bytes": pa.array([b"\x00\xff", b""], pa.binary()),
    "list": pa.array([[1, 2], []], pa.list_(pa.int64())),
    "category": pa.array(["x", "y"]).dictionary_encode(),
})
pq.write_table(types, "types.parquet", version="2.6", data_page_version="2.0")
