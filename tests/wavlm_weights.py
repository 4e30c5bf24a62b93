"""A small network of WavLM's class with random weights: what the tests have in place of the published one."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def made_wavlm(folder: Path, *, do_normalize: bool = True) -> dict[str, Any]:
    """Saves one as transformers does; gives the parameters that name it."""
    import torch
    from transformers import Wav2Vec2FeatureExtractor, WavLMConfig, WavLMForXVector

    config = WavLMConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48, conv_dim=(16,) * 7,
        num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2, num_buckets=32, max_bucket_distance=80,
        tdnn_dim=(24, 24, 24, 24, 48), xvector_output_dim=40, num_labels=4,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(1)
        WavLMForXVector(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=do_normalize, sampling_rate=16_000).save_pretrained(folder)
    return {"path": str(folder)}
