"""How the survey is run: the pipeline, the queue, references, options, the API and the site."""
