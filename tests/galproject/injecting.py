"""An injection in a process of its own; importable before Django is set up."""

from galproject.queue import worker


def inject_and_wait(database, files, begun, go, outcome):
    """Inject into a chip, and stop in the middle until somebody says ``go``.

    ``files`` are the two exposures and the catalogue. ``begun`` is set at the stop, and at the end
    the number of stars or what went wrong is put into ``outcome``.
    """
    worker.start(database)
    from galproject.configuration.pipeline_options import PipelineOptions
    from galproject.validation.injection.options import InjectionOptions
    from galproject.validation.injection.run import inject

    class Pause:
        """A progress bar that stops after the reference."""

        def reset(self, total):
            pass

        def update(self, n):
            begun.set()
            go.wait(60)

    try:
        stars = InjectionOptions(n_stars=5)
        *paths, catalogue = files
        options = PipelineOptions(catalogue=str(catalogue))
        made = inject(paths, options, stars, ccds={35}, progress=Pause())
        outcome.put(len(made.comparison.on_reference))
    except Exception as error:
        outcome.put(repr(error))
    finally:
        begun.set()
