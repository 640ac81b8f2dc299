"""Commands that work on one chip after the other, and report each as it ends."""

from tqdm import tqdm

from exposures.management.base import SurveyCommand


class ChipResultsCommand(SurveyCommand):
    """Base of a command with results of chips; its ``lines_of`` says what to tell of one."""

    def follow(self, results, total):
        """Report results as they come, above a progress bar."""
        with tqdm(total=total, unit="chip", disable=None) as bar:
            for result in results:
                with bar.external_write_mode(file=self.stdout.stream):
                    self.report(result)
                bar.update()
                yield result

    def report(self, result):
        if result.failed:
            self.stderr.write(f"{result.label}: {result.error}")
            return
        for line in self.lines_of(result):
            self.stdout.write(line)

    def lines_of(self, result):
        """The lines to write of a result without an error."""
        raise NotImplementedError
