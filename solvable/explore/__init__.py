"""The page of ``solvable explore``: curves of the theory while a point is dragged, simulations and frontier behind.

``wish`` reads what is asked, ``curves`` and ``behind`` compute it by compiled programs whose values are traced,
``words`` and ``code`` say it, ``server`` serves it on this computer alone. Only ``server`` needs the extra ``explore``.
"""
