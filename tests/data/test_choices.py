from fgmix.data import choices
from fgmix.data.augment.registry import AUGMENTATIONS


def test_the_augmentations_offered_are_the_augmentations_there_are():
    assert tuple(AUGMENTATIONS) == choices.AUGMENTATIONS
