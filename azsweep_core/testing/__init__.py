"""What tests of samplers, policies and sweeps share; ships with the package for those who write their own."""
