"""What the constants of small systems mean, by the functions of their rates."""

CONSTANTS = {
    "lorenz": {
        "sigma": "Prandtl number",
        "rho": "Rayleigh number divided by its critical value",
        "beta": "Geometric factor of the convection cells",
    },
    "roessler": {
        "a": "Spiral growth rate",
        "b": "Source term of z",
        "c": "Threshold of x for z to grow",
    },
    "sirs": {
        "beta": "Transmission rate",
        "gamma": "Recovery rate",
        "waning": "Rate of immunity loss",
    },
    "van_der_pol": {"mu": "Nonlinear damping strength"},
    "predator_prey": {
        "growth": "Prey growth rate",
        "hunt": "Predation rate",
        "death": "Predator death rate",
        "efficiency": "Predators born per prey eaten",
    },
    "pendulum": {
        "g": "Gravitational acceleration [m/s^2]",
        "arm": "Pendulum length [m]",
        "drag": "Damping rate [1/s]",
    },
    "fitzhugh_nagumo": {
        "current": "Stimulus current",
        "epsilon": "Recovery rate relative to the membrane potential rate",
        "a": "Recovery offset",
        "b": "Recovery decay",
    },
    "brusselator": {
        "feed": "Feed rate of the first species",
        "drain": "Conversion rate of the first species into the second",
    },
    "robertson": {
        "k1": "Slow reaction rate constant",
        "k2": "Back reaction rate constant",
        "k3": "Fast reaction rate constant",
    },
}
