"""A Hydra launcher that the sweeper knows nothing about."""
