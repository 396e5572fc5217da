"""Reads records in Python, one pass at a time: a request is a line {"read": name, "path": file}, the answer {"records", "seconds"}.

    python read_peer.py write <records> <folder>   writes records.jsonl and records.parquet there
"""

import json
import os
import sys
import time


def write(count, folder):
    import pyarrow as pa
    import pyarrow.parquet as pq

    words = "Ann has books and buys more of them every day until the shelf is full".split()
    questions, answers = [], []
    for i in range(count):
        questions.append(" ".join(words[(i * 7 + k) % len(words)] for k in range(40)) + f" {i}?")
        answers.append("\n".join(f"{i} + {k} = <<{i}+{k}={i + k}>>{i + k} books" for k in range(8)) + f"\n#### {i}")
    with open(f"{folder}/records.jsonl", "w") as file:
        for question, answer in zip(questions, answers):
            file.write(json.dumps({"question": question, "answer": answer}) + "\n")
    table = pa.table({"question": questions, "answer": answers})
    pq.write_table(table, f"{folder}/records.parquet", row_group_size=10_000)


def json_lines(path):
    count = 0
    with open(path) as file:
        for line in file:
            count += len(json.loads(line)) > 0
    return count


def datasets_stream(kind):
    def read(path):
        import datasets

        stream = datasets.load_dataset(kind, data_files=path, split="train", streaming=True)
        return sum(1 for _ in stream)

    return read


def pyarrow_rows(path):
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    return sum(len(batch.to_pylist()) for batch in file.iter_batches())


def pyarrow_columns(path):
    import pyarrow.parquet as pq

    return sum(batch.num_rows for batch in pq.ParquetFile(path).iter_batches())


readers = {
    "python json.loads": json_lines,
    "datasets json": datasets_stream("json"),
    "datasets parquet": datasets_stream("parquet"),
    "pyarrow rows": pyarrow_rows,
    "pyarrow columns": pyarrow_columns,
}

if sys.argv[1:2] == ["write"]:
    write(int(sys.argv[2]), sys.argv[3])
else:
    os.environ["HF_HUB_OFFLINE"] = "1"
    for line in sys.stdin:
        request = json.loads(line)
        read = readers[request["read"]]
        start = time.perf_counter()
        count = read(request["path"])
        print(json.dumps({"records": count, "seconds": time.perf_counter() - start}), flush=True)
