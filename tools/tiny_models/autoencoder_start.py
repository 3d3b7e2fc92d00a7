"""What the autoencoder's weights begin as: a linear code worked out from pictures, not noise.

The encoder begins as three nested principal component analyses, each over blocks of 2 x 2
(3 -> 12 -> 32 -> 16 channels), the decoder as a smooth enlargement of each block's mean color.
That is 17 dB before the first step; from random weights this network takes an hour to get there.

Activations are led around by SiLU(x) - SiLU(-x) = x; a large constant in two channels keeps the
last group norm from scaling with the picture.
"""

import torch
from diffusers import AutoencoderKL
from diffusers.models.autoencoders.vae import Decoder, Encoder
from diffusers.models.resnet import ResnetBlock2D
from torch import Tensor, nn
from torch.nn import functional

LEVEL = 4.0
"""The constant: well above any latent."""
LOG_VARIANCE = 2 * torch.log(torch.tensor(0.12)).item()
"""Of the latents' posterior: noise of 0.12 beside latents of about 1."""
WHITENING = 0.5
"""0 keeps each component's own spread, 1 makes all alike; between, the coarse ones lead."""
RESIDUAL_GAIN, SHORTCUT_GAIN, REST_GAIN = 0.02, 0.3, 0.2
"""How much of the random start remains in the parts that learn the rest."""
INNER_CODE_SIZES = (12, 32)


@torch.no_grad()
def set_linear_code(vae: AutoencoderKL, pictures_BCHW: Tensor) -> None:
    """Set the start from a few hundred pictures, values in -1..1, sides a multiple of 8."""
    for module in vae.modules():
        if isinstance(module, ResnetBlock2D):
            module.conv2.weight.mul_(RESIDUAL_GAIN)
            nn.init.zeros_(module.conv2.bias)
            if module.conv_shortcut is not None:
                module.conv_shortcut.weight.mul_(SHORTCUT_GAIN)
                nn.init.zeros_(module.conv_shortcut.bias)
    sizes = (*INNER_CODE_SIZES, vae.config.latent_channels)
    spreads = _set_encoder_levels(vae.encoder, pictures_BCHW, sizes)
    _set_encoder_end(vae.encoder, spreads)
    latents = torch.cat(
        [vae.encode(part).latent_dist.mean for part in torch.split(pictures_BCHW, 50)]
    )
    _set_decoder_start(vae.decoder, latents, pictures_BCHW)
    _set_decoder_levels(vae.decoder)


