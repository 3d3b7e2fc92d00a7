"""Build a small SD3 pipeline with all its parts, from configuration and a seed.

It has SD3's architecture at about a thousandth of its size, so that every command runs on a CPU
in seconds. It has learned nothing: see `tiny_start` for what its weights begin as.
"""

import sys
from typing import TYPE_CHECKING

from tuner_kit.process.messages import TinyModelRequest, TinyModelResult
from tuner_kit.workers.new_folder import new_folder
from tuner_kit.workers.quick_imports import hide_unused_packages
from tuner_kit.workers.runtime import Emit, run
from tuner_kit.workers.tiny_tokenizers import (
    CLIP_END,
    CLIP_START,
    build_clip_vocabulary,
    build_t5_vocabulary,
)

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, SD3Transformer2DModel, StableDiffusion3Pipeline
    from transformers import (
        CLIPTextModelWithProjection,
        CLIPTokenizer,
        T5EncoderModel,
        T5Tokenizer,
    )

CLIP_MAX_TOKENS, T5_MAX_TOKENS = 77, 512
CLIP_WIDTH = 32
JOINT_WIDTH = 2 * CLIP_WIDTH
"""SD3 lays both CLIP encoders side by side, for the tokens as for the pooled embeddings."""
LATENT_CHANNELS = 16
DENOISER_WIDTH = 96
"""The 64 numbers of a token, and room beside them for its mean, which layer norms take out."""


def build_tiny_sd3(request: TinyModelRequest, emit: Emit) -> TinyModelResult:
    """Build the pipeline and save it as a diffusers folder of safetensors files."""
    emit("importing torch and diffusers")
    hide_unused_packages()
    import torch

    emit("building the model")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(request.seed)
        pipeline = build_pipeline()
    from tuner_kit.workers.tiny_start import set_analytic_transformer, set_analytic_vae

    set_analytic_vae(pipeline.vae)
    set_analytic_transformer(pipeline.transformer)
    emit("saving the model")
    with new_folder(request.model_dir) as folder:
        pipeline.save_pretrained(folder, safe_serialization=True)
    networks = [part for part in pipeline.components.values() if isinstance(part, torch.nn.Module)]
    return TinyModelResult(
        model_dir=request.model_dir,
        num_parameters=sum(p.numel() for network in networks for p in network.parameters()),
    )


def build_pipeline() -> "StableDiffusion3Pipeline":
    """Put the parts together, in the order in which they use up the random numbers."""
    from diffusers import FlowMatchEulerDiscreteScheduler, StableDiffusion3Pipeline

    clip_tokenizer, t5_tokenizer = build_clip_tokenizer(), build_t5_tokenizer()
    return StableDiffusion3Pipeline(
        transformer=build_transformer(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=build_vae(),
        text_encoder=build_clip_encoder(clip_tokenizer),
        tokenizer=clip_tokenizer,
        text_encoder_2=build_clip_encoder(clip_tokenizer),
        tokenizer_2=build_clip_tokenizer(),
        text_encoder_3=build_t5_encoder(t5_tokenizer),
        tokenizer_3=t5_tokenizer,
    )


def build_clip_tokenizer() -> "CLIPTokenizer":
    """Build the tokenizer of both CLIP encoders."""
    from transformers import CLIPTokenizer

    vocabulary, merges = build_clip_vocabulary()
    return CLIPTokenizer(
        vocab=vocabulary,
        merges=merges,
        bos_token=CLIP_START,
        eos_token=CLIP_END,
        pad_token=CLIP_END,
        model_max_length=CLIP_MAX_TOKENS,
    )


def build_t5_tokenizer() -> "T5Tokenizer":
    """Build the tokenizer of the T5 encoder."""
    from transformers import T5Tokenizer

    return T5Tokenizer(vocab=build_t5_vocabulary(), extra_ids=0, model_max_length=T5_MAX_TOKENS)


def build_clip_encoder(tokenizer: "CLIPTokenizer") -> "CLIPTextModelWithProjection":
    """Build one CLIP text encoder."""
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    return CLIPTextModelWithProjection(
        CLIPTextConfig(
            hidden_size=CLIP_WIDTH,
            intermediate_size=2 * CLIP_WIDTH,
            projection_dim=CLIP_WIDTH,
            num_hidden_layers=2,
            num_attention_heads=2,
            vocab_size=len(tokenizer),
            max_position_embeddings=CLIP_MAX_TOKENS,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    ).eval()


def build_t5_encoder(tokenizer: "T5Tokenizer") -> "T5EncoderModel":
    """Build the T5 text encoder."""
    from transformers import T5Config, T5EncoderModel

    return T5EncoderModel(
        T5Config(
            vocab_size=len(tokenizer),
            d_model=JOINT_WIDTH,
            d_kv=16,
            d_ff=JOINT_WIDTH,
            num_layers=2,
            num_heads=2,
            feed_forward_proj="gated-gelu",
        )
    ).eval()


def build_transformer() -> "SD3Transformer2DModel":
    """Build the denoiser: two joint blocks, for pictures up to 1024 px."""
    from diffusers import SD3Transformer2DModel

    return SD3Transformer2DModel(
        sample_size=32,
        patch_size=2,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=DENOISER_WIDTH // 16,
        joint_attention_dim=JOINT_WIDTH,
        caption_projection_dim=DENOISER_WIDTH,
        pooled_projection_dim=JOINT_WIDTH,
        pos_embed_max_size=64,
    ).eval()


def build_vae() -> "AutoencoderKL":
    """Build the autoencoder: 16 channels, factor 8, with SD3's own shift and scale."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(16, 16, 32, 32),
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=1,
        sample_size=256,
        use_quant_conv=False,
        use_post_quant_conv=False,
        shift_factor=0.0609,
        scaling_factor=1.5305,
    ).eval()


if __name__ == "__main__":
    sys.exit(run(TinyModelRequest, build_tiny_sd3))
