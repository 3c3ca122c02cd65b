"""KerasHub presets that have a name of their own in the registry.

With random weights these networks are built from the arguments here, without a download.
"""

from fgmix.models.backbones.hub_preset import HubPreset

APACHE = "Apache-2.0"

DINOV2_SMALL = HubPreset(
    "dinov2_small",
    licence=APACHE,
    handle="keras/dinov2/keras/dinov2_small/1",
    network="DINOV2Backbone",
    arguments={
        "patch_size": 14,
        "num_layers": 12,
        "hidden_dim": 384,
        "num_heads": 6,
        "intermediate_dim": 1536,
        "position_embedding_shape": (518, 518),
        "image_shape": (518, 518, 3),
    },
)
DINOV2_BASE = HubPreset(
    "dinov2_base",
    licence=APACHE,
    handle="keras/dinov2/keras/dinov2_base/1",
    network="DINOV2Backbone",
    arguments={
        "patch_size": 14,
        "num_layers": 12,
        "hidden_dim": 768,
        "num_heads": 12,
        "intermediate_dim": 3072,
        "position_embedding_shape": (518, 518),
        "image_shape": (518, 518, 3),
    },
)
SIGLIP2_BASE = HubPreset(
    "siglip2_base_patch16_224",
    licence=APACHE,
    handle="keras/siglip/keras/siglip2_base_patch16_224/1",
    network="SigLIPVisionEncoder",
    arguments={
        "patch_size": 16,
        "num_layers": 12,
        "hidden_dim": 768,
        "num_heads": 12,
        "intermediate_dim": 3072,
    },
)
VIT_BASE = HubPreset(
    "vit_base_patch16_224_imagenet21k",
    licence=APACHE,
    handle="keras/vit/keras/vit_base_patch16_224_imagenet21k/3",
    network="ViTBackbone",
    arguments={
        "image_shape": (224, 224, 3),
        "patch_size": 16,
        "num_layers": 12,
        "hidden_dim": 768,
        "num_heads": 12,
        "mlp_dim": 3072,
    },
)
EFFICIENTNET_LITE0 = HubPreset(
    "efficientnet_lite0_ra_imagenet",
    licence=APACHE,
    handle="keras/efficientnet/keras/efficientnet_lite0_ra_imagenet/2",
    network="EfficientNetBackbone",
    arguments={
        "stackwise_width_coefficients": [1.0] * 7,
        "stackwise_depth_coefficients": [1.0] * 7,
        "stackwise_kernel_sizes": [3, 3, 5, 3, 5, 5, 3],
        "stackwise_num_repeats": [1, 2, 2, 3, 3, 4, 1],
        "stackwise_input_filters": [32, 16, 24, 40, 80, 112, 192],
        "stackwise_output_filters": [16, 24, 40, 80, 112, 192, 320],
        "stackwise_expansion_ratios": [1, 6, 6, 6, 6, 6, 6],
        "stackwise_squeeze_and_excite_ratios": [0] * 7,
        "stackwise_strides": [1, 2, 2, 2, 1, 2, 1],
        "stackwise_block_types": ["v1"] * 7,
        "dropout": 0,
        "activation": "relu6",
        "include_stem_padding": True,
        "use_depth_divisor_as_min_depth": True,
        "cap_round_filter_decrease": True,
        "stem_conv_padding": "valid",
        "batch_norm_momentum": 0.99,
        "batch_norm_epsilon": 0.001,
        "projection_activation": None,
    },
)
