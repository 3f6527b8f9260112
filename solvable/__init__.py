"""Solvable models of neural scaling laws: simulated, solved exactly, and predicted, side by side.

``__init__.pyi`` lists the names and where they live. Each is imported when it is first used, so that
``import solvable`` and the command line's help are immediate.
"""

import lazy_loader

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
