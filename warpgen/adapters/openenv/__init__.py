"""OpenEnv: kernels to be written, judged by execution. This folder is an environment of `openenv`."""
