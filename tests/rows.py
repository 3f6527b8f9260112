"""The optimizers of the table, with the settings of its printed risks."""

import solvable as sv


def lookahead(step):
    """Nesterov's momentum t / (t + 3)."""
    return step / (step + 3.0)


# name -> (the optimizer at a learning rate and a batch size, its printed risks after 5, 20 and 40 updates)
ROWS = {
    "heavy ball": (lambda g, b=3: sv.HeavyBall(g, 0.8, b), (0.77963, 0.49988, 0.42017)),
    "gradient EMA": (lambda g, b=3: sv.EMAMomentum(g, 0.9, b), (0.96317, 0.40728, 0.25759)),
    "Nesterov": (lambda g, b=3: sv.Nesterov(g, 0.8, b), (0.54955, 0.34973, 0.33164)),
    "lookahead": (lambda g, b=3: sv.Nesterov(g, lookahead, b, form="lookahead"), (0.42500, 0.31240, 0.43282)),
    "DANA": (lambda g, b=3: sv.DANA(g * 0.5, 0.6, 1 / 1.4, 4.0, b), (0.58358, 0.28162, 0.23765)),
    "EMA": (lambda g, b=3: sv.EMA(sv.SGD(g, b), decay=0.9), (1.05877, 0.33283, 0.23369)),
    "tail average": (lambda g, b=3: sv.TailAverage(sv.SGD(g, b), start=15), (0.48054, 0.26598, 0.23619)),
    "weight decay": (lambda g, b=3: sv.WeightDecay(sv.SGD(g, b), 0.3), (0.54136, 0.37542, 0.36672)),
    "heavy ball, weight decay": (
        lambda g, b=3: sv.WeightDecay(sv.HeavyBall(g, 0.8, b), 0.3),
        (0.59675, 0.34058, 0.32213),
    ),
    "heavy ball, penalty": (
        lambda g, b=3: sv.WeightDecay(sv.HeavyBall(g, 0.8, b), 0.3, decoupled=False),
        (0.49842, 0.53690, 0.49713),
    ),
    "heavy ball, EMA": (lambda g, b=3: sv.EMA(sv.HeavyBall(g, 0.8, b), decay=0.9), (0.79673, 0.29552, 0.26250)),
    "schedule-free": (lambda g, b=3: sv.ScheduleFree(g, 0.9, b), (0.64883, 0.30473, 0.25026)),
    "linear decay": (lambda g, b=3: sv.SGD(sv.schedules.linear(g, 40), b), (0.49428, 0.27422, 0.24815)),
    "preconditioned": (lambda g, b=3: sv.Preconditioned(sv.SGD(0.05, b), 0.5), (1.03624, 0.45275, 0.27126)),
}
