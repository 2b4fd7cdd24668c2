"""What a build writes: one module a target version, and the files beside it."""
