"""Names of the product's classes and functions: one name for one thing."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPLICATIONS = ("exposures", "photometry", "variables", "galproject")

# What Django and manage.py look for by its name, in every module of its kind.
BY_DJANGO = {"Command"}
# The same idea in several modules, and why it has one name.
SAME_IDEA = {
    **dict.fromkeys(
        ("change_reference", "change_reference_set", "process_chip", "recover_lost_work"),
        "a task or a page does what the function of its name does",
    ),
    **dict.fromkeys(("worker_died", "work"), "what runs in a worker is handed to the jobs"),
    **dict.fromkeys(
        ("flag_image", "flag_source", "working_status"),
        "a page does what the function of its name does",
    ),
    **dict.fromkeys(
        ("read_chip", "read_facts"), "one reader for each format, and one that knows the format"
    ),
    "close_job": "a task does what the function of its name does",
    "file_name": "of the archive's files, and of those that are made like them",
    "galactic": "a filter of templates is the function of its name",
    "sexagesimal": "a filter of templates is the function of its name",
    "storage_errors": "errors of a full or locked disk, of what is written there",
    "install": "called by an application when it is ready",
}
# To be told apart yet: nothing may be added, and what is told apart goes from here.
TO_TELL_APART = {"matches_of"}
