"""Peers of the generator on two threads, with random weights: llama.cpp and transformers at the shape of Qwen3-0.6B,
onnxruntime-genai at that of the small model of model.ts.

usage: python generate_peers.py llama.cpp F32|Q8_0|Q4_0      (needs llama-cpp-python, gguf, numpy)
       python generate_peers.py transformers float32|bfloat16 (needs torch, transformers)
       python generate_peers.py onnxruntime-genai fp32        (needs onnxruntime-genai, torch, transformers)
Prints {"peer": ...}, then answers each line of input, `sequences prompt new`, with {"prefill": ..., "decode": ...} in tokens/s.
"""
import json, os, shutil, sys, tempfile, time

LAYERS = int(os.environ.get("LAYERS", 28))
VOCABULARY, WIDTH, HEADS, KV_HEADS, HEAD, FEED_FORWARD, THREADS = 151936, 1024, 16, 8, 128, 3072, 2


def llama_cpp(kind):
    import ctypes, gguf, numpy as np, llama_cpp as L

    L.quiet = L.llama_log_callback(lambda *_: None)  # kept from collection
    L.llama_log_set(L.quiet, ctypes.c_void_p(0))
    rng = np.random.default_rng(0)

    def matrix(rows, columns):
        """Random numbers of about 0.02, in the form of the kind."""
        if kind == "F32":
            return rng.standard_normal((rows, columns), np.float32) * np.float32(0.02), None
        numbers = {"Q8_0": 32, "Q4_0": 16}[kind]  # bytes of a block of 32, after its scale in half precision
        blocks = rng.integers(0, 256, (rows, columns // 32, 2 + numbers), np.uint8)
        blocks[:, :, :2] = np.frombuffer(np.float16(0.0003 if kind == "Q8_0" else 0.005).tobytes(), np.uint8)
        return blocks.reshape(rows, -1), gguf.GGMLQuantizationType[kind]

    def write(path):
        w = gguf.GGUFWriter(path, "qwen3")
        w.add_block_count(LAYERS), w.add_context_length(4096), w.add_embedding_length(WIDTH)
        w.add_feed_forward_length(FEED_FORWARD), w.add_head_count(HEADS), w.add_head_count_kv(KV_HEADS)
        w.add_key_length(HEAD), w.add_value_length(HEAD), w.add_rope_freq_base(1e6), w.add_layer_norm_rms_eps(1e-6)
        w.add_vocab_size(VOCABULARY), w.add_tokenizer_model("gpt2"), w.add_tokenizer_pre("default")
        w.add_token_list([f"t{i}" for i in range(VOCABULARY)]), w.add_token_merges(["t 1"])
        w.add_token_types([gguf.TokenType.NORMAL] * VOCABULARY), w.add_bos_token_id(1), w.add_eos_token_id(2)

        def add(name, rows, columns):
            data, dtype = matrix(rows, columns)
            w.add_tensor(f"{name}.weight", data, raw_dtype=dtype)

        def norm(name, width):
            w.add_tensor(f"{name}.weight", np.ones(width, np.float32))

        add("token_embd", VOCABULARY, WIDTH), norm("output_norm", WIDTH)
        for i in range(LAYERS):
            add(f"blk.{i}.attn_q", HEADS * HEAD, WIDTH), add(f"blk.{i}.attn_k", KV_HEADS * HEAD, WIDTH)
            add(f"blk.{i}.attn_v", KV_HEADS * HEAD, WIDTH), add(f"blk.{i}.attn_output", WIDTH, HEADS * HEAD)
            norm(f"blk.{i}.attn_q_norm", HEAD), norm(f"blk.{i}.attn_k_norm", HEAD)
            norm(f"blk.{i}.attn_norm", WIDTH), norm(f"blk.{i}.ffn_norm", WIDTH)
            add(f"blk.{i}.ffn_gate", FEED_FORWARD, WIDTH), add(f"blk.{i}.ffn_up", FEED_FORWARD, WIDTH)
            add(f"blk.{i}.ffn_down", WIDTH, FEED_FORWARD)
        w.write_header_to_file(), w.write_kv_data_to_file(), w.write_tensors_to_file(), w.close()

    L.llama_backend_init()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.gguf")
        write(path)
        params = L.llama_model_default_params()
        params.n_gpu_layers = 0
        params.use_mmap = False
        model = L.llama_model_load_from_file(path.encode(), params)
        assert model, "llama.cpp could not load the model"

    def measure(n, prompt, new):
        p = L.llama_context_default_params()
        p.n_ctx, p.n_batch, p.n_ubatch = n * 256, max(512, n * prompt), 512
        p.n_seq_max, p.n_threads, p.n_threads_batch, p.no_perf = n, THREADS, THREADS, True
        ctx = L.llama_init_from_model(model, p)
        sampler = L.llama_sampler_chain_init(L.llama_sampler_chain_default_params())
        L.llama_sampler_chain_add(sampler, L.llama_sampler_init_temp(1.0))
        L.llama_sampler_chain_add(sampler, L.llama_sampler_init_dist(1))
        batch = L.llama_batch_init(n * prompt + 8, 0, 1)

        def decode(tokens, pos, seq, logits):
            batch.n_tokens = len(tokens)
            for i in range(len(tokens)):
                batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.logits[i] = tokens[i], pos[i], 1, logits[i]
                batch.seq_id[i][0] = seq[i]
            assert L.llama_decode(ctx, batch) == 0
            L.llama_synchronize(ctx)

        def run(new):
            L.llama_memory_clear(L.llama_get_memory(ctx), True)
            ids = rng.integers(0, VOCABULARY, n * prompt).tolist()
            ends = [int(i % prompt == prompt - 1) for i in range(n * prompt)]
            started = time.perf_counter()
            decode(ids, list(range(prompt)) * n, [i // prompt for i in range(n * prompt)], ends)
            tokens = [L.llama_sampler_sample(sampler, ctx, i * prompt + prompt - 1) for i in range(n)]
            first = time.perf_counter()
            for step in range(new - 1):
                decode(tokens, [prompt + step] * n, list(range(n)), [1] * n)
                tokens = [L.llama_sampler_sample(sampler, ctx, i) for i in range(n)]
            return first - started, time.perf_counter() - first

        run(2)
        prefill, rest = run(new)
        L.llama_batch_free(batch), L.llama_sampler_free(sampler), L.llama_free(ctx)
        return prefill, rest

    return f"llama.cpp {kind} (llama-cpp-python {L.__version__})", measure


def transformers(dtype):
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM, __version__

    torch.set_num_threads(THREADS)
    torch.set_default_dtype(getattr(torch, dtype))
    config = Qwen3Config(vocab_size=VOCABULARY, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
                         num_key_value_heads=KV_HEADS, head_dim=HEAD, intermediate_size=FEED_FORWARD,
                         max_position_embeddings=4096, rope_theta=1e6, tie_word_embeddings=True,
                         bos_token_id=None, eos_token_id=None, pad_token_id=0)
    model = Qwen3ForCausalLM(config).eval()

    @torch.inference_mode()
    def measure(n, prompt, new):
        ids = torch.randint(1, VOCABULARY, (n, prompt))
        mask = torch.ones_like(ids)

        def generate(count):
            started = time.perf_counter()
            model.generate(input_ids=ids, attention_mask=mask, do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
                           max_new_tokens=count, min_new_tokens=count, use_cache=True)
            return time.perf_counter() - started

        generate(1)
        started = time.perf_counter()
        model(input_ids=ids, attention_mask=mask, use_cache=True, logits_to_keep=1)
        prefill = time.perf_counter() - started
        return prefill, generate(new) - generate(1)

    return f"transformers {dtype} ({__version__})", measure


def onnxruntime_genai(precision):
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    import subprocess, numpy as np, onnxruntime_genai as og
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    folder = tempfile.mkdtemp()
    config = Qwen3Config(vocab_size=64, hidden_size=128, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
                         head_dim=32, intermediate_size=384, max_position_embeddings=4096, tie_word_embeddings=True,
                         bos_token_id=1, eos_token_id=2, pad_token_id=0)
    Qwen3ForCausalLM(config).float().save_pretrained(folder + "/hf")
    words = {"<pad>": 0, "<bos>": 1, "<eos>": 2, "<unk>": 3, **{str(i): i + 4 for i in range(10)}}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    special = dict(pad_token="<pad>", bos_token="<bos>", eos_token="<eos>", unk_token="<unk>")
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder + "/hf")
    builder = [sys.executable, "-m", "onnxruntime_genai.models.builder", "-i", folder + "/hf", "-o", folder + "/ort"]
    subprocess.run([*builder, "-p", precision, "-e", "cpu", "-c", folder + "/cache"], check=True, stdout=subprocess.DEVNULL)
    path = folder + "/ort/genai_config.json"
    settings = json.load(open(path))
    settings["model"]["decoder"]["session_options"]["intra_op_num_threads"] = THREADS
    json.dump(settings, open(path, "w"))
    model = og.Model(folder + "/ort")
    shutil.rmtree(folder)

    def measure(n, prompt, new):
        ids = np.random.default_rng(0).integers(3, 64, (n, prompt), np.int32)
        params = og.GeneratorParams(model)
        params.set_search_options(max_length=prompt + new, min_length=prompt + new, do_sample=True, temperature=1.0, top_k=0,
                                  top_p=1.0, batch_size=n)
        generator = og.Generator(model, params)
        started = time.perf_counter()
        generator.append_tokens(ids)
        prefilled = time.perf_counter()
        generator.generate_next_token()
        first = time.perf_counter()
        for _ in range(new - 1):
            generator.generate_next_token()
        return prefilled - started, time.perf_counter() - first

    return f"onnxruntime-genai {precision} ({og.__version__})", measure


if __name__ == "__main__":
    kinds = {"llama.cpp": llama_cpp, "transformers": transformers, "onnxruntime-genai": onnxruntime_genai}
    name, measure = kinds[sys.argv[1]](sys.argv[2])
    print(json.dumps({"peer": name}), flush=True)
    for line in sys.stdin:
        n, prompt, new = map(int, line.split())
        prefill, rest = measure(n, prompt, new)
        print(json.dumps({"prefill": n * prompt / prefill, "decode": n * (new - 1) / rest}), flush=True)
