"""The named backbones by where their networks come from."""

from fgmix.models import BACKBONES

OWN = [name for name, entry in BACKBONES.items() if entry.preset is None]
"""Those of Keras and fgmix, which every installation can build."""
FROM_KERASHUB = [name for name in BACKBONES if name not in OWN]
"""Those that need the group `kerashub`."""