def _set_encoder_levels(encoder: Encoder, pictures_BCHW: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """Give the last level's spreads, shape (latent channels,), largest first."""
    encoder.conv_in.weight[:3].zero_()
    nn.init.zeros_(encoder.conv_in.bias)
    for color in range(3):
        encoder.conv_in.weight[color, color, 1, 1] = 1
    hidden, channels, variances = pictures_BCHW, 3, torch.empty(0)
    for level, size in enumerate(sizes):
        blocks = _unfold(hidden)
        axes_KC, variances = _principal_axes(blocks, size)
        conv = encoder.down_blocks[level].downsamplers[0].conv
        conv.weight[:size].zero_()
        for place in range(4):
            part = axes_KC[:, place * channels : (place + 1) * channels]
            conv.weight[:size, :channels, place // 2, place % 2] = part
        nn.init.zeros_(conv.bias)
        hidden, channels = torch.einsum("kc,bchw->bkhw", axes_KC, blocks), size
        shortcut = encoder.down_blocks[level + 1].resnets[0].conv_shortcut
        if level + 1 < len(sizes) and shortcut is not None:
            shortcut.weight[:size] = 0
            shortcut.weight[:size, :size, 0, 0] = torch.eye(size)
    return variances.sqrt()


def _unfold(hidden: Tensor) -> Tensor:
    """Lay each 2 x 2 block's pixels side by side, shape (B, 4C, H / 2, W / 2)."""
    rows = [hidden[..., row::2, column::2] for row in range(2) for column in range(2)]
    return torch.cat(rows, dim=1)


def _principal_axes(blocks_BCHW: Tensor, num_axes: int) -> tuple[Tensor, Tensor]:
    points_CN = blocks_BCHW.permute(1, 0, 2, 3).flatten(1)
    variances, axes = torch.linalg.eigh(points_CN @ points_CN.T / points_CN.shape[1])
    order = variances.argsort(descending=True)[:num_axes]
    axes = axes[:, order].T
    # The sign of an axis is free, and differs between machines unless it is fixed.
    signs = axes.gather(1, axes.abs().argmax(1, keepdim=True)).sign()
    return axes * signs, variances[order]


def _set_encoder_end(encoder: Encoder, spreads: Tensor) -> None:
    size = len(spreads)
    gains = 1 / (spreads**WHITENING + 1e-4)
    gains = gains / (gains * spreads).square().mean().sqrt()
    shortcut = encoder.down_blocks[-1].resnets[0].conv_shortcut
    plus, minus = 2 * size, 2 * size + 1
    shortcut.weight[: minus + 1] = 0
    shortcut.weight[:size, :size, 0, 0] = torch.diag(gains)
    shortcut.weight[size : 2 * size, :size, 0, 0] = -torch.diag(gains)
    shortcut.bias[plus], shortcut.bias[minus] = 2 * LEVEL, -2 * LEVEL
    shortcut.weight[minus + 1 :].mul_(REST_GAIN)
    norm, out = encoder.conv_norm_out, encoder.conv_out
    norm.weight.fill_(((2 * (2 * LEVEL) ** 2 + 2 * size) / norm.num_channels) ** 0.5)
    nn.init.zeros_(norm.bias)
    nn.init.zeros_(out.weight)
    nn.init.zeros_(out.bias)
    out.bias[size:] = LOG_VARIANCE
    for latent in range(size):
        out.weight[latent, latent, 1, 1] = 1
        out.weight[latent, size + latent, 1, 1] = -1


def _set_decoder_start(decoder: Decoder, latents: Tensor, pictures: Tensor) -> None:
    """Fit each block's mean color, linearly, to its latent."""
    latents_NC = latents.permute(1, 0, 2, 3).flatten(1).T
    colors_NC = functional.avg_pool2d(pictures, 8).permute(1, 0, 2, 3).flatten(1).T
    weights = torch.linalg.lstsq(latents_NC, colors_NC).solution
    decoder.conv_in.weight[:3] = 0
    decoder.conv_in.weight[:3, :, 1, 1] = weights.T
    decoder.conv_in.bias[:3] = 0


def _set_decoder_levels(decoder: Decoder) -> None:
    ramp = torch.tensor([1.0, 2.0, 1.0]) / 4
    for block in decoder.up_blocks:
        shortcut = block.resnets[0].conv_shortcut
        if shortcut is not None:
            shortcut.weight[:3], shortcut.bias[:3] = 0, 0
            shortcut.weight[:3, :3, 0, 0] = torch.eye(3)
        if block.upsamplers:
            conv = block.upsamplers[0].conv
            conv.weight[:3], conv.bias[:3] = 0, 0
            for color in range(3):
                conv.weight[color, color] = torch.outer(ramp, ramp)
    last = decoder.up_blocks[-1].resnets[0].conv_shortcut
    last.weight[3:6] = -last.weight[:3]
    last.weight[14:] = 0
    last.bias[14], last.bias[15] = LEVEL, -LEVEL
    norm, out = decoder.conv_norm_out, decoder.conv_out
    norm.weight.fill_(((2 * LEVEL**2 + 4) / norm.num_channels) ** 0.5)
    nn.init.zeros_(norm.bias)
    out.weight.mul_(0.05)
    nn.init.zeros_(out.bias)
    for color in range(3):
        out.weight[color, color, 1, 1] += 1
        out.weight[color, 3 + color, 1, 1] -= 1
