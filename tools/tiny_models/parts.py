"""The networks of the tiny SD3, built with random weights: SD3's architecture, a thousandth of its size."""

from diffusers import AutoencoderKL, SD3Transformer2DModel
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

from tiny_models.tokenizers import (
    CLIP_END,
    CLIP_START,
    build_clip_vocabulary,
    build_t5_vocabulary,
)

CLIP_MAX_TOKENS = 77
"""SimpleTuner counts on 77, whatever the tokenizer says."""
T5_MAX_TOKENS = 32
CLIP_WIDTH = 64
JOINT_WIDTH = 2 * CLIP_WIDTH
"""SD3 lays both CLIP encoders side by side, for the tokens as for the pooled embeddings."""
VISION_WIDTH = 128
VISION_PATCH_PX = 16
LATENT_CHANNELS = 16
LATENT_SIDE = 16
"""128 px at factor 8."""
HEAD_WIDTH = 32
DENOISER_WIDTH = 128
DENOISER_LAYERS = 6
VAE_CHANNELS = (16, 32, 32, 64)


def build_clip_tokenizer() -> CLIPTokenizer:
    """Build the tokenizer of both CLIP encoders."""
    vocabulary, merges = build_clip_vocabulary()
    return CLIPTokenizer(
        vocab=vocabulary,
        merges=merges,
        bos_token=CLIP_START,
        eos_token=CLIP_END,
        pad_token=CLIP_END,
        model_max_length=CLIP_MAX_TOKENS,
    )


def build_t5_tokenizer() -> T5Tokenizer:
    """Build the tokenizer of the T5 encoder."""
    return T5Tokenizer(vocab=build_t5_vocabulary(), extra_ids=0, model_max_length=T5_MAX_TOKENS)


def clip_text_config(tokenizer: CLIPTokenizer) -> CLIPTextConfig:
    """Describe a CLIP text tower of three layers."""
    return CLIPTextConfig(
        hidden_size=CLIP_WIDTH,
        intermediate_size=3 * CLIP_WIDTH,
        projection_dim=CLIP_WIDTH,
        num_hidden_layers=3,
        num_attention_heads=4,
        vocab_size=len(tokenizer),
        max_position_embeddings=CLIP_MAX_TOKENS,
        hidden_act="gelu",
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def build_clip(tokenizer: CLIPTokenizer) -> CLIPModel:
    """Build the image tower (ViT, 16 px patches) and its text tower."""
    vision = CLIPVisionConfig(
        hidden_size=VISION_WIDTH,
        intermediate_size=3 * VISION_WIDTH,
        projection_dim=CLIP_WIDTH,
        num_hidden_layers=4,
        num_attention_heads=4,
        image_size=8 * LATENT_SIDE,
        patch_size=VISION_PATCH_PX,
        hidden_act="gelu",
    )
    text = clip_text_config(tokenizer)
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=CLIP_WIDTH))


def build_clip_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModelWithProjection:
    """Build a text tower that stands alone, as SD3 has two."""
    return CLIPTextModelWithProjection(clip_text_config(tokenizer))


def build_t5(tokenizer: T5Tokenizer) -> T5EncoderModel:
    """Build the T5 encoder, which may not be missing: SimpleTuner takes its prompts' length from it."""
    return T5EncoderModel(
        T5Config(
            vocab_size=len(tokenizer),
            d_model=JOINT_WIDTH,
            d_kv=32,
            d_ff=192,
            num_layers=2,
            num_heads=4,
            feed_forward_proj="gated-gelu",
            dropout_rate=0.0,
            pad_token_id=0,
            eos_token_id=1,
            decoder_start_token_id=0,
        )
    )


def build_denoiser() -> SD3Transformer2DModel:
    """Build the MM-DiT, for pictures of 128 px."""
    return SD3Transformer2DModel(
        sample_size=LATENT_SIDE,
        patch_size=2,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        num_layers=DENOISER_LAYERS,
        attention_head_dim=HEAD_WIDTH,
        num_attention_heads=DENOISER_WIDTH // HEAD_WIDTH,
        joint_attention_dim=JOINT_WIDTH,
        caption_projection_dim=DENOISER_WIDTH,
        pooled_projection_dim=JOINT_WIDTH,
        pos_embed_max_size=LATENT_SIDE,
        qk_norm="rms_norm",
    )


def build_vae(
    latent_channels: int = LATENT_CHANNELS, *, has_quant_convs: bool = False
) -> AutoencoderKL:
    """Build the autoencoder: factor 8, no attention, one group in its norms.

    More groups would divide flat colors away: two of 16 channels say too little about them.
    """
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * len(VAE_CHANNELS),
        up_block_types=("UpDecoderBlock2D",) * len(VAE_CHANNELS),
        block_out_channels=VAE_CHANNELS,
        layers_per_block=1,
        latent_channels=latent_channels,
        norm_num_groups=1,
        sample_size=8 * LATENT_SIDE,
        use_quant_conv=has_quant_convs,
        use_post_quant_conv=has_quant_convs,
        mid_block_add_attention=False,
    )
