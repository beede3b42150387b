"""What the constants of small systems mean, by the functions of their rates."""

CONSTANTS = {
    "lorenz": {
        "sigma": "Prandtl number",
        "rho": "Rayleigh number over its critical value",
        "beta": "Shape factor of the convection cells",
    },
    "roessler": {
        "a": "Growth rate of the spiral",
        "b": "Source of z",
        "c": "Value of x above which z grows",
    },
    "sirs": {
        "beta": "Transmission rate",
        "gamma": "Recovery rate",
        "waning": "Rate at which immunity is lost",
    },
    "van_der_pol": {"mu": "Strength of the nonlinear damping"},
    "predator_prey": {
        "growth": "Growth rate of the prey",
        "hunt": "Predation rate",
        "death": "Death rate of the predators",
        "efficiency": "Predators born per prey eaten",
    },
    "pendulum": {
        "g": "Gravitational acceleration [m/s^2]",
        "arm": "Length of the pendulum [m]",
        "drag": "Damping rate [1/s]",
    },
    "fitzhugh_nagumo": {
        "current": "Stimulus current",
        "epsilon": "Rate of the recovery relative to that of the potential",
        "a": "Offset of the recovery",
        "b": "Decay of the recovery",
    },
    "brusselator": {
        "feed": "Inflow of the first species",
        "drain": "Rate at which the first species turns into the second",
    },
    "robertson": {
        "k1": "Rate constant of the slow reaction",
        "k2": "Rate constant of the back reaction",
        "k3": "Rate constant of the fast reaction",
    },
}
