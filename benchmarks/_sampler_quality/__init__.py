"""The parts of the benchmark of samplers: tasks, contenders, drivers, statistics."""
