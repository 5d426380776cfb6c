"""Learning curves of real models, and what policies and pruners make of them in virtual time."""
