"""A small network of wav2vec 2.0's class with random weights: what the tests have in place of the published one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from visavox.core.digest import sha256_file

LETTERS = ("<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHS")


def made_wav2vec2(folder: Path, *, do_normalize: bool = True) -> dict[str, Any]:
    """Saves one as transformers does; gives the parameters that name it.

    Its letters hang on the sound: the last layer is drawn wide, and a space is likelier than any letter.
    """
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC

    config = Wav2Vec2Config(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=48, conv_dim=(16,) * 7,
        num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2, vocab_size=len(LETTERS), pad_token_id=0,
        layerdrop=0.0,
    )  # fmt: skip
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(1)
        network = Wav2Vec2ForCTC(config)
        for layer in network.wav2vec2.feature_extractor.conv_layers:
            torch.nn.init.normal_(layer.conv.weight, std=0.2)
        torch.nn.init.normal_(network.lm_head.weight, std=1.0)
        network.lm_head.bias[LETTERS.index("|")] += 5.0
        network.lm_head.bias[1:4] -= 50.0  # marks of texts, which no trained network writes
        network.save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=do_normalize, sampling_rate=16_000).save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({letter: place for place, letter in enumerate(LETTERS)}))
    return {"path": str(folder), "sha256": sha256_file(folder / "model.safetensors")}
