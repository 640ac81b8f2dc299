"""Options of the pipeline and settings of the environment, checked before use."""
