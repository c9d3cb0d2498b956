"""Names of the array types that this package takes and returns."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["FloatMatrix", "FloatVector", "IntVector"]

FloatMatrix = NDArray[np.float64]
FloatVector = NDArray[np.float64]
IntVector = NDArray[np.int64]
