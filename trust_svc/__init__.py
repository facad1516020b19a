"""Trust: scores of campaigns and people, and everything that staff do about them."""

import os

# Before NumPy is loaded. Our matrices are small: threads of BLAS would wait for each other longer than they work (fitting a
# card took five times the CPU), and how many there are would show in the last bits of what is fitted.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
