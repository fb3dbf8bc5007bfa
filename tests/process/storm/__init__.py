"""A random test on real processes: a cast, a service, a scenario from a seed, and a judge of its own."""
