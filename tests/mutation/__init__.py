"""Whether the tests of the modules that make money notice when one of them computes something else."""
