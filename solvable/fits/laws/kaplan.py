"""The laws of Kaplan et al. 2020: powers of one variable without a floor, and two joint forms."""

from typing import ClassVar

from solvable.fits.laws.base import AbstractLaw

SCALES = (0.03, 0.3, 1.0, 10.0)
EXPONENTS = (0.05, 0.2, 0.7)


class KaplanN(AbstractLaw):
    """L(N) = (N_c / N)^alpha_N, N without embeddings, at unlimited data. Source: Kaplan et al. 2020, eq. 1.1."""

    references: ClassVar[tuple[str, ...]] = ("kaplan2020",)
    formula: ClassVar[str] = "L = (N_c / N)^alpha_N"
    variables = ("N",)
    parameters = ("N_c", "alpha_N")
    positive = ("N_c", "alpha_N")

    def __call__(self, parameters, variables):
        return (parameters["N_c"] / variables["N"]) ** parameters["alpha_N"]

    def factors(self, parameters, units):
        return {"N_c": units["N"] * units["L"] ** (1 / parameters["alpha_N"])}

    def starts(self):
        return {"N_c": SCALES, "alpha_N": EXPONENTS}


class KaplanD(AbstractLaw):
    """L(D) = (D_c / D)^alpha_D, for a large model stopped early. Source: Kaplan et al. 2020, eq. 1.2."""

    references: ClassVar[tuple[str, ...]] = ("kaplan2020",)
    formula: ClassVar[str] = "L = (D_c / D)^alpha_D"
    variables = ("D",)
    parameters = ("D_c", "alpha_D")
    positive = ("D_c", "alpha_D")

    def __call__(self, parameters, variables):
        return (parameters["D_c"] / variables["D"]) ** parameters["alpha_D"]

    def factors(self, parameters, units):
        return {"D_c": units["D"] * units["L"] ** (1 / parameters["alpha_D"])}

    def starts(self):
        return {"D_c": SCALES, "alpha_D": EXPONENTS}


class KaplanND(AbstractLaw):
    """L(N, D) = ((N_c / N)^(alpha_N / alpha_D) + D_c / D)^alpha_D. Source: Kaplan et al. 2020, eq. 1.5."""

    references: ClassVar[tuple[str, ...]] = ("kaplan2020",)
    formula: ClassVar[str] = "L = ((N_c / N)^(alpha_N / alpha_D) + D_c / D)^alpha_D"
    variables = ("N", "D")
    parameters = ("N_c", "D_c", "alpha_N", "alpha_D")
    positive = ("N_c", "D_c", "alpha_N", "alpha_D")

    def __call__(self, parameters, variables):
        p, v = parameters, variables
        size = (p["N_c"] / v["N"]) ** (p["alpha_N"] / p["alpha_D"])
        return (size + p["D_c"] / v["D"]) ** p["alpha_D"]

    def factors(self, parameters, units):
        powers = {x: units["L"] ** (1 / parameters[f"alpha_{x}"]) for x in "ND"}
        return {f"{x}_c": units[x] * powers[x] for x in "ND"}

    def starts(self):
        return {"N_c": SCALES[:3], "D_c": SCALES[:3], "alpha_N": EXPONENTS, "alpha_D": EXPONENTS}


class KaplanNS(AbstractLaw):
    """L(N, S) = (N_c / N)^alpha_N + (S_c / S)^alpha_S, S = S_min the steps at a batch far above the critical one.

    Source: Kaplan et al. 2020, eq. 1.6.
    """

    references: ClassVar[tuple[str, ...]] = ("kaplan2020",)
    formula: ClassVar[str] = "L = (N_c / N)^alpha_N + (S_c / S)^alpha_S"
    variables = ("N", "S")
    parameters = ("N_c", "S_c", "alpha_N", "alpha_S")
    positive = ("N_c", "S_c", "alpha_N", "alpha_S")

    def __call__(self, parameters, variables):
        p, v = parameters, variables
        return (p["N_c"] / v["N"]) ** p["alpha_N"] + (p["S_c"] / v["S"]) ** p["alpha_S"]

    def factors(self, parameters, units):
        powers = {x: units["L"] ** (1 / parameters[f"alpha_{x}"]) for x in "NS"}
        return {f"{x}_c": units[x] * powers[x] for x in "NS"}

    def starts(self):
        return {"N_c": SCALES[:3], "S_c": SCALES[:3], "alpha_N": EXPONENTS, "alpha_S": EXPONENTS}


class CriticalBatch(AbstractLaw):
    """B(L) = B_star / L^(1 / alpha_B): the critical batch in tokens at the loss L. Source: Kaplan et al. 2020, 1.4."""

    references: ClassVar[tuple[str, ...]] = ("kaplan2020", "mccandlish2018")
    formula: ClassVar[str] = "B = B_star / L^(1 / alpha_B)"
    target: ClassVar[str] = "B"
    variables = ("L",)
    parameters = ("B_star", "alpha_B")
    positive = ("B_star", "alpha_B")

    def __call__(self, parameters, variables):
        return parameters["B_star"] * variables["L"] ** (-1 / parameters["alpha_B"])

    def factors(self, parameters, units):
        return {"B_star": units["B"] * units["L"] ** (1 / parameters["alpha_B"])}

    def starts(self):
        return {"B_star": (1.0,), "alpha_B": (0.1, 0.3, 1.0)}
