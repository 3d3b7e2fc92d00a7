"""What the tiny model's weights begin as, so that its pictures are colors instead of noise.

Nothing is learned here; a few weights are set by hand:

* The autoencoder is a rough identity: each latent is the mean color of an 8 x 8 px block, each
  color channel several times over, and decoding is a smooth enlargement. Activations are led
  around by SiLU(x) - SiLU(-x) = x; a large constant in two channels keeps the group norms from
  scaling with the picture.
* The denoiser begins near "the picture is plain gray": then the velocity is the noise itself,
  which is the token divided by its own size, which is what its last layer norm gives. Its
  attention and feed-forward parts are random and add colors that depend on prompt and place.

Importing this module imports torch.
"""

import torch
from diffusers import AutoencoderKL, SD3Transformer2DModel
from diffusers.models.attention_processor import Attention
from diffusers.models.autoencoders.vae import Decoder, Encoder
from diffusers.models.downsampling import Downsample2D
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D

NUM_COLORS = 3
LEVEL = 8.0
"""The constant: its square is far above that of any color, which is at most 1."""
NUM_CARRIED = 2 * NUM_COLORS + 2
"""Channels that are led through: the colors, their negatives, the constant, its negative."""
LATENT_GAIN = 1.3
"""Block means of photographs spread by about 0.5; SD3's scale 1.53 then makes that 1."""
LOG_VARIANCE = -6.0
POSITION_SHARE = 0.3
"""Of the sine table: positions should tint a token, not drown it."""


@torch.no_grad()
def set_analytic_vae(vae: AutoencoderKL) -> None:
    """Make the autoencoder a rough identity on colors that vary slowly."""
    for module in vae.modules():
        if isinstance(module, ResnetBlock2D):
            _lead_past(module)
        elif isinstance(module, Attention):
            _zero(module.to_out[0])
        elif isinstance(module, Downsample2D | Upsample2D):
            _lead_through(module.conv, is_enlarging=isinstance(module, Upsample2D))
    _set_encoder_ends(vae.encoder)
    _set_decoder_ends(vae.decoder)


def _zero(layer: torch.nn.Conv2d | torch.nn.Linear) -> None:
    layer.weight.zero_()
    if layer.bias is not None:
        layer.bias.zero_()


def _lead_past(resnet: ResnetBlock2D) -> None:
    _zero(resnet.conv2)
    if resnet.conv_shortcut is not None:
        _zero(resnet.conv_shortcut)
        for channel in range(NUM_CARRIED):
            resnet.conv_shortcut.weight[channel, channel] = 1


def _lead_through(conv: torch.nn.Conv2d, *, is_enlarging: bool) -> None:
    """Average 2 x 2 pixels on the way down; smooth the doubled pixels on the way up."""
    _zero(conv)
    ramp = torch.tensor([1.0, 2.0, 1.0]) / 4 if is_enlarging else torch.tensor([0.5, 0.5, 0.0])
    center = torch.tensor([0.0, 1.0, 0.0])
    for channel in range(NUM_CARRIED):
        is_constant = channel >= 2 * NUM_COLORS
        # The padding is zero: smoothing the constant would dent it at the picture's edge.
        taps = center if is_constant and is_enlarging else ramp
        conv.weight[channel, channel] = torch.outer(taps, taps)


def _set_encoder_ends(encoder: Encoder) -> None:
    _zero(encoder.conv_in)
    for color in range(NUM_COLORS):
        encoder.conv_in.weight[color, color, 1, 1] = 1
        encoder.conv_in.weight[NUM_COLORS + color, color, 1, 1] = -1
    _set_constant(encoder)
    _zero(encoder.conv_out)
    num_latents = encoder.conv_out.out_channels // 2
    for latent in range(num_latents):
        color = latent % NUM_COLORS
        encoder.conv_out.weight[latent, color, 1, 1] = LATENT_GAIN
        encoder.conv_out.weight[latent, NUM_COLORS + color, 1, 1] = -LATENT_GAIN
    encoder.conv_out.bias[num_latents:] = LOG_VARIANCE


def _set_decoder_ends(decoder: Decoder) -> None:
    _zero(decoder.conv_in)
    for color in range(NUM_COLORS):
        copies = range(color, decoder.conv_in.in_channels, NUM_COLORS)
        for latent in copies:
            share = 1 / (len(copies) * LATENT_GAIN)
            decoder.conv_in.weight[color, latent, 1, 1] = share
            decoder.conv_in.weight[NUM_COLORS + color, latent, 1, 1] = -share
    _set_constant(decoder)
    _zero(decoder.conv_out)
    for color in range(NUM_COLORS):
        decoder.conv_out.weight[color, color, 1, 1] = 1
        decoder.conv_out.weight[color, NUM_COLORS + color, 1, 1] = -1


def _set_constant(part: Encoder | Decoder) -> None:
    """Add the constant, and undo the last norm's division by the spread it dominates."""
    part.conv_in.bias[NUM_CARRIED - 2] = LEVEL
    part.conv_in.bias[NUM_CARRIED - 1] = -LEVEL
    norm = part.conv_norm_out
    norm.weight.fill_((2 * LEVEL**2 / norm.num_channels) ** 0.5)
    norm.bias.zero_()


@torch.no_grad()
def set_analytic_transformer(transformer: SD3Transformer2DModel) -> None:
    """Let the denoiser begin with the velocity towards plain gray, plus its random parts."""
    embed, project = transformer.pos_embed.proj, transformer.proj_out
    _zero(embed)
    _zero(project)
    _zero(transformer.norm_out.linear)
    transformer.pos_embed.pos_embed.mul_(POSITION_SHARE)
    width, patch, channels = embed.out_channels, embed.kernel_size[0], embed.in_channels
    # The layer norm divides by the spread over the whole width, of which the token is a part.
    share = (project.out_features / width) ** 0.5
    for row in range(patch):
        for column in range(patch):
            for channel in range(channels):
                place = (row * patch + column) * channels + channel
                embed.weight[place, channel, row, column] = 1
                project.weight[place, place] = share
