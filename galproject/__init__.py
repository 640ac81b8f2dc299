"""The survey as a whole: pipeline, queue, references, options, API and site."""
