"""Where faces are: boxes, the grid a detector speaks in, its losses, its training and how good it is.

`boxes`, `letterbox` and `grid` import numpy only and run on the device.
"""
