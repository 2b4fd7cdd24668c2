"""What a role does on its instance: configure, launch, serve, check. The standard library only."""
