"""Studies: the engine that runs any of them, and a folder for each kind."""
